//! Flags of every command, and the choices that several commands share.

use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};

use super::{setting, values};

/// Flags of every command.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalFlags {
    #[arg(
        long, global = true, help = setting::LAKE.flag_help(), value_name = "DIR|URL",
        value_parser = values::not_empty
    )]
    pub lake: Option<String>,
    #[arg(long, global = true, help = setting::CONFIG.flag_help(), value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Log more: twice for requests and decisions, three times for everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Print nothing but errors and warnings.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// How logs are written.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    /// When progress bars are drawn; `auto` means on a terminal.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressWhen,
    /// Write metrics of each ingest, refresh and fill to a file, in the text format of Prometheus.
    #[arg(long, global = true, value_name = "FILE")]
    pub metrics_file: Option<PathBuf>,
    /// Append the start and end of each ingest, refresh, fill and gold to a file, as events of
    /// OpenLineage.
    #[arg(long, global = true, value_name = "FILE")]
    pub openlineage: Option<PathBuf>,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// When progress is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressWhen {
    #[default]
    Auto,
    Always,
    Never,
}

/// How a plan or a summary is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    #[default]
    Text,
    Json,
}
