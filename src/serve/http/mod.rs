//! HTTP: the page, statements as JSON, CSV, Parquet or Arrow, and what monitoring asks for.
//!
//! Connections are accepted here rather than by the framework, so that their number and the time
//! for a request's head are limited.

mod candles;
mod checks;
mod coverage;
mod login;
mod overview;
mod page;
mod sql;
mod tables;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio_rustls::TlsAcceptor;

use super::access::Access;
use super::engine::StatementEngine;
use super::listen::{Connection, Listener, TooMany, briefly, encrypted};
use super::requests::answer_requests;
use super::{Door, NetworkDoor};
use crate::error_chain::messages;
use crate::query::Session;

/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(15);

/// Bytes of a request's body at most: the text of a statement.
const BODY: usize = 1 << 20;

/// What the answers to all requests need.
#[derive(Clone, Debug)]
struct Shared {
    engine: Arc<StatementEngine>,
    session: Session,
}

/// Answers requests until the engine is to stop and those that were begun are answered.
pub(super) async fn serve(listener: Listener, engine: Arc<StatementEngine>, access: Access) {
    let session = engine.session();
    let router = router(Shared { engine: Arc::clone(&engine), session }, &access);
    let tls = access.tls(NetworkDoor::Http);
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
    let _open = (place, engine.metrics().connected(Door::Http, refusal.is_some()));
    let router = match refusal {
        Some(refusal) => refused(refusal),
        None => router.layer(axum::Extension(ConnectInfo(peer))),
    };
    // A client that does not finish its greeting is like one that sends no request.
    let socket = tokio::time::timeout(HEAD_TIME, encrypted(socket, tls.as_ref())).await;
    if let Ok(Some(socket)) = socket {
        let mut builder = Builder::new(TokioExecutor::new()).http1_only();
        builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
        let answering = answer_requests(builder, socket, router, engine.stopping());
        briefly(refusal, Box::pin(answering)).await;
    }
}

/// Answers every request with why the client is refused.
fn refused(refusal: TooMany) -> Router {
    let close = [(header::CONNECTION, "close")];
    let words = format!("{refusal}\n");
    Router::new().fallback(async move || (StatusCode::SERVICE_UNAVAILABLE, close, words))
}

fn router(shared: Shared, access: &Access) -> Router {
    let pages = page::router(shared.engine.location());
    let api = Router::new()
        .route("/api/sql", get(sql::get).post(sql::post))
        .route("/api/overview.json", get(overview::get))
        .route("/api/tables.json", get(tables::list))
        .route("/api/history.json", get(tables::history))
        .route("/api/audit.json", get(audited))
        .merge(coverage::router())
        .merge(candles::router())
        .layer(DefaultBodyLimit::max(BODY));
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(figures))
        .merge(api)
        .merge(pages)
        .layer(axum::middleware::from_fn_with_state(access.users().cloned(), login::check))
        .layer(axum::middleware::from_fn_with_state(access.users().is_some(), checks::check))
        .with_state(shared)
}

async fn ready(State(shared): State<Shared>) -> Response {
    if shared.engine.is_ready().await {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
}

/// Counts what audits found and still holds, by severity, kind and class of gap.
async fn audited(State(shared): State<Shared>) -> Response {
    match Box::pin(shared.engine.audit()).await {
        Ok(open) => Json(open).into_response(),
        Err(error) => failure(&messages(&error).join(": ")),
    }
}

/// Answers that something of the lake cannot be read.
fn failure(reason: &str) -> Response {
    sql::fault(StatusCode::INTERNAL_SERVER_ERROR, reason, None)
}

async fn figures(State(shared): State<Shared>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match Box::pin(shared.engine.figures()).await {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
