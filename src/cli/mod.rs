//! The command line, as it is typed: commands and flags, and nothing of what they mean together.
//!
//! What was left out is filled in by [`crate::settings`], which also knows the environment and the
//! configuration file; so no flag that a file can set has a default here.

mod changes;
mod examples;
mod global;
mod gold;
mod ingest;
mod maintain;
mod program;
mod read;
mod selection;
mod shell;
mod status;
mod values;

use clap::builder::Styles;
use clap::{Parser, Subcommand};

pub use self::changes::ChangesFlags;
use self::examples::{
    DEMO_NOTES, EXAMPLES, GOLD_EXAMPLES, QUERY_EXAMPLES, REFRESH_EXAMPLES, SELECTION_EXAMPLES,
    SHELL_NOTES,
};
pub use self::global::{GlobalFlags, LogFormat, ProgressWhen, ReportFormat};
pub use self::gold::{GoldCommand, GoldFlags, GoldListFlags, GoldShowFlags};
pub use self::ingest::{IngestFlags, PlanFlags, RefreshFlags, Stage};
pub use self::maintain::MaintainFlags;
pub use self::program::{ConfigCommand, ConfigFlags, ConfigInitFlags, ConfigShowFlags, ManFlags};
pub use self::read::{CompletionsFlags, MatrixFlags, MatrixFormat, QueryFlags, VerifyFlags};
pub use self::selection::{ScopeFlags, SelectionFlags, SourceFlags, TuningFlags};
pub use self::shell::ShellFlags;
use self::status::STATUS_EXAMPLES;
pub use self::status::{StatusFlags, StatusReportFlags};
pub(crate) use self::values::bandwidth;

/// The public market-data archive of Binance as exact, audited Delta Lake tables.
#[derive(Clone, Debug, Parser)]
#[command(name = "lakehouse", version, after_help = EXAMPLES, styles = Styles::plain(), max_term_width = 110)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalFlags,
    #[command(subcommand)]
    pub command: Command,
}

/// What is to be done.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Do everything at once on made-up archives, without a network, and say what to try next.
    #[command(after_help = DEMO_NOTES)]
    Demo,
    /// Show what an ingest would do, and why; nothing is downloaded.
    #[command(after_help = SELECTION_EXAMPLES)]
    Plan(PlanFlags),
    /// Fetch archives and turn them into tables.
    #[command(after_help = SELECTION_EXAMPLES)]
    Ingest(IngestFlags),
    /// Bring everything that the lake holds up to date: new, late and corrected archives.
    #[command(after_help = REFRESH_EXAMPLES)]
    Refresh(RefreshFlags),
    /// Bring the gold tables up to date, or explain the models that they are made by.
    #[command(after_help = GOLD_EXAMPLES)]
    Gold(GoldFlags),
    /// Run one SQL statement on the lake's tables.
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryFlags),
    /// Run statements one after another, typed or from standard input.
    #[command(after_help = SHELL_NOTES)]
    Shell(ShellFlags),
    /// Show what the lake holds: first and last days, gaps with their reasons, failures, the last
    /// runs.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusFlags),
    /// Write the same for the eye, with charts, as one web page that needs nothing else.
    Report(StatusReportFlags),
    /// Show which archives were corrected: from which version to which, and how many rows that
    /// changed.
    Changes(ChangesFlags),
    /// Check archives against their checksums, and tables against archives.
    Verify(VerifyFlags),
    /// Compact tables, write checkpoints, and delete files that nothing needs any more.
    Maintain(MaintainFlags),
    /// Show which data types each market has, at which frequencies and intervals.
    Matrix(MatrixFlags),
    /// Show which settings hold and where each comes from, or write a configuration file.
    Config(ConfigFlags),
    /// Print a manual page, or write all of them to a folder.
    Man(ManFlags),
    /// Print a script that completes commands and flags in a shell.
    Completions(CompletionsFlags),
}
