//! The pages of `docs/` that follow from data: `UPDATE_DOCS=1 cargo test docs` writes them again.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow::datatypes::DataType;
use lakehouse::gold::load_models;
use lakehouse_core::fill::Endpoints;
use lakehouse_core::gold::{Model, Partitioning};
use lakehouse_core::matrix::{Combination, Matrix};
use lakehouse_core::names::market::{Interval, Market};
use lakehouse_core::schema::{Column, ColumnType, SHARED_COLUMNS, Schemas, TableSchema};

use crate::support::archive_server::ArchiveServer;
use crate::support::delta_log::{Comment, comments, newest_metadata};
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

#[tokio::test]
async fn the_page_about_tables_says_what_schemas_matrix_and_a_lake_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tables.md");
    let expected = tables_page() + &meta_tables().await;
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &expected).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap();
    assert!(
        found == expected,
        "docs/tables.md is not what UPDATE_DOCS=1 cargo test docs would write"
    );
}

const INTRODUCTION: &str = "\
<!-- Made from schemas/, schemas/gold/, matrix/ and src/meta/ by tests/docs.rs: \
UPDATE_DOCS=1 cargo test docs -->

# Tables

`silver` has one Delta table per data type, partitioned by `market` and `date`, with the columns of
the archive's CSV files under their own names in snake_case. [`gold`](#the-tables-of-gold) has
tables that are computed from others, and [`meta`](#the-tables-of-meta) has tables about the lake.
The descriptions on this page are also in the tables, as Delta descriptions and column comments.

Types are named as `lakehouse query` and the shell name them. Times are UTC microseconds, whatever
the file used. Numbers are exact decimals: a value that does not fit its column is in
`meta.rejects`, never rounded.

The market `options` has its archives below `data/option/`, the two futures markets have theirs
below `data/futures/um/` and `data/futures/cm/`.

Every table of `silver` has these columns:

";

fn shared_columns(page: &mut String) {
    page.push_str("| column | type | what it holds |\n|---|---|---|\n");
    for (column, doc) in SHARED_COLUMNS {
        let data_type = if column == "date" { "date" } else { "text" };
        let only = if column == "bar_interval" { "; only in tables of bars" } else { "" };
        writeln!(page, "| `{column}` | {data_type} | {doc}{only} |").unwrap();
    }
}

fn tables_page() -> String {
    let matrix = Matrix::builtin().unwrap();
    let mut page = INTRODUCTION.to_owned();
    shared_columns(&mut page);
    overview(&mut page, &matrix);
    for schema in Schemas::builtin().unwrap().iter() {
        let combinations: Vec<_> =
            matrix.combinations().iter().filter(|row| row.schema == schema.table()).collect();
        table(&mut page, schema, &combinations);
    }
    recent(&mut page, &matrix, &Schemas::builtin().unwrap());
    page.push_str(GOLD_INTRODUCTION);
    let models = load_models(&Schemas::builtin().unwrap(), None).unwrap();
    assert_eq!(models.broken(), []);
    let mut models: Vec<&Model> = models.models().iter().collect();
    models.sort_by_key(|model| model.name());
    models.into_iter().for_each(|model| gold_table(&mut page, model));
    page
}

fn gold_table(page: &mut String, model: &Model) {
    let list = |names: &[String]| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
    };
    let inputs: Vec<String> = model.inputs().iter().map(ToString::to_string).collect();
    write!(
        page,
        "\n### gold.{}\n\n{}\n\n",
        model.name(),
        model.description().replace('\n', "\n\n")
    )
    .unwrap();
    write!(page, "Made from {}. Its key is {}. ", list(&inputs), list(model.key())).unwrap();
    match (model.partitioning(), model.lookback(), model.lookahead()) {
        (Partitioning::Whole, ..) => {
            page.push_str("It has no partitions and is built as a whole.\n\n");
        }
        (_, 0, 0) => page.push_str("A day is made from that day.\n\n"),
        (_, back, 0) => {
            write!(page, "A day is made from that day and {} before it.\n\n", days(back)).unwrap();
        }
        (_, 0, ahead) => {
            write!(page, "A day is made from that day and {} after it.\n\n", days(ahead)).unwrap();
        }
        (_, back, ahead) => {
            let (back, ahead) = (days(back), days(ahead));
            write!(page, "A day is made from that day, {back} before and {ahead} after it.\n\n")
                .unwrap();
        }
    }
    page.push_str("| column | type | unit | what it holds |\n|---|---|---|---|\n");
    if model.partitioning() == Partitioning::MarketAndDate {
        page.push_str("| `market` | text | | market, by which the table is partitioned |\n");
        page.push_str("| `date` | date | | UTC day, by which the table is partitioned |\n");
    }
    for column in model.columns() {
        writeln!(
            page,
            "| `{}` | {} | {} | {} |",
            column.name, column.kind, column.unit, column.description
        )
        .unwrap();
    }
}

fn days(days: u32) -> String {
    if days == 1 { "1 day".to_owned() } else { format!("{days} days") }
}

const GOLD_INTRODUCTION: &str = "
## The tables of gold

Computed from other tables by the SQL in [schemas/gold/](../schemas/gold), and computed again only
for days whose inputs changed. `lakehouse gold show MODEL` prints the statement. Values that are
copied or added up are exact. Quotients are double precision, converted in the last step.

The types are those of the models' headers: `integer` is a smallint, int or bigint, `decimal` a
decimal of any precision. `\\d gold.TABLE` in the shell prints the exact types of a table.
";

const RECENT_INTRODUCTION: &str = "
## The tables of recent and all

`lakehouse fill` puts provisional rows of the exchange's API into the schema `recent`: tables with
the columns and names of those of silver, where `archive` is `api:` and the file of the answer below
`bronze/api/`. Rows leave them when an archive has them. See [fill.md](fill.md).

| data type | provisional rows | with those of silver | spot | futures_um | futures_cm |
|---|---|---|---|---|---|
";

const RECENT_END: &str = "
A table of `all` has the rows of silver, and those of `recent` for which silver has no row of the
same market, symbol, length of bar and time. It is computed when it is read: `recent` has Delta
tables for any reader, `all` exists in the SQL of `lakehouse` only.
";

/// The tables that a fill makes, and what the API has for which market.
fn recent(page: &mut String, matrix: &Matrix, schemas: &Schemas) {
    page.push_str(RECENT_INTRODUCTION);
    let endpoints = Endpoints::builtin(matrix, schemas).unwrap();
    let mut seen = BTreeSet::new();
    for endpoint in endpoints.iter().filter(|one| seen.insert(one.data_type.as_str())) {
        let table = endpoint.schema.table();
        write!(page, "| {} | `recent.{table}` | `all.{table}` |", endpoint.data_type).unwrap();
        for market in [Market::Spot, Market::FuturesUm, Market::FuturesCm] {
            let found = endpoints.get(market, &endpoint.data_type);
            page.push_str(if found.is_some() { " yes |" } else { "  |" });
        }
        page.push('\n');
    }
    page.push_str(RECENT_END);
}

/// Every data type with its table, and what each market has of it.
fn overview(page: &mut String, matrix: &Matrix) {
    page.push_str("\n## The tables of silver\n\n| data type | table |");
    Market::ALL.iter().for_each(|market| write!(page, " {market} |").unwrap());
    page.push_str("\n|---|---|---|---|---|---|\n");
    let mut seen = BTreeSet::new();
    for row in matrix.combinations().iter().filter(|row| seen.insert(row.data_type.as_str())) {
        write!(page, "| {} | [`silver.{}`](#{}) |", row.data_type, row.schema, row.schema).unwrap();
        for market in Market::ALL {
            let status = matrix
                .get(market, &row.data_type)
                .map_or_else(String::new, |row| row.status.to_string());
            write!(page, " {status} |").unwrap();
        }
        page.push('\n');
    }
    page.push_str(
        "\nData types that ended, were withdrawn or were never published are \
         read all the same if a \
         mirror has them.\n",
    );
}

fn table(page: &mut String, schema: &TableSchema, combinations: &[&Combination]) {
    let sorted = schema
        .sort_columns()
        .iter()
        .map(|column| format!("`{column}`"))
        .collect::<Vec<_>>()
        .join(", ");
    write!(page, "\n### {}\n\n{}\n\n", schema.table(), schema.doc()).unwrap();
    write!(
        page,
        "`date` is the day of `{}`. Rows of a file are sorted by {sorted}.\n\n",
        schema.event_time()
    )
    .unwrap();
    page.push_str("| column | type | markets | what it holds |\n|---|---|---|---|\n");
    for (position, column) in schema.columns().iter().enumerate() {
        let (kind, markets) = (sql_type(column), markets_with(position, schema, combinations));
        writeln!(page, "| `{}` | {kind} | {markets} | {} |", column.name, column.doc).unwrap();
    }
    page.push_str("\n| market | daily archives | monthly archives | since | status |\n");
    page.push_str("|---|---|---|---|---|\n");
    for row in combinations {
        let (daily, monthly) = (published(row.daily.as_deref()), published(row.monthly.as_deref()));
        let since = row.since.map_or_else(String::new, |day| day.to_string());
        writeln!(page, "| {} | {daily} | {monthly} | {since} | {} |", row.market, row.status)
            .unwrap();
    }
}

/// Names the type as `query` and the shell do.
fn sql_type(column: &Column) -> String {
    match column.kind {
        ColumnType::Time => "timestamp(6) UTC".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::BigInt => "bigint".to_owned(),
        ColumnType::SmallInt => "smallint".to_owned(),
        ColumnType::Boolean => "boolean".to_owned(),
        ColumnType::Text => "text".to_owned(),
        decimal => match decimal.data_type() {
            DataType::Decimal128(digits, scale) => format!("decimal({digits},{scale})"),
            other => panic!("{other} has no name in SQL here"),
        },
    }
}

/// Names the markets whose archives fill a column, unless all do; in the others it is NULL.
fn markets_with(column: usize, schema: &TableSchema, combinations: &[&Combination]) -> String {
    let fills = |market: Market| {
        let mut fields = schema.layouts(market).flat_map(|layout| &layout.fields);
        fields.any(|field| field.reading.columns().any(|filled| filled == column))
    };
    let with: Vec<&str> = combinations
        .iter()
        .filter(|row| fills(row.market))
        .map(|row| row.market.as_str())
        .collect();
    if with.len() == combinations.len() { "all".to_owned() } else { with.join(", ") }
}

fn published(intervals: Option<&[Interval]>) -> String {
    match intervals {
        None => "no".to_owned(),
        Some([]) => "yes".to_owned(),
        Some(intervals) => intervals.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}

/// Describes the lake's own tables, as the log of a lake's tables does.
async fn meta_tables() -> String {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let key = trades_key("BTCUSDT", "2024-01-02");
    server.publish(&key, trades(&key, "2024-01-02", 0..5));
    lake.ingest(server.url(), &["--all"]).await;
    let audited = lake.run("audit", &[]);
    assert_eq!(audited.code, Some(0), "{}", audited.stderr);
    let mut page = "\n## The tables of meta\n".to_owned();
    for table in ["archives", "series", "changes", "rejects", "runs", "findings", "gaps"] {
        let metadata = newest_metadata(&lake.path().join("meta").join(table));
        let description = metadata["description"].as_str().unwrap();
        write!(page, "\n### meta.{table}\n\n{description}\n\n").unwrap();
        page.push_str("| column | type | what it holds |\n|---|---|---|\n");
        for Comment { column, data_type, comment } in comments(&metadata) {
            let comment = comment.unwrap_or_else(|| panic!("meta.{table}.{column} has no comment"));
            writeln!(page, "| `{column}` | {} | {comment} |", sql_name(&data_type)).unwrap();
        }
    }
    page
}

fn sql_name(delta: &str) -> &'static str {
    match delta {
        "string" => "text",
        "long" => "bigint",
        "double" => "double",
        "date" => "date",
        "timestamp" => "timestamp(6) UTC",
        other => panic!("{other} has no name in SQL here"),
    }
}
