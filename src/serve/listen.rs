//! Connections: accepted up to a limit, so that no number of them takes files or memory from the
//! statements.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use crate::shutdown::Shutdown;

/// Open connections of one door at most; more are closed at once.
const CONNECTIONS: usize = 512;

/// How long accepting rests when the process has no files left.
const REST: Duration = Duration::from_millis(50);

/// An open port.
#[derive(Debug)]
pub(super) struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    places: Arc<Semaphore>,
}

/// A connection with its place among the limited number of them.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) socket: TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) place: OwnedSemaphorePermit,
}

impl Listener {
    /// Listens on an address.
    ///
    /// # Errors
    /// When it is in use or not one of this machine.
    pub(super) async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, places: Arc::new(Semaphore::new(CONNECTIONS)) })
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
            // Answers are written in large pieces, so waiting for more of one only delays it.
            let _ = socket.set_nodelay(true);
            if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
                return Connection { socket, peer, place };
            }
        }
    }
}
