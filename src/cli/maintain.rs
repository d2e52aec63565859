//! Flags of `maintain`.

use chrono::TimeDelta;
use clap::Args;

use super::{ReportFormat, values};

/// Flags of `maintain`.
#[derive(Clone, Debug, Default, Args)]
pub struct MaintainFlags {
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Tables such as silver.klines [default: all]
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub table: Vec<String>,
    /// How long files stay that time travel and running readers may need, such as 12h, 7d or 2w
    /// [default: 7d]
    #[arg(long, value_name = "TIME", value_parser = values::retention)]
    pub retention: Option<TimeDelta>,
    /// Make meta.archives anew from the silver tables.
    #[arg(long)]
    pub rebuild_ledger: bool,
    /// How the summary is printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
}
