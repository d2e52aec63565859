//! Flags of `fill`, and those that it shares with `refresh --fill`.

use clap::Args;
use lakehouse_core::config::options::LastDays;

use super::{ReportFormat, ScopeFlags, setting, values};

/// Flags of `fill`.
#[derive(Clone, Debug, Default, Args)]
pub struct FillFlags {
    /// Only show what would be requested.
    #[arg(long)]
    pub dry_run: bool,
    /// How the plan or the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub scope: ScopeFlags,
    /// The last days or weeks up to today, such as 3d or 2w [default: since the last archive]
    #[arg(
        long, value_name = "DAYS", help_heading = "Selection",
        conflicts_with_all = ["start", "end"]
    )]
    pub last: Option<LastDays>,
    #[command(flatten)]
    pub api: ApiFlags,
    #[arg(
        long, help = setting::TIMEOUT_SECONDS.flag_help(), value_name = "SECONDS",
        help_heading = "Tuning", value_parser = values::positive::<u64>
    )]
    pub timeout_seconds: Option<u64>,
    #[arg(
        long, help = setting::RETRIES.flag_help(), value_name = "N", help_heading = "Tuning",
        value_parser = values::number::<u32>
    )]
    pub retries: Option<u32>,
}

/// Where the exchange's API is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Source")]
pub struct ApiFlags {
    #[arg(
        long, help = setting::API.flag_help(), value_name = "URL",
        value_parser = values::not_empty
    )]
    pub api: Option<String>,
}
