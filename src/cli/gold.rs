//! Flags of `gold`.

use clap::{Args, Subcommand};

use super::ReportFormat;

/// Flags of `gold`.
#[derive(Clone, Debug, Default, Args)]
pub struct GoldFlags {
    #[command(subcommand)]
    pub command: Option<GoldCommand>,
    /// Models such as daily_ohlcv, and the models that they read [default: all]
    #[arg(value_name = "MODEL")]
    pub models: Vec<String>,
    /// Rebuild these tables from all of their inputs.
    #[arg(long)]
    pub full: bool,
    /// Only show what would be built, and why.
    #[arg(long)]
    pub dry_run: bool,
    /// How the report is printed; JSON goes to standard output.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
}

/// Commands that explain models.
#[derive(Clone, Debug, Subcommand)]
pub enum GoldCommand {
    /// List the models, each after the models that it reads.
    List(GoldListFlags),
    /// Show a model's table, inputs and SQL statement.
    Show(GoldShowFlags),
}

/// Flags of `gold list`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct GoldListFlags {
    /// How the models are printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
}

/// Flags of `gold show`.
#[derive(Clone, Debug, Default, Args)]
pub struct GoldShowFlags {
    /// A model such as daily_ohlcv.
    #[arg(value_name = "MODEL")]
    pub model: String,
}
