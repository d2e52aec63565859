//! Flags of `mcp`.

use bytesize::ByteSize;
use clap::Args;

use super::{StatementFlags, values};

/// Flags of `mcp`.
#[derive(Clone, Debug, Args)]
pub struct McpFlags {
    /// Rows of an answer at most.
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = values::positive::<usize>)]
    pub max_rows: usize,
    /// Size of an answer at which it is cut.
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = values::size)]
    pub max_bytes: ByteSize,
    /// Working memory of a statement; what exceeds it spills to disk.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = values::size)]
    pub memory: ByteSize,
    #[command(flatten)]
    pub statement: StatementFlags,
}
