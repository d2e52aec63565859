//! Flags of the commands about the program itself: its settings and its manual.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ReportFormat, SelectionFlags, SourceFlags, TuningFlags};

/// Flags of `config`.
#[derive(Clone, Debug, Args)]
pub struct ConfigFlags {
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// Commands about settings.
#[derive(Clone, Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show the settings of an ingest with these flags, and where each comes from.
    Show(Box<ConfigShowFlags>),
    /// Write a configuration file with every setting and a comment for each.
    Init(ConfigInitFlags),
}

/// Flags of `config show`.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigShowFlags {
    /// How the settings are printed.
    #[arg(long, default_value = "text")]
    pub format: ReportFormat,
    #[command(flatten)]
    pub selection: SelectionFlags,
    #[command(flatten)]
    pub source: SourceFlags,
    #[command(flatten)]
    pub tuning: TuningFlags,
}

/// Flags of `config init`.
#[derive(Clone, Debug, Args)]
pub struct ConfigInitFlags {
    /// The file, which must not exist yet.
    #[arg(default_value = "lakehouse.toml")]
    pub file: PathBuf,
}

/// Flags of `man`.
#[derive(Clone, Debug, Default, Args)]
pub struct ManFlags {
    /// The command whose page is printed, such as `ingest` or `config show` [default: the program's
    /// own page]
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    pub command: Vec<String>,
    /// Write the pages of all commands to this folder.
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}
