mod headers;
mod order;
mod recompute;

use super::Model;

/// Returns a model's file with these header lines besides the columns.
fn file(header: &str) -> String {
    let columns = "-- columns:\n--   symbol  text: the symbol\n--   n  integer, rows: how many\n";
    format!("-- What a row is.\n--\n{header}{columns}SELECT 1\n")
}

fn model(name: &str, header: &str) -> Model {
    Model::parse(&format!("models/{name}.sql"), &file(header))
        .unwrap_or_else(|error| panic!("{error}"))
}
