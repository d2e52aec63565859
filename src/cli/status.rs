//! Flags of the commands that show what the lake holds: status and report.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ReportFormat, ScopeFlags, values};

/// Flags of `status`.
#[derive(Clone, Debug, Default, Args)]
pub struct StatusFlags {
    /// Show every range of days that is not held, with its reason.
    #[arg(long)]
    pub gaps: bool,
    /// Show the archives that could not be downloaded or read, with their reasons.
    #[arg(long)]
    pub failed: bool,
    /// Exit with code 1 if a series that goes on has a last day that ended longer ago, such as 36h,
    /// and name it.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub max_age: Option<Duration>,
    /// How the status is printed; JSON always includes gaps and failures.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub scope: ScopeFlags,
}

/// Flags of `report`.
#[derive(Clone, Debug, Default, Args)]
pub struct StatusReportFlags {
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Bars in a chart at most: the latest ones of each series.
    #[arg(long, value_name = "N", default_value = "500", value_parser = values::positive::<usize>)]
    pub bars: usize,
    #[command(flatten)]
    pub scope: ScopeFlags,
}

/// The text below the flags of `status`.
pub(super) const STATUS_EXAMPLES: &str = "\
Examples:
  lakehouse status
  lakehouse status --symbol BTCUSDT --data-type klines --interval 1h
  lakehouse status --market futures_um --gaps --start 2024-01
  lakehouse status --failed
  lakehouse status --max-age 36h

Days are counted from the first to the last one that is held, or from --start to --end. A day is
missing when it is not held but could be; days before a listing or after the end of a data type
are never missing.";
