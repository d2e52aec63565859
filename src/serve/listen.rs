//! Connections: accepted up to a limit, so that no number of them takes files or memory from the
//! statements.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::shutdown::Shutdown;

/// Connections beyond the limit that get a reason at a time; more are closed at once.
const REFUSALS: usize = 64;

/// How long it may take to give a client the reason.
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// When it is looked whether a silent client is still there, how often, and how many times.
const SILENCE: Duration = Duration::from_secs(60);
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// How long accepting rests when the process has no files left.
const REST: Duration = Duration::from_millis(50);

/// An open port.
#[derive(Debug)]
pub(super) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    /// Open connections at most.
    limit: usize,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

/// A connection with its place among the limited number of them.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    /// Why it is answered with nothing but this.
    pub(super) refusal: Option<TooMany>,
    pub(super) place: OwnedSemaphorePermit,
}

/// Other clients have all connections.
#[derive(Clone, Copy, Debug, Error)]
#[error("the server has {0} connections open, its limit: close some, or raise --max-connections")]
pub(super) struct TooMany(usize);

impl Listener {
    /// Listens on an address, for so many connections at a time.
    ///
    /// # Errors
    /// When it is in use or not one of this machine.
    pub(super) async fn bind(address: SocketAddr, limit: usize) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let places = Arc::new(Semaphore::new(limit));
        let refusals = Arc::new(Semaphore::new(REFUSALS));
        Ok(Self { listener, address, limit, places, refusals })
    }

    /// Returns the address with the port that is listened on.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Talks on each connection, until `stopping` is requested and what was begun has ended.
    pub(super) async fn serve<F>(self, stopping: &Shutdown, mut talk: impl FnMut(Connection) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stopping.requested() => break,
                _ = connections.join_next(), if !connections.is_empty() => {}
                connection = self.accept() => {
                    connections.spawn(Box::pin(talk(connection)));
                }
            }
        }
        drop(self);
        while connections.join_next().await.is_some() {}
    }

    /// Waits for the next connection.
    async fn accept(&self) -> Connection {
        loop {
            let Ok((socket, peer)) = self.listener.accept().await else {
                tokio::time::sleep(REST).await;
                continue;
            };
            prepare(&socket);
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Connection { socket, peer, refusal: None, place };
            }
            if let Ok(place) = Arc::clone(&self.refusals).try_acquire_owned() {
                let refusal = Some(TooMany(self.limit));
                return Connection { socket, peer, refusal, place };
            }
        }
    }
}

/// Sets a connection up, as far as the system can.
fn prepare(socket: &TcpStream) {
    // Answers are written in large pieces, so waiting for more of one only delays it.
    let _ = socket.set_nodelay(true);
    // A client that vanished without a word would otherwise keep its place.
    let probes = TcpKeepalive::new().with_time(SILENCE).with_interval(PROBE).with_retries(PROBES);
    let _ = SockRef::from(socket).set_tcp_keepalive(&probes);
}

/// Talks to a client; to one that is refused only for a moment.
pub(super) async fn briefly(refusal: Option<TooMany>, talk: impl Future<Output = ()>) {
    match refusal {
        None => talk.await,
        Some(_) => {
            let _ = tokio::time::timeout(REFUSAL_TIME, talk).await;
        }
    }
}

/// The bytes of a connection, encrypted or not.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Socket for T {}

/// Agrees on encryption with a client, where there is any; nothing where the client does not.
pub(super) async fn encrypted(
    socket: TcpStream,
    tls: Option<&TlsAcceptor>,
) -> Option<Box<dyn Socket>> {
    match tls {
        Some(tls) => Some(Box::new(tls.accept(socket).await.ok()?)),
        None => Some(Box::new(socket)),
    }
}
