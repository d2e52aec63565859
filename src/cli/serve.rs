//! Flags of `serve`.

use std::net::SocketAddr;

use bytesize::ByteSize;
use clap::Args;

use super::{StatementFlags, values};

/// Flags of `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeFlags {
    /// Serve the page and SQL over HTTP here [default: 127.0.0.1:8080, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// Working memory of all statements together; what exceeds it spills to disk.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = values::size)]
    pub memory: ByteSize,
    /// Statements that run at a time; others wait.
    #[arg(
        long, value_name = "N", default_value_t = 8, value_parser = values::positive::<usize>
    )]
    pub max_statements: usize,
    #[command(flatten)]
    pub statement: StatementFlags,
}
