//! Whether the source can be reached at all, so that a run does not wait for each of a thousand
//! archives in turn.
//!
//! Each download is patient by itself. When some have given up one after the other because nothing
//! can be connected to, the rest of the run fails at once; the same command goes on later.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::source::SourceError;

/// Downloads that give up one after the other before the others are not begun.
const LIMIT: usize = 3;

/// How many requests were given up since the last one that succeeded, for want of a connection.
#[derive(Debug, Default)]
pub(super) struct Outage {
    given_up: AtomicUsize,
}

impl Outage {
    /// Records whether a request is given up.
    pub(super) fn note(&self, waited: &Result<(), SourceError>) {
        if waited.as_ref().is_err_and(SourceError::is_unreachable) {
            self.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that the source answers.
    pub(super) fn end(&self) {
        self.given_up.store(0, Ordering::Relaxed);
    }

    /// Fails if the source cannot be reached.
    pub(super) fn check(&self, what: &str) -> Result<(), SourceError> {
        if self.given_up.load(Ordering::Relaxed) < LIMIT {
            return Ok(());
        }
        let reason = "not requested, because the source cannot be reached".to_owned();
        Err(SourceError::Unreachable { what: what.to_owned(), reason })
    }
}
