//! What the demo prints at its end: the tables, a query with its answer, and what to type next.

use std::io::{self, ErrorKind, Write};

use lakehouse_core::schema::Schemas;

use crate::output::{Format, OutputError, OutputOptions, write_stream};
use crate::query::{Session, SessionOptions};
use crate::storage::lake::{Lake, Layer, TableName};
use crate::terminal::console;

/// Days out of hours: the bars of a day are in the lake too, and agree.
const SAMPLE: &str = "\
SELECT symbol, date, first_value(open ORDER BY open_time) AS open, max(high) AS high, min(low) AS low,
       last_value(close ORDER BY open_time) AS close, sum(volume) AS volume
FROM silver.klines
WHERE market = 'spot' AND bar_interval = '1h'
GROUP BY symbol, date ORDER BY symbol, date";

/// Statements to go on with, each with what it shows.
const NEXT: [(&str, &str, &str); 5] = [
    (
        "days made of minutes, kept up to date in gold",
        "",
        "SELECT * FROM gold.daily_ohlcv ORDER BY market, symbol, date",
    ),
    (
        "what the lake knows of its archives",
        "",
        "SELECT market, data_type, status, count(*) AS archives, sum(rows) AS total_rows FROM meta.archives GROUP BY market, data_type, status ORDER BY market, data_type",
    ),
    (
        "which files a query reads, and which it need not",
        "",
        "EXPLAIN SELECT * FROM silver.trades WHERE symbol = 'BTCUSDT' AND date = DATE '2026-05-06'",
    ),
    ("the archive that a row came from", "", "SELECT * FROM silver.funding_rate LIMIT 5"),
    (
        "the same as a file",
        "-o funding.parquet ",
        "SELECT * FROM silver.funding_rate ORDER BY symbol, calc_time",
    ),
];

/// Prints tables, a query and what to type next.
pub(super) async fn print(
    lake: &Lake,
    location: &str,
    schemas: &Schemas,
    fetched: usize,
    held: usize,
) -> anyhow::Result<()> {
    let session = Session::open(lake, SessionOptions::default())?;
    let mut out = console::results();
    match fetched {
        0 => writeln!(
            out,
            "Nothing was new: all {held} archives are in {location} already. Its tables:\n"
        )?,
        _ => writeln!(out, "{fetched} made-up archives are in {location} now. Its tables:\n")?,
    }
    answer(&session, &counts(schemas), &mut out).await?;
    writeln!(out, "\nDays made of hourly bars:\n\n{SAMPLE};\n")?;
    answer(&session, SAMPLE, &mut out).await?;
    writeln!(out, "\nWhat to type next:\n")?;
    let program = program();
    for (purpose, flags, statement) in NEXT {
        writeln!(
            out,
            "  # {purpose}\n  {program} query --lake {} {flags}\"{statement}\"",
            quoted(location)
        )?;
    }
    writeln!(out, "\nAnd with the public archive, over the network:\n")?;
    let selection = "--market spot --data-type klines --symbol BTCUSDT --interval 1h --last 30d";
    writeln!(out, "  {program} plan {selection}\n  {program} ingest --lake ./lake {selection}")?;
    out.flush()?;
    Ok(())
}

async fn answer(
    session: &Session,
    statement: &str,
    out: &mut (impl Write + Send),
) -> anyhow::Result<()> {
    let rows = Box::pin(session.sql(statement)).await?;
    match Box::pin(write_stream(rows, Format::Table, out, OutputOptions::default())).await {
        Err(OutputError::Closed) => Err(io::Error::from(ErrorKind::BrokenPipe).into()),
        written => Ok(written.map(drop)?),
    }
}

/// Returns a statement that counts archives and rows of each table and market.
fn counts(schemas: &Schemas) -> String {
    let count = |table: TableName| {
        format!(
            "SELECT '{table}' AS \"table\", market, count(DISTINCT archive) AS archives, count(*) AS \"rows\" FROM {table} GROUP BY market"
        )
    };
    let tables = schemas.iter().map(|schema| count(TableName::new(Layer::Silver, schema.table())));
    format!("{} ORDER BY 1, 2", tables.collect::<Vec<_>>().join(" UNION ALL "))
}

/// Returns the program as it was called, so that what is printed can be typed in the same place.
fn program() -> String {
    std::env::args().next().map_or_else(|| "lakehouse".to_owned(), |program| quoted(&program))
}

/// Quotes a word for a shell if it has to be.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
