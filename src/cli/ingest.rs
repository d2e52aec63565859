//! Flags of the commands that load archives: plan, ingest and refresh.

use std::time::Duration;

use clap::{Args, ValueEnum};
use lakehouse_core::names::shard::Shard;
use lakehouse_core::plan::refresh_window::TRAILING_DAYS;

use super::{ApiFlags, ReportFormat, SelectionFlags, SourceFlags, TuningFlags, values};

/// Flags of `plan`.
#[derive(Clone, Debug, Default, Args)]
pub struct PlanFlags {
    /// How the plan is printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    /// List every archive with its reason, also those that are left alone.
    #[arg(long)]
    pub list: bool,
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
    /// Audit what has changed, last of all; findings of severity error make the exit code 1.
    #[arg(long)]
    pub audit: bool,
    /// Stop after this stage.
    #[arg(long, default_value = "gold")]
    pub stage: Stage,
    /// Load also what was removed with `lakehouse remove`.
    #[arg(long)]
    pub restore: bool,
    /// Only handle the part K of N of all series, beside N - 1 other processes, such as 1/4
    /// [default: by JOB_COMPLETION_INDEX and JOB_COMPLETION_COUNT, else all]
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
}

/// Flags of `refresh`.
#[derive(Clone, Debug, Default, Args)]
pub struct RefreshFlags {
    #[arg(long, help = full_help())]
    pub full: bool,
    /// Repeat the refresh, with this much time from one start to the next, such as 6h or 30m.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub every: Option<Duration>,
    /// Only show what would be done.
    #[arg(long)]
    pub dry_run: bool,
    /// Only handle the part K of N of all series, beside N - 1 other processes, such as 1/4
    /// [default: by JOB_COMPLETION_INDEX and JOB_COMPLETION_COUNT, else all]
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
    /// Audit what has changed, last of all; findings of severity error make the exit code 1.
    #[arg(long)]
    pub audit: bool,
    /// Add provisional rows of what the archive lacks at the end, as `lakehouse fill` does.
    #[arg(long)]
    pub fill: bool,
    /// How the plan or the summary is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub api: ApiFlags,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
}

fn full_help() -> String {
    format!("List all days, not only the last {TRAILING_DAYS} and all months")
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
