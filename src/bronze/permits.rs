//! Leave to download, for as many at a time as the source bears and the user allows.
//!
//! How many that are is decided by [`ConcurrencyLimiter`]; here is what waits for it.

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
    /// DownloadPermits that there are, free or taken: more than the limiter has until those that were taken
    /// come back.
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
    pub(super) async fn take(&self) -> DownloadPermit<'_> {
        DownloadPermit { permits: self, permit: self.free.acquire().await.ok() }
    }

    /// Returns what is to be told if a request that is made now fails.
    pub(super) fn round(&self) -> u64 {
        self.lock().limiter.round()
    }

    /// Takes note that an archive came through, or is known not to be there.
    pub(super) fn on_success(&self) {
        let mut state = self.lock();
        state.limiter.on_success();
        let more = state.limiter.size().saturating_sub(state.open);
        self.free.add_permits(more);
        state.open += more;
    }

    /// Takes note that a request of `round` failed; a refusal for good is no reason to ask for
    /// less.
    pub(super) fn on_failure(&self, round: u64, error: &SourceError) {
        let mut state = self.lock();
        if !matches!(error, SourceError::Transient { .. }) || !state.limiter.on_failure(round) {
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

/// Leave for one download, until it is dropped.
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
