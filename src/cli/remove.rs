//! Flags of `remove`.

use clap::Args;

use super::{ReportFormat, ScopeFlags};

/// Flags of `remove`.
#[derive(Clone, Debug, Default, Args)]
pub struct RemoveFlags {
    /// Delete the archives from bronze too.
    #[arg(long)]
    pub bronze: bool,
    /// Only show what would be removed.
    #[arg(long)]
    pub dry_run: bool,
    /// Accept a selection without symbols.
    #[arg(long)]
    pub all: bool,
    /// How the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub scope: ScopeFlags,
}
