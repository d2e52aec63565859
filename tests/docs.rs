//! The pages of `docs/` that follow from data: `UPDATE_DOCS=1 cargo test docs` writes them anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use arrow::datatypes::DataType;
use lakehouse::gold::load_models;
use lakehouse_core::gold::{Model, Partitioning};
use lakehouse_core::matrix::{Combination, Matrix};
use lakehouse_core::names::market::{Interval, Market};
use lakehouse_core::schema::{Column, ColumnType, Schemas, TableSchema};

use crate::support::archive_server::ArchiveServer;
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
<!-- Made from schemas/, schemas/gold/ and matrix/ by tests/docs.rs: UPDATE_DOCS=1 cargo test docs -->

# The tables

In `silver`, one Delta table per data type, partitioned by `market` and `date`, with the columns of the archive's own CSV files
under their own names in snake_case. Every table also has:

| column | type | what it holds |
|---|---|---|
| `market` | VARCHAR | `spot`, `futures_um`, `futures_cm` or `options` |
| `date` | DATE | UTC day of the row's own event time |
| `symbol` | VARCHAR | symbol, as the archive spells it |
| `bar_interval` | VARCHAR | length of the bar, such as `1h`; only in tables of bars |
| `archive` | VARCHAR | key of the archive that the row came from |

Times are UTC microseconds, whatever the file used. Numbers are exact decimals: a value that does not fit its
column is in `meta.rejects`, never rounded.

The market `options` has its archives below `data/option/`, the two futures markets below `data/futures/um/` and
`data/futures/cm/`. Behind these tables stand [those of `gold`](#the-tables-of-gold), made from them, and
[those of `meta`](#the-tables-of-meta): what the lake knows of itself.
";

fn tables_page() -> String {
    let matrix = Matrix::builtin().unwrap();
    let mut page = INTRODUCTION.to_owned();
    overview(&mut page, &matrix);
    for schema in Schemas::builtin().unwrap().iter() {
        let combinations: Vec<_> =
            matrix.combinations().iter().filter(|row| row.schema == schema.table()).collect();
        table(&mut page, schema, &combinations);
    }
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
            page.push_str("It has no partitions and is built as a whole.\n\n")
        }
        (_, 0, 0) => page.push_str("A day is made from that day.\n\n"),
        (_, back, 0) => {
            write!(page, "A day is made from that day and {} before it.\n\n", days(back)).unwrap()
        }
        (_, 0, ahead) => {
            write!(page, "A day is made from that day and {} after it.\n\n", days(ahead)).unwrap()
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

Made from other tables by the SQL in [schemas/gold/](../schemas/gold), and built again only where something changed.
`lakehouse gold show MODEL` prints the statement. What is carried over or added up is exact; what is divided is double
precision, converted at the very end.
";

/// Every data type with its table, and what each market has of it.
fn overview(page: &mut String, matrix: &Matrix) {
    page.push_str("\n## What there is\n\n| data type | table |");
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
    page.push_str("\nWhat ended, was withdrawn or was never published is read all the same if a mirror has it.\n");
}

fn table(page: &mut String, schema: &TableSchema, combinations: &[&Combination]) {
    let sorted = schema
        .sort_columns()
        .iter()
        .map(|column| format!("`{column}`"))
        .collect::<Vec<_>>()
        .join(", ");
    write!(page, "\n## {}\n\n{}\n\n", schema.table(), schema.doc()).unwrap();
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
    page.push_str("\n| market | daily archives | monthly archives | since | status |\n|---|---|---|---|---|\n");
    for row in combinations {
        let (daily, monthly) = (published(row.daily.as_deref()), published(row.monthly.as_deref()));
        let since = row.since.map_or_else(String::new, |day| day.to_string());
        writeln!(page, "| {} | {daily} | {monthly} | {since} | {} |", row.market, row.status)
            .unwrap();
    }
}

fn sql_type(column: &Column) -> String {
    match column.kind {
        ColumnType::Time => "TIMESTAMP".to_owned(),
        ColumnType::Date => "DATE".to_owned(),
        ColumnType::BigInt => "BIGINT".to_owned(),
        ColumnType::SmallInt => "SMALLINT".to_owned(),
        ColumnType::Boolean => "BOOLEAN".to_owned(),
        ColumnType::Text => "VARCHAR".to_owned(),
        decimal => match decimal.data_type() {
            DataType::Decimal128(digits, scale) => format!("DECIMAL({digits}, {scale})"),
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

/// Columns, each with what it holds.
type Described = &'static [(&'static str, &'static str)];

/// The lake's own tables with what they are for, each column with what it holds.
static META: [(&str, &str, Described); 4] = [
    (
        "archives",
        "The ledger: one row for every archive and version of it that the lake has met. Rows of archives in silver \
         follow from silver's own log; `maintain --rebuild-ledger` makes them again from there.",
        &[
            ("archive", "key of the archive, as the source spells it"),
            ("market", "`spot`, `futures_um`, `futures_cm` or `options`"),
            ("data_type", "data type under the archive's own name, such as `aggTrades`"),
            ("symbol", "symbol"),
            ("bar_interval", "length of the bars, where there are bars"),
            ("frequency", "`daily` or `monthly`"),
            ("period_start", "first day that the archive is about"),
            ("period_end", "last day that it is about"),
            ("size", "bytes of the zip"),
            ("etag", "entity tag, as the source tells it"),
            ("last_modified", "when the source says that it was changed"),
            ("sha256", "SHA-256 of the zip: the version of the archive"),
            ("checksum", "`match`, `mismatch`, `absent` (none is published) or `unchecked`"),
            (
                "status",
                "`ingested`: in silver; `superseded`: was, until another version replaced it; `yielded`: another copy \
                 is more complete on all its days; `not_published`; `quarantined`: bytes never matched the checksum; \
                 `rejected`: bytes cannot be read; `failed`: could not be fetched",
            ),
            ("rows", "rows in silver"),
            ("rejected_rows", "rows that could not be kept"),
            ("min_time", "event time of its first row"),
            ("max_time", "event time of its last row"),
            ("silver_version", "version of the silver table that holds the rows"),
            ("run", "run that recorded the row"),
            ("recorded_at", "when it was recorded"),
            (
                "reason",
                "why the status is what it is, and how days were judged that another copy holds too",
            ),
            (
                "owned_days",
                "days of the month whose rows in silver are the archive's, such as `1-9,13`, or `none`; NULL if it owns \
                 all days of its period",
            ),
            ("rival", "SHA-256 of the month's archive with which a daily archive was compared"),
        ],
    ),
    (
        "changes",
        "One row for every correction: an archive whose rows in silver were replaced by those of another version. Counts \
         are of rows in the table, so of the days that the archive owns. `lakehouse changes` prints it.",
        &[
            ("archive", "key of the archive"),
            ("market", "market"),
            ("data_type", "data type"),
            ("symbol", "symbol"),
            ("bar_interval", "length of the bars, where there are bars"),
            ("old_sha256", "version whose rows went; its zip stays in bronze"),
            ("new_sha256", "version whose rows came"),
            (
                "rows_added",
                "rows with a key (id, or time) that the old version did not have on that day",
            ),
            ("rows_removed", "rows with a key that the new version does not have on that day"),
            ("rows_changed", "rows with the same key and other values"),
            ("committed_at", "when the commit was made"),
            ("silver_table", "table, such as `silver.klines`"),
            (
                "silver_version",
                "version of that table which holds the new rows; the one before has the old ones",
            ),
            ("run", "run that made the commit"),
        ],
    ),
    (
        "rejects",
        "One row for every row of an archive that could not be kept.",
        &[
            ("archive", "key of the archive"),
            ("line", "line of its CSV, from 1"),
            ("column", "column that cannot be read, or nothing if it is the line as a whole"),
            ("value", "what stands there"),
            ("reason", "why it cannot be kept"),
            ("raw", "the line, as far as it is kept"),
            ("run", "run that read the archive"),
        ],
    ),
    (
        "runs",
        "One row for every ingest or refresh that had something to do.",
        &[
            ("run", "name of the run, which is in its commits too"),
            ("command", "command, as it was typed"),
            ("started_at", "when it started"),
            ("ended_at", "when it ended"),
            ("seconds", "how long that was"),
            ("outcome", "`done`, `incomplete`, `interrupted`, or `stopped:` and why"),
            ("archives_new", "archives in silver for the first time"),
            ("archives_skipped", "archives that were held already, as they are published"),
            ("archives_corrected", "archives that replaced an earlier version"),
            ("archives_not_published", "archives that the source does not have"),
            ("archives_failed", "archives that did not reach silver for another reason"),
            ("rows", "rows that were committed to silver"),
            ("rejected_rows", "rows that could not be kept"),
            ("bytes", "bytes that were downloaded"),
            ("retries", "requests that were tried again, those for listings included"),
        ],
    ),
];

/// Describes the lake's own tables, with the columns and types that a lake really has.
async fn meta_tables() -> String {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let key = trades_key("BTCUSDT", "2024-01-02");
    server.publish(&key, trades(&key, "2024-01-02", 0..5));
    lake.ingest(server.url(), &["--all"]).await;
    let sql = "SELECT table_name, column_name, data_type FROM information_schema.columns \
               WHERE table_schema = 'meta' ORDER BY table_name, ordinal_position";
    let found = lake.rows(sql).await;
    let documented = META
        .iter()
        .flat_map(|(table, _, columns)| columns.iter().map(move |column| (table, column)));
    let mut page = "\n## The tables of meta\n".to_owned();
    let mut last = "";
    assert_eq!(found.len(), documented.clone().count(), "{found:?}");
    for (row, (table, (column, doc))) in found.iter().zip(documented) {
        let kind = row.strip_prefix(&format!("{table} | {column} | "));
        let kind =
            sql_name(kind.unwrap_or_else(|| panic!("{row} is documented as {table}.{column}")));
        if last != *table {
            let about = META.iter().find(|(name, _, _)| name == table).unwrap().1;
            write!(page, "\n### meta.{table}\n\n{about}\n\n| column | type | what it holds |\n|---|---|---|\n")
                .unwrap();
            last = table;
        }
        writeln!(page, "| `{column}` | {kind} | {doc} |").unwrap();
    }
    page
}

fn sql_name(arrow: &str) -> &'static str {
    match arrow {
        "Utf8View" | "Utf8" => "VARCHAR",
        "Int64" => "BIGINT",
        "Float64" => "DOUBLE",
        "Date32" => "DATE",
        time if time.starts_with("Timestamp") => "TIMESTAMP",
        other => panic!("{other} has no name in SQL here"),
    }
}
