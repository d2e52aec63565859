//! Flags of `maintain`.

use chrono::TimeDelta;
use clap::Args;
use lakehouse_core::ledger::BronzePolicy;

use super::{ReportFormat, SourceFlags, setting, values};
use crate::maintain::DEFAULT_RETENTION;

/// Flags of `maintain`.
#[derive(Clone, Debug, Default, Args)]
pub struct MaintainFlags {
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Tables such as silver.klines [default: all]
    #[arg(long, value_name = "TABLE", value_delimiter = ',')]
    pub table: Vec<String>,
    #[arg(long, help = retention_help(), value_name = "TIME", value_parser = values::retention)]
    pub retention: Option<TimeDelta>,
    /// Rebuild meta.archives from the silver tables.
    #[arg(long)]
    pub rebuild_ledger: bool,
    /// Make silver what bronze and the ledger say: set damaged files of logs aside, take out rows
    /// that should not be there, and load again archives whose rows are missing or changed.
    #[arg(long, conflicts_with_all = ["retention", "rebuild_ledger"])]
    pub repair: bool,
    /// With --repair: decode every archive again and compare all its values.
    #[arg(long, requires = "repair")]
    pub deep: bool,
    #[arg(
        long, help = setting::BRONZE.flag_help(), value_name = "WHAT", conflicts_with = "repair"
    )]
    pub bronze: Option<BronzePolicy>,
    /// How the summary is printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub source: SourceFlags,
}

fn retention_help() -> String {
    format!(
        "How long files are kept for time travel and running readers, such as 12h, 7d or 2w \
         [default: {}d]",
        DEFAULT_RETENTION.num_days()
    )
}
