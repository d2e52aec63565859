//! Opens a lake and prints the rows of a statement, which arrive as Arrow batches.
//!
//! `cargo run -- demo` makes a lake. Then: `cargo run --example read -- lakehouse-demo`

use std::env;
use std::io::{self, Write};

use arrow::util::pretty::pretty_format_batches;
use futures::TryStreamExt;
use lakehouse::query::{Session, SessionOptions};
use lakehouse::storage::lake::Lake;

const EXAMPLE: &str = "SELECT market, symbol, count(*) AS bars, max(high) AS highest \
                       FROM silver.klines GROUP BY market, symbol ORDER BY market, symbol";

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = env::args().skip(1);
    let location = arguments.next().unwrap_or_else(|| "lakehouse-demo".to_owned());
    let sql = arguments.next().unwrap_or_else(|| EXAMPLE.to_owned());
    print_rows(&location, &sql, &mut io::stdout()).await
}

/// Runs one statement. Rows are written batch by batch, so an answer of any size fits in memory.
pub(crate) async fn print_rows(
    location: &str,
    sql: &str,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let lake = Lake::open(location)?;
    let session = Session::open(&lake, SessionOptions::default())?;
    let mut batches = Box::pin(session.sql(sql)).await?;
    while let Some(batch) = batches.try_next().await? {
        writeln!(out, "{}", pretty_format_batches(&[batch])?)?;
    }
    Ok(())
}
