//! Flags of `shell`.

use clap::Args;

use super::values;
use crate::output::Format;
use crate::query::At;

/// Flags of `shell`.
#[derive(Clone, Debug, Default, Args)]
pub struct ShellFlags {
    /// The format of answers at the start [default: table]
    #[arg(long)]
    pub format: Option<Format>,
    /// Time travel: read the tables at a version, at a time, or at the start of a day (UTC).
    #[arg(long, value_name = "VERSION|TIME", value_parser = values::at)]
    pub at: Option<At>,
}
