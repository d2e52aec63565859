//! PostgreSQL's protocol, for psql, drivers and tools that speak it.
//!
//! The messages are `pgwire`'s, the catalog is `datafusion-pg-catalog`'s, and values are mostly
//! `arrow-pg`'s. What answers them is here, so that a statement can be cancelled at any moment, is
//! sent while its rows are found, and only reads.

mod answer;
mod cancel;
mod catalog;
mod command;
mod conversation;
mod copy;
mod cursor;
mod error;
mod extended;
mod numeric;
mod parameters;
mod portal;
mod rows;
mod scram;
mod settings;
mod simple;
mod startup;
mod wire;
mod words;

use std::sync::Arc;
use std::time::Duration;

use pgwire::api::auth::StartupHandler;
use pgwire::api::cancel::CancelHandler;
use pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use pgwire::api::{PgWireServerHandlers, RandomPidSecretKeyGenerator};
use pgwire::tokio::process_socket;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsAcceptor;

use self::cancel::Cancels;
pub(super) use self::catalog::Catalog;
use self::conversation::Conversation;
use self::scram::{EndPoint, end_point};
use self::startup::Startup;
use super::access::Access;
use super::engine::StatementEngine;
use super::listen::{Connection, Listener, TooMany, briefly};
use super::users::Users;
use super::{Door, NetworkDoor};

/// How often it is looked whether a client that waits for an answer is still there.
const LOOK: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Clone)]
struct Shared {
    engine: Arc<StatementEngine>,
    catalog: Arc<Catalog>,
    cancels: Arc<Cancels>,
    keys: Arc<RandomPidSecretKeyGenerator>,
    users: Option<Arc<Users>>,
    tls: Option<TlsAcceptor>,
    end_point: Option<EndPoint>,
}

/// Answers clients until the engine is to stop and the statements that were begun have ended.
pub(super) async fn serve(
    listener: Listener,
    engine: Arc<StatementEngine>,
    access: Access,
    catalog: Catalog,
) {
    let shared = Shared {
        engine: Arc::clone(&engine),
        catalog: Arc::new(catalog),
        cancels: Arc::default(),
        keys: Arc::default(),
        users: access.users().cloned(),
        tls: access.tls(NetworkDoor::Postgres),
        end_point: access.certificate().and_then(|certificate| end_point(certificate)),
    };
    let talk = |connection| converse(connection, shared.clone());
    listener.serve(engine.stopping(), talk).await;
}

/// Answers the messages of one connection.
async fn converse(connection: Connection, shared: Shared) {
    let Connection { socket, refusal, place, .. } = connection;
    let _open = (place, shared.engine.metrics().connected(Door::Postgres, refusal.is_some()));
    let engine = Arc::clone(&shared.engine);
    let conversation =
        Arc::new(Conversation::new(Arc::clone(&engine), Arc::clone(&shared.catalog)));
    let Some((socket, watched)) = doubled(socket) else { return };
    let tls = shared.tls.clone();
    let handlers = Handlers { shared, conversation: Arc::clone(&conversation), refusal };
    let talk = async {
        tokio::select! {
            // How a client leaves is its own affair.
            _ = process_socket(socket, tls, handlers) => {}
            () = conversation.given_up.requested() => {}
            () = gone(&watched) => {}
            () = rested(&engine, &conversation) => {}
        }
    };
    briefly(refusal, Box::pin(talk)).await;
}

/// Returns a connection twice: one to talk, and one to see whether the client is there.
fn doubled(socket: TcpStream) -> Option<(TcpStream, TcpStream)> {
    let socket = socket.into_std().ok()?;
    let watched = TcpStream::from_std(socket.try_clone().ok()?).ok()?;
    Some((TcpStream::from_std(socket).ok()?, watched))
}

/// Returns when a client has gone. While a statement runs nobody reads from the connection, and so
/// nobody would notice.
async fn gone(watched: &TcpStream) {
    let mut sign = [0; 1];
    while !matches!(watched.peek(&mut sign).await, Ok(0) | Err(_)) {
        tokio::time::sleep(LOOK).await;
    }
}

/// Returns when the server is to stop and the connection runs no statement.
async fn rested(engine: &StatementEngine, conversation: &Conversation) {
    engine.stopping().requested().await;
    conversation.rested().await;
}

struct Handlers {
    shared: Shared,
    conversation: Arc<Conversation>,
    /// Why the client is answered with nothing but this.
    refusal: Option<TooMany>,
}

impl PgWireServerHandlers for Handlers {
    fn simple_query_handler(&self) -> Arc<impl SimpleQueryHandler> {
        Arc::clone(&self.conversation)
    }

    fn extended_query_handler(&self) -> Arc<impl ExtendedQueryHandler> {
        Arc::clone(&self.conversation)
    }

    fn startup_handler(&self) -> Arc<impl StartupHandler> {
        Arc::new(Startup {
            conversation: Arc::clone(&self.conversation),
            cancels: Arc::clone(&self.shared.cancels),
            keys: Arc::clone(&self.shared.keys),
            users: self.shared.users.clone(),
            end_point: self.shared.end_point.clone(),
            exchange: Mutex::default(),
            refusal: self.refusal,
        })
    }

    fn cancel_handler(&self) -> Arc<impl CancelHandler> {
        Arc::clone(&self.shared.cancels)
    }
}
