//! Flags of `serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Subcommand};
use url::Url;

use super::{StatementFlags, values};

/// Flags of `serve`.
#[derive(Clone, Debug, Args)]
pub struct ServeFlags {
    #[command(subcommand)]
    pub command: Option<ServeCommand>,
    /// Serve the page and SQL over HTTP here [default: 127.0.0.1:8080, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub http: Option<SocketAddr>,
    /// Serve PostgreSQL's protocol here [default: 127.0.0.1:5432, or a free port]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub postgres: Option<SocketAddr>,
    /// Serve Arrow Flight SQL here [default: 127.0.0.1:32010, or a free port]
    ///
    /// Where an address is named, only the named ones are served.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub flight: Option<SocketAddr>,
    /// Let in only the users of this file, which `lakehouse serve add-user` writes.
    #[arg(long, value_name = "FILE")]
    pub users: Option<PathBuf>,
    /// Encrypt connections with this certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Working memory of all statements together; what exceeds it spills to disk.
    #[arg(long, value_name = "SIZE", default_value = "2GiB", value_parser = values::size)]
    pub memory: ByteSize,
    /// Statements that run at a time; others wait.
    #[arg(
        long, value_name = "N", default_value_t = 8, value_parser = values::positive::<usize>
    )]
    pub max_statements: usize,
    /// Connections of each protocol at a time; others are refused.
    #[arg(
        long, value_name = "N", default_value_t = 512, value_parser = values::positive::<usize>
    )]
    pub max_connections: usize,
    /// End a statement of whose answer a client takes nothing for so long, such as a cursor's.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = values::duration)]
    pub idle_timeout: Duration,
    /// Refresh the lake too, as `refresh --every` does, with this much time from start to start.
    #[arg(long, value_name = "TIME", value_parser = values::duration)]
    pub refresh_every: Option<Duration>,
    #[command(flatten)]
    pub statement: StatementFlags,
}

/// Commands about the server's users, and about a server that runs.
#[derive(Clone, Debug, Subcommand)]
pub enum ServeCommand {
    /// Add a user to a file, or change a password, which is read from standard input.
    AddUser(AddUserFlags),
    /// Check whether a server on this machine is ready, as the health check of a container.
    Health(HealthFlags),
}

/// Flags of `serve health`.
#[derive(Clone, Debug, Args)]
pub struct HealthFlags {
    /// Where the server's page is; its certificate is not checked.
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:8080/")]
    pub url: Url,
}

/// Flags of `serve add-user`.
#[derive(Clone, Debug, Args)]
pub struct AddUserFlags {
    /// The name of the user.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The file of users; made if there is none.
    #[arg(long, value_name = "FILE")]
    pub users: PathBuf,
}
