//! What the demo prints at its end: the tables, a query with its answer, and commands to try next.

use std::io::{self, ErrorKind, Write};

use lakehouse_core::schema::Schemas;

use crate::output::{Format, OutputError, OutputOptions, write_stream};
use crate::query::{Session, SessionOptions};
use crate::storage::lake::{Lake, Layer, TableName};
use crate::terminal::{console, usage};

/// Days made of hours; the lake also has the bars of a day, and they agree.
const SAMPLE: &str = "\
SELECT symbol, date, first_value(open ORDER BY open_time) AS open,
       max(high) AS high, min(low) AS low,
       last_value(close ORDER BY open_time) AS close, sum(volume) AS volume
FROM silver.klines
WHERE market = 'spot' AND bar_interval = '1h'
GROUP BY symbol, date ORDER BY symbol, date";

/// A query to try.
struct Example {
    purpose: &'static str,
    flags: &'static str,
    statement: &'static str,
}

const EXAMPLES: [Example; 5] = [
    Example {
        purpose: "days made of minutes, kept up to date in gold",
        flags: "",
        statement: "SELECT * FROM gold.daily_ohlcv ORDER BY market, symbol, date",
    },
    Example {
        purpose: "the archives in the lake",
        flags: "",
        statement: "SELECT market, data_type, status, count(*) AS archives, \
                    sum(rows) AS total_rows FROM meta.archives \
                    GROUP BY market, data_type, status ORDER BY market, data_type",
    },
    Example {
        purpose: "which files a query reads, and which it skips",
        flags: "",
        statement: "EXPLAIN SELECT * FROM silver.trades \
                    WHERE symbol = 'BTCUSDT' AND date = DATE '2026-05-06'",
    },
    Example {
        purpose: "the archive that a row came from",
        flags: "",
        statement: "SELECT * FROM silver.funding_rate LIMIT 5",
    },
    Example {
        purpose: "the same as a file",
        flags: "-o funding.parquet ",
        statement: "SELECT * FROM silver.funding_rate ORDER BY symbol, calc_time",
    },
];

/// A selection of the public archive to begin with.
const SELECTION: &str =
    "--market spot --data-type klines --symbol BTCUSDT --interval 1h --last 30d";

/// The lake that the demo made.
pub(super) struct Loaded<'a> {
    pub(super) lake: &'a Lake,
    /// As the user names the lake.
    pub(super) location: &'a str,
    pub(super) schemas: &'a Schemas,
    /// Archives that this run fetched.
    pub(super) fetched: usize,
    /// Archives that the lake had before.
    pub(super) held: u64,
}

impl Loaded<'_> {
    /// Prints tables, a query and commands to try next.
    pub(super) async fn print(&self) -> anyhow::Result<()> {
        let session = Session::open(self.lake, SessionOptions::default())?;
        let mut out = console::results();
        writeln!(out, "{} Its tables:\n", self.headline())?;
        answer(&session, &counts(self.schemas), &mut out).await?;
        writeln!(out, "\nDays made of hourly bars:\n\n{SAMPLE};\n")?;
        answer(&session, SAMPLE, &mut out).await?;
        self.print_commands(&mut out)?;
        out.flush()?;
        Ok(())
    }

    fn headline(&self) -> String {
        let Self { location, fetched, held, .. } = self;
        match fetched {
            0 => format!("Nothing was new: all {held} archives are in {location} already."),
            _ => format!("{fetched} generated archives are in {location} now."),
        }
    }

    fn print_commands(&self, out: &mut impl Write) -> io::Result<()> {
        let program = program();
        let lake = quoted(self.location);
        writeln!(out, "\nWhat to type next:\n")?;
        for Example { purpose, flags, statement } in EXAMPLES {
            writeln!(out, "  # {purpose}")?;
            writeln!(out, "  {program} query --lake {lake} {flags}\"{statement}\"")?;
        }
        writeln!(out, "\nAnd with the public archive, over the network:\n")?;
        writeln!(out, "  {program} plan {SELECTION}")?;
        writeln!(out, "  {program} ingest --lake ./lake {SELECTION}")
    }
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
            "SELECT '{table}' AS \"table\", market, count(DISTINCT archive) AS archives, \
             count(*) AS \"rows\" FROM {table} GROUP BY market"
        )
    };
    let tables = schemas.iter().map(|schema| count(TableName::new(Layer::Silver, schema.table())));
    format!("{} ORDER BY 1, 2", tables.collect::<Vec<_>>().join(" UNION ALL "))
}

/// Returns the program as it was called, so that the commands work in the same folder.
fn program() -> String {
    usage::arguments().next().map_or_else(|| "lakehouse".to_owned(), |program| quoted(&program))
}

/// Quotes a word for a shell if necessary.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "/._-:=@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
