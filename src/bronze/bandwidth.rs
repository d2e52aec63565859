//! A limit on bytes per second, shared by all downloads of a run.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Hands out time: each piece of a body books the time that it may take at the allowed speed.
#[derive(Debug)]
pub struct Bandwidth {
    rate: Option<u64>,
    free_at: Mutex<Option<Instant>>,
}

impl Bandwidth {
    /// Allows `rate` bytes per second, or any number.
    #[must_use]
    pub const fn new(rate: Option<u64>) -> Self {
        Self { rate, free_at: Mutex::new(None) }
    }

    /// Waits until the piece that has come may be taken.
    pub(crate) async fn take(&self, bytes: usize) {
        if self.rate.is_some() {
            tokio::time::sleep_until(self.book(Instant::now(), bytes)).await;
        }
    }

    /// Books the time of a piece that came `now`, and returns when the pieces booked before it are
    /// through.
    pub fn book(&self, now: Instant, bytes: usize) -> Instant {
        let Some(rate) = self.rate else { return now };
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = free_at.unwrap_or(now).max(now);
        let nanoseconds = (bytes as u128 * 1_000_000_000) / u128::from(rate.max(1));
        *free_at =
            Some(begin + Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX)));
        begin
    }
}
