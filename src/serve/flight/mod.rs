//! Arrow Flight SQL, for ADBC, JDBC and other clients that read columns rather than rows.
//!
//! The messages are `arrow-flight`'s, on `tonic`. What answers them is here, without any state of
//! clients but which of their statements run: whatever a client has to hand back holds all that is
//! needed to go on. Connections are accepted as for the other protocols, so that their number and
//! the time for the first bytes are limited.

mod answers;
mod columns;
mod info;
mod listing;
mod login;
mod prepared;
mod running;
mod service;
mod status;
mod tables;
mod types;
mod values;

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use axum::Router;
use axum::extract::ConnectInfo;
use axum::middleware::from_fn_with_state;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use tonic::service::Routes;

pub(super) use self::answers::FlightSql;
use self::login::Login;
use super::access::Access;
use super::engine::StatementEngine;
use super::listen::{Connection, Listener, TooMany, briefly, encrypted};
use super::requests::answer_requests;
use super::{Door, NetworkDoor};

/// How long a client may take to send its first bytes.
const GREETING_TIME: Duration = Duration::from_secs(15);

/// The bytes with which a client of HTTP/2 begins.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How often it is looked whether a client is still there, and how long it has to say so.
const PING: Duration = Duration::from_secs(30);
const PING_TIME: Duration = Duration::from_secs(20);

/// Requests of one connection that are answered at a time.
const REQUESTS: u32 = 128;

/// Answers requests until the engine is to stop and those that were begun are answered.
pub(super) async fn serve(
    listener: Listener,
    engine: Arc<StatementEngine>,
    access: Access,
    service: FlightSql,
) {
    let login = Login::new(access.users().cloned(), Arc::clone(service.tokens()));
    let router = Routes::new(FlightServiceServer::new(service)).into_axum_router();
    let router = router.layer(from_fn_with_state(login, login::check));
    let tls = access.tls(NetworkDoor::Flight);
    let talk = |connection| converse(connection, router.clone(), Arc::clone(&engine), tls.clone());
    listener.serve(engine.stopping(), talk).await;
}

/// Answers the requests of one connection.
async fn converse(
    connection: Connection,
    router: Router,
    engine: Arc<StatementEngine>,
    tls: Option<TlsAcceptor>,
) {
    let Connection { socket, peer, refusal, place } = connection;
    let _open = (place, engine.metrics().connected(Door::Flight, refusal.is_some()));
    let router = match refusal {
        Some(refusal) => refused(refusal),
        None => router.layer(axum::Extension(ConnectInfo(peer))),
    };
    let greeting = async {
        let mut socket = encrypted(socket, tls.as_ref()).await?;
        let mut preface = [0; PREFACE.len()];
        socket.read_exact(&mut preface).await.ok()?;
        (preface == *PREFACE).then_some(socket)
    };
    // A client that does not finish its greeting would otherwise stay for ever.
    let Ok(Some(socket)) = tokio::time::timeout(GREETING_TIME, greeting).await else { return };
    let (reader, writer) = tokio::io::split(socket);
    let socket = tokio::io::join(Cursor::new(PREFACE).chain(reader), writer);
    let mut builder = Builder::new(TokioExecutor::new()).http2_only();
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING_TIME)
        .max_concurrent_streams(REQUESTS);
    let answering = answer_requests(builder, socket, router, engine.stopping());
    briefly(refusal, Box::pin(answering)).await;
}

/// Answers every request with why the client is refused.
fn refused(refusal: TooMany) -> Router {
    let answer = Status::resource_exhausted(refusal.to_string());
    Router::new().fallback(async move || answer.into_http::<axum::body::Body>())
}
