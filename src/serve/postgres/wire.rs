//! The way to a client: messages are written in groups, and a client that takes none of them for
//! long is given up.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;

use crate::shutdown::Shutdown;

/// How long a client may take to receive the rows of one batch.
const WRITE_TIME: Duration = Duration::from_secs(60);

/// Where messages to a client go.
#[async_trait]
pub(super) trait Outlet: Send {
    /// Hands messages over, and waits while the client has not taken earlier ones.
    async fn put(&mut self, messages: Vec<PgWireBackendMessage>) -> PgWireResult<()>;

    /// Sends what was handed over.
    async fn flush(&mut self) -> PgWireResult<()>;
}

/// A client, and what gives it up.
pub(super) struct Wire<'a, C> {
    pub(super) client: &'a mut C,
    pub(super) given_up: &'a Shutdown,
}

async fn in_time<E>(
    given_up: &Shutdown,
    write: impl Future<Output = Result<(), E>>,
) -> PgWireResult<()>
where
    PgWireError: From<E>,
{
    if let Ok(written) = tokio::time::timeout(WRITE_TIME, write).await {
        return Ok(written?);
    }
    given_up.request();
    Err(PgWireError::IoError(std::io::ErrorKind::TimedOut.into()))
}

#[async_trait]
impl<C> Outlet for Wire<'_, C>
where
    C: Sink<PgWireBackendMessage> + Unpin + Send + Sync,
    C::Error: Debug,
    PgWireError: From<C::Error>,
{
    async fn put(&mut self, messages: Vec<PgWireBackendMessage>) -> PgWireResult<()> {
        let Self { client, given_up } = self;
        let write = async {
            for message in messages {
                client.feed(message).await?;
            }
            Ok::<_, C::Error>(())
        };
        in_time(given_up, write).await
    }

    async fn flush(&mut self) -> PgWireResult<()> {
        let Self { client, given_up } = self;
        in_time(given_up, client.flush()).await
    }
}
