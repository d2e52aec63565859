//! Flags of `shell`.

use clap::Args;

use super::values;
use crate::output::Format;
use crate::query::At;

/// Flags of `shell`.
#[derive(Clone, Debug, Default, Args)]
pub struct ShellFlags {
    /// How answers are written at first [default: table]
    #[arg(long)]
    pub format: Option<Format>,
    /// Answer from the tables as they were: at a version of the table, a time, or the start of a
    /// day (UTC).
    #[arg(long, value_name = "VERSION|TIME", value_parser = values::at)]
    pub at: Option<At>,
}
