//! The command line: commands, flags and their help.
//!
//! Missing flags are filled in by [`crate::settings`], which also knows the environment and the
//! configuration file. So a flag that a file can set has no default for clap; [`setting`] has it.

mod audit;
mod changes;
mod examples;
mod fill;
mod global;
mod gold;
mod ingest;
mod maintain;
mod mcp;
mod program;
mod read;
mod remove;
mod selection;
mod serve;
pub mod setting;
mod shell;
mod status;
mod values;

use clap::builder::Styles;
use clap::{Parser, Subcommand};

pub use self::audit::{AuditCommand, AuditFlags, AuditListFlags, AuditShowFlags};
pub use self::changes::ChangesFlags;
use self::examples::{
    AUDIT_EXAMPLES, DEMO_NOTES, EXAMPLES, FILL_EXAMPLES, GOLD_EXAMPLES, MCP_NOTES, QUERY_EXAMPLES,
    REFRESH_EXAMPLES, REMOVE_EXAMPLES, SELECTION_EXAMPLES, SERVE_NOTES, SHELL_NOTES,
};
pub use self::fill::{ApiFlags, FillFlags};
pub use self::global::{GlobalFlags, LogFormat, ProgressWhen, ReportFormat};
pub use self::gold::{GoldCommand, GoldFlags, GoldListFlags, GoldShowFlags};
pub use self::ingest::{IngestFlags, PlanFlags, RefreshFlags, Stage};
pub use self::maintain::MaintainFlags;
pub use self::mcp::McpFlags;
pub use self::program::{ConfigCommand, ConfigFlags, ConfigInitFlags, ConfigShowFlags, ManFlags};
pub use self::read::{
    CompletionsFlags, MatrixFlags, MatrixFormat, QueryFlags, StatementFlags, VerifyFlags,
};
pub use self::remove::RemoveFlags;
pub use self::selection::{ScopeFlags, SelectionFlags, SourceFlags, TuningFlags};
pub use self::serve::{AddUserFlags, HealthFlags, ServeCommand, ServeFlags};
pub use self::shell::ShellFlags;
use self::status::STATUS_EXAMPLES;
pub use self::status::{StatusFlags, StatusReportFlags};
pub(crate) use self::values::{bandwidth, is_parameter};

/// What `--version` prints after the name. A release build names its commit in the variable.
const VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    " (commit ",
    env!("LAKEHOUSE_COMMIT"),
    ", features: ",
    env!("LAKEHOUSE_FEATURES"),
    ")"
);

/// The public market-data archive of Binance as exact, audited Delta Lake tables.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "lakehouse",
    version = VERSION,
    after_help = EXAMPLES,
    styles = Styles::plain(),
    max_term_width = 110
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalFlags,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Load generated archives without a network, show the tables, and suggest what to try next.
    #[command(after_help = DEMO_NOTES)]
    Demo,
    /// Show what an ingest would do, and why, without downloading anything.
    #[command(after_help = SELECTION_EXAMPLES)]
    Plan(PlanFlags),
    /// Download archives and load them into tables.
    #[command(after_help = SELECTION_EXAMPLES)]
    Ingest(IngestFlags),
    /// Update everything that the lake holds: new, late and corrected archives.
    #[command(after_help = REFRESH_EXAMPLES)]
    Refresh(RefreshFlags),
    /// Add provisional rows of days that the archive lacks, from the exchange's REST API.
    #[command(after_help = FILL_EXAMPLES)]
    Fill(FillFlags),
    /// Update the gold tables, or explain the models that build them.
    #[command(after_help = GOLD_EXAMPLES)]
    Gold(GoldFlags),
    /// Check whether the data is right: order, agreement between tables, gaps with reasons.
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(AuditFlags),
    /// Run one SQL statement on the lake's tables.
    #[command(after_help = QUERY_EXAMPLES)]
    Query(QueryFlags),
    /// Run SQL statements interactively, or from standard input.
    #[command(after_help = SHELL_NOTES)]
    Shell(ShellFlags),
    /// Serve the lake, read-only: a page, and SQL over HTTP, PostgreSQL and Flight SQL.
    #[command(after_help = SERVE_NOTES)]
    Serve(ServeFlags),
    /// Serve the lake to an assistant, read-only, as a server of the Model Context Protocol.
    #[command(after_help = MCP_NOTES)]
    Mcp(McpFlags),
    /// Show what the lake holds: first and last days, gaps with reasons, failures, the last runs.
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusFlags),
    /// Write the status with charts as one HTML file that needs no server.
    Report(StatusReportFlags),
    /// Show which archives were corrected, with both versions and the number of changed rows.
    Changes(ChangesFlags),
    /// Check archives against their checksums, and tables against archives.
    Verify(VerifyFlags),
    /// Take archives out of the lake, and leave them out until they are loaded with --restore.
    #[command(after_help = REMOVE_EXAMPLES)]
    Remove(RemoveFlags),
    /// Compact tables, write checkpoints, and delete files that are no longer needed.
    Maintain(MaintainFlags),
    /// Show which data types each market has, at which frequencies and intervals.
    Matrix(MatrixFlags),
    /// Show the settings in use and where each comes from, or write a configuration file.
    Config(ConfigFlags),
    /// Print a manual page, or write all of them to a folder.
    Man(ManFlags),
    /// Print a script that completes commands and flags in a shell.
    Completions(CompletionsFlags),
}
