//! Statements whose rows are on their way, so that a client can cancel one by another request.
//!
//! A ticket has a name that nobody can guess, and only the user who got it cancels by it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use tonic::Status;

use super::status::not_sendable;
use crate::shutdown::Shutdown;

/// A user and the name of a ticket.
type Key = (String, String);

/// The running statements of all clients.
#[derive(Debug, Default)]
pub(super) struct RunningStatements(Mutex<HashMap<Key, Shutdown>>);

/// A statement in the list, which it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Listed {
    key: Key,
    statements: Arc<RunningStatements>,
}

/// Makes a name for a ticket.
///
/// # Errors
/// When the system has no random numbers.
pub(super) fn ticket_name() -> Result<String, Status> {
    let mut name = [0; 16];
    SystemRandom::new().fill(&mut name).map_err(not_sendable)?;
    Ok(hex::encode(name))
}

impl RunningStatements {
    /// Lists a statement; nothing if one of its ticket is listed already.
    pub(super) fn list(
        self: &Arc<Self>,
        who: &str,
        ticket: &str,
        cancel: &Shutdown,
    ) -> Option<Listed> {
        let key = (who.to_owned(), ticket.to_owned());
        let mut statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Entry::Vacant(place) = statements.entry(key.clone()) else { return None };
        place.insert(cancel.clone());
        Some(Listed { key, statements: Arc::clone(self) })
    }

    /// Cancels the statement of a ticket, and returns whether there was one.
    pub(super) fn cancel(&self, who: &str, ticket: &str) -> bool {
        let statements = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let statement = statements.get(&(who.to_owned(), ticket.to_owned()));
        statement.inspect(|cancel| cancel.request()).is_some()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut statements = self.statements.0.lock().unwrap_or_else(PoisonError::into_inner);
        statements.remove(&self.key);
    }
}
