//! Flags of `changes`.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{ReportFormat, values};

/// Flags of `changes`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ChangesFlags {
    /// Only corrections since a day such as 2026-05-08, or a time (UTC).
    #[arg(long, value_name = "DATE", value_parser = values::time)]
    pub since: Option<DateTime<Utc>>,
    /// How corrections are printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
}
