//! Permits to download, as many at a time as the source keeps up with and the user allows.
//!
//! [`ConcurrencyLimiter`] decides how many that are, and is pure; the waiting is here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakehouse_core::concurrency::ConcurrencyLimiter;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::events::{Event, Reporter};
use crate::source::SourceError;

/// The permits of all downloads of a run.
pub(super) struct DownloadPermits {
    free: Semaphore,
    state: Mutex<State>,
    reporter: Arc<dyn Reporter>,
}

struct State {
    limiter: ConcurrencyLimiter,
    /// Permits that exist, free or held: more than the limiter allows until those that are held
    /// are returned.
    open: usize,
}

impl DownloadPermits {
    pub(super) fn new(limit: usize, reporter: Arc<dyn Reporter>) -> Self {
        let limiter = ConcurrencyLimiter::new(limit);
        let open = limiter.size();
        let free = Semaphore::new(open.min(Semaphore::MAX_PERMITS));
        Self { free, state: Mutex::new(State { limiter, open }), reporter }
    }

    /// Waits for a permit.
    pub(super) async fn acquire(&self) -> DownloadPermit<'_> {
        DownloadPermit { permits: self, permit: self.free.acquire().await.ok() }
    }

    /// Returns the round to report if a request that is made now fails.
    pub(super) fn round(&self) -> u64 {
        self.lock().limiter.round()
    }

    /// Records that a download succeeded, or that its archive is known not to be there.
    pub(super) fn on_success(&self) {
        let mut state = self.lock();
        state.limiter.on_success();
        let more = state.limiter.size().saturating_sub(state.open);
        self.free.add_permits(more);
        state.open += more;
    }

    /// Records that a request of `round` failed; a permanent refusal is no reason to
    /// slow down.
    pub(super) fn on_failure(&self, round: u64, error: &SourceError) {
        let mut state = self.lock();
        if !error.is_transient() || !state.limiter.on_failure(round) {
            return;
        }
        let parallel = state.limiter.size();
        state.open -= self.free.forget_permits(state.open.saturating_sub(parallel));
        drop(state);
        self.reporter.report(Event::Slowed { parallel });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The permit of one download, returned when it is dropped.
pub(super) struct DownloadPermit<'a> {
    permits: &'a DownloadPermits,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for DownloadPermit<'_> {
    fn drop(&mut self) {
        let mut state = self.permits.lock();
        if state.open > state.limiter.size()
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            state.open -= 1;
        }
    }
}
