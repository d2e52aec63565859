//! Requests to cancel, which come on connections of their own and name a connection by its key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use pgwire::api::cancel::CancelHandler;
use pgwire::messages::cancel::CancelRequest;
use pgwire::messages::startup::SecretKey;

use crate::shutdown::Shutdown;

/// The statement that a connection runs, if any.
#[derive(Clone, Debug, Default)]
pub(super) struct Current(Arc<Mutex<Shutdown>>);

impl Current {
    /// Returns what ends the next statement.
    pub(super) fn next(&self) -> Shutdown {
        let next = Shutdown::default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = next.clone();
        next
    }

    fn cancel(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).request();
    }
}

type Key = (i32, Vec<u8>);

/// The connections whose statements can be cancelled.
#[derive(Debug, Default)]
pub(super) struct Cancels {
    connections: Mutex<HashMap<Key, Current>>,
}

/// A connection's entry, which lasts as long as the connection.
#[derive(Debug)]
pub(super) struct Registered {
    key: Key,
    cancels: Arc<Cancels>,
}

impl Cancels {
    /// Makes a connection known by its key.
    pub(super) fn register(
        self: &Arc<Self>,
        pid: i32,
        secret: &SecretKey,
        current: Current,
    ) -> Registered {
        let key = (pid, bytes_of(secret));
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.insert(key.clone(), current);
        Registered { key, cancels: Arc::clone(self) }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let connections = &self.cancels.connections;
        connections.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[async_trait]
impl CancelHandler for Cancels {
    async fn on_cancel_request(&self, request: CancelRequest) {
        let key = (request.pid, bytes_of(&request.secret_key));
        let connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = connections.get(&key) {
            current.cancel();
        }
    }
}

fn bytes_of(secret: &SecretKey) -> Vec<u8> {
    match secret {
        SecretKey::I32(key) => key.to_be_bytes().to_vec(),
        SecretKey::Bytes(key) => key.to_vec(),
    }
}
