//! Flags of the commands that bring archives in: plan, ingest and refresh.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{ReportFormat, SelectionFlags, SourceFlags, TuningFlags, values};

/// Flags of `plan`.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanFlags {
    /// How the plan is printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub selection: SelectionFlags,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
}

/// Flags of `ingest`.
#[derive(Clone, Debug, Default, Args)]
pub struct IngestFlags {
    /// Only show what would be done, as `plan` does.
    #[arg(long)]
    pub dry_run: bool,
    /// How the plan or the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub selection: SelectionFlags,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
    /// Shutdown after this stage.
    #[arg(long, default_value = "gold")]
    pub stage: Stage,
}

/// Flags of `refresh`.
#[derive(Clone, Debug, Default, Args)]
pub struct RefreshFlags {
    /// Look at all days, and not only at the last 45 and all months.
    #[arg(long)]
    pub full: bool,
    /// Refresh again and again, with so much time from one start to the next, such as 6h or 30m.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub every: Option<Duration>,
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// How the plan or the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
}

/// How far an ingest goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Stage {
    /// Archives are stored as they are published.
    Bronze,
    /// Their rows are in tables.
    Silver,
    /// Aggregates are up to date.
    #[default]
    Gold,
}
