//! The lake over the network, read-only: one engine with one memory limit, and a door for each
//! protocol.
//!
//! A door speaks its protocol and decides nothing else. Which statements run, for how long, and
//! what is counted and logged of them is the same for all of them, and is in [`engine`] and
//! [`statement`]. Statements themselves are `query`'s business.

mod access;
mod audit;
mod basic;
mod commit_times;
mod engine;
mod flight;
mod http;
mod listen;
mod mcp;
mod metrics;
mod parameters;
mod postgres;
mod reader;
mod requests;
mod rows_json;
mod statement;
mod status;
mod threads;
mod tokens;
mod users;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::task::JoinSet;

pub(crate) use self::access::{Access, AccessError};
pub(crate) use self::engine::{Limits, ServedLake, StatementEngine};
use self::flight::FlightSql;
use self::listen::Listener;
pub(crate) use self::mcp::{AnswerLimits, McpServer};
use self::postgres::Catalog;
pub(crate) use self::threads::{STACK, lone_threads};
pub(crate) use self::users::Users;
use crate::query::QueryError;

/// How long running statements may go on once the server is to stop.
const GRACE: Duration = Duration::from_secs(10);

/// Why the server could not start.
#[derive(Debug, Error)]
pub(crate) enum ServeError {
    /// The engine could not be set up.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What an assistant sent first is not the protocol.
    #[error(
        "standard input is not the Model Context Protocol: let an assistant start `lakehouse mcp`"
    )]
    Protocol(#[from] Box<rmcp::service::ServerInitializeError>),
    /// Flight SQL could not be set up.
    #[error("cannot set Flight SQL up")]
    Flight(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// An address could not be listened on.
    #[error("cannot listen on {address} for {door}: stop what listens there, or name another port")]
    Listen { door: NetworkDoor, address: SocketAddr, source: std::io::Error },
    /// An address is reachable from other machines, and anybody could read the lake.
    #[error(
        "{address} is reachable from other machines, where anybody could read the lake: \
         name those who may with --users, or serve on 127.0.0.1"
    )]
    Open { address: SocketAddr },
}

/// A protocol that the lake is served over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    Flight,
    Http,
    /// Standard input and output of an assistant's program.
    Mcp,
    Postgres,
}

impl Door {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Flight => "flight",
            Self::Http => "http",
            Self::Mcp => "mcp",
            Self::Postgres => "postgres",
        }
    }
}

impl std::fmt::Display for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A door with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkDoor {
    Http,
    Postgres,
    Flight,
}

impl NetworkDoor {
    /// Returns the name of the protocol as clients of TLS say it.
    const fn protocol(self) -> &'static [u8] {
        match self {
            Self::Http => b"http/1.1",
            Self::Postgres => b"postgresql",
            Self::Flight => b"h2",
        }
    }
}

impl std::fmt::Display for NetworkDoor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let door = match self {
            Self::Http => Door::Http,
            Self::Postgres => Door::Postgres,
            Self::Flight => Door::Flight,
        };
        door.fmt(f)
    }
}

/// A server whose ports are open and that answers nobody yet.
#[derive(Debug)]
pub(crate) struct Server {
    engine: Arc<StatementEngine>,
    access: Access,
    /// Open connections of each door at most.
    connections: usize,
    doors: Vec<(NetworkDoor, Listener)>,
}

impl Server {
    /// Makes a server without doors, of which each will have so many connections at most.
    pub(crate) fn new(engine: StatementEngine, access: Access, connections: usize) -> Self {
        Self { engine: Arc::new(engine), access, connections, doors: Vec::new() }
    }

    /// Opens a door; where `or_any_port` is set, another port is taken if this one is in use.
    ///
    /// # Errors
    /// When the address cannot be listened on, or anybody on other machines could read.
    pub(crate) async fn open(
        &mut self,
        door: NetworkDoor,
        address: SocketAddr,
        or_any_port: bool,
    ) -> Result<SocketAddr, ServeError> {
        if !address.ip().is_loopback() && self.access.users().is_none() {
            return Err(ServeError::Open { address });
        }
        let mut listener = Listener::bind(address, self.connections).await;
        if listener.is_err() && or_any_port {
            listener = Listener::bind((address.ip(), 0).into(), self.connections).await;
        }
        let listener = listener.map_err(|source| ServeError::Listen { door, address, source })?;
        let address = listener.address();
        self.doors.push((door, listener));
        Ok(address)
    }

    /// Answers until the engine is to stop and its statements have ended, or their time is over.
    ///
    /// # Errors
    /// When a door cannot be set up.
    pub(crate) async fn run(self) -> Result<(), ServeError> {
        let mut doors = JoinSet::new();
        for (door, listener) in self.doors {
            let engine = Arc::clone(&self.engine);
            let access = self.access.clone();
            match door {
                NetworkDoor::Http => doors.spawn(http::serve(listener, engine, access)),
                NetworkDoor::Postgres => match Box::pin(Catalog::new(&engine)).await {
                    Ok(catalog) => doors.spawn(postgres::serve(listener, engine, access, catalog)),
                    Err(error) => return Err(error.into()),
                },
                NetworkDoor::Flight => {
                    let service = FlightSql::new(Arc::clone(&engine))?;
                    doors.spawn(flight::serve(listener, engine, access, service))
                }
            };
        }
        self.engine.stopping().requested().await;
        let ended = async { while doors.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            self.engine.abort_statements();
            // Enough for the doors to say so; whatever is left is cut off with them.
            let ended = async { while doors.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(Duration::from_secs(1), ended).await;
        }
        Ok(())
    }
}
