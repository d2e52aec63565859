//! Flags of the commands that only read: query, verify, matrix and completions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use clap_complete::Shell;
use lakehouse_core::names::sample::Sample;
use lakehouse_core::names::shard::Shard;

use super::values::Since;
use super::{ReportFormat, ScopeFlags, SourceFlags, values};
use crate::output::{Format, SCREEN_ROWS};
use crate::query::At;

/// Flags of `query`.
#[derive(Clone, Debug, Args)]
pub struct QueryFlags {
    /// The statement; `-` reads it from standard input.
    #[arg(value_name = "SQL", required_unless_present = "file")]
    pub sql: Option<String>,
    /// Read the statement from a file; `-` is standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with = "sql")]
    pub file: Option<PathBuf>,
    /// How rows are written [default: by the extension of the output file, else table]
    #[arg(long)]
    pub format: Option<Format>,
    /// Write to a file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write a folder of files, one for each value of these columns: DIR/symbol=BTCUSDT/part-0.csv
    #[arg(long, value_name = "COLUMN", value_delimiter = ',', requires = "output")]
    pub partition_by: Vec<String>,
    #[command(flatten)]
    pub statement: StatementFlags,
    #[arg(
        long, help = max_rows_help(), value_name = "N", value_parser = values::positive::<usize>
    )]
    pub max_rows: Option<usize>,
}

/// Flags of every statement.
#[derive(Clone, Debug, Default, Args)]
pub struct StatementFlags {
    /// Time travel: read the tables at a version, at a time, or at the start of a day (UTC).
    #[arg(long, value_name = "VERSION|TIME", value_parser = values::at)]
    pub at: Option<At>,
    /// The value of a parameter, `$NAME` in a statement; can be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = values::parameter)]
    pub parameters: Vec<(String, String)>,
    /// End a statement with an error that takes longer, such as 30s or 5m.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub timeout: Option<Duration>,
}

fn max_rows_help() -> String {
    format!(
        "Rows to write at most [default: {SCREEN_ROWS} in a table on standard output, else all]"
    )
}

/// Flags of `verify`.
#[derive(Clone, Debug, Default, Args)]
pub struct VerifyFlags {
    /// Also decode every archive again and compare all its rows.
    #[arg(long)]
    pub deep: bool,
    /// Only verify archives that were recorded on this day or later, or at this time; 7d means the
    /// last seven days
    #[arg(long, value_name = "TIME", value_parser = values::since)]
    pub since: Option<Since>,
    /// Only verify a part of the archives, such as 1%: the same ones each time, by a hash of their
    /// keys
    #[arg(long, value_name = "PART")]
    pub sample: Option<Sample>,
    /// Only handle the part K of N of all series, beside N - 1 other processes, such as 1/4
    /// [default: by JOB_COMPLETION_INDEX and JOB_COMPLETION_COUNT, else all]
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// How findings are printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub scope: ScopeFlags,
    #[command(flatten)]
    pub source: SourceFlags,
}

/// Flags of `matrix`.
#[derive(Clone, Copy, Debug, Args)]
pub struct MatrixFlags {
    /// How the combinations are printed.
    #[arg(long, default_value = "table")]
    pub format: MatrixFormat,
}

/// How the matrix is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MatrixFormat {
    Table,
    Json,
}

/// Flags of `completions`.
#[derive(Clone, Copy, Debug, Args)]
pub struct CompletionsFlags {
    /// The shell.
    pub shell: Shell,
}
