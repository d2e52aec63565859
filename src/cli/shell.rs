//! Flags of `shell`.

use clap::Args;

use super::StatementFlags;
use crate::output::Format;

/// Flags of `shell`.
#[derive(Clone, Debug, Default, Args)]
pub struct ShellFlags {
    /// The format of answers at the start [default: table]
    #[arg(long)]
    pub format: Option<Format>,
    #[command(flatten)]
    pub statement: StatementFlags,
}
