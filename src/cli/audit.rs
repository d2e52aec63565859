//! Flags of `audit`.

use clap::{Args, Subcommand};

use super::{ReportFormat, ScopeFlags};

/// Flags of `audit`.
#[derive(Clone, Debug, Default, Args)]
pub struct AuditFlags {
    #[command(subcommand)]
    pub command: Option<AuditCommand>,
    /// Checks such as bar_prices [default: all]
    #[arg(value_name = "CHECK")]
    pub checks: Vec<String>,
    /// Audit all days again, not only those that changed since the last audit.
    #[arg(long)]
    pub full: bool,
    /// How the report is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub scope: ScopeFlags,
}

/// Commands that explain checks.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// List the checks with their severities.
    List(AuditListFlags),
    /// Show what a check finds, what that means and what to do, and its SQL statement.
    Show(AuditShowFlags),
}

/// Flags of `audit list`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct AuditListFlags {
    /// How the checks are printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
}

/// Flags of `audit show`.
#[derive(Clone, Debug, Default, Args)]
pub struct AuditShowFlags {
    /// A check such as bar_prices.
    #[arg(value_name = "CHECK")]
    pub check: String,
}
