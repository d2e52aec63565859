//! The requests of one connection of HTTP, whichever version: those of the page and of Flight SQL.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::shutdown::Shutdown;

/// Answers requests until the client goes, or `stopping` is requested and those that were begun
/// are answered.
pub(super) async fn answer_requests<S>(
    builder: Builder<TokioExecutor>,
    socket: S,
    router: Router,
    stopping: &Shutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = TowerToHyperService::new(router);
    let mut answering = std::pin::pin!(builder.serve_connection(TokioIo::new(socket), service));
    tokio::select! {
        // How a client leaves is its own affair.
        _ = answering.as_mut() => return,
        () = stopping.requested() => answering.as_mut().graceful_shutdown(),
    }
    let _ = answering.await;
}
