//! Leave to download, for as many at a time as the source bears and the user allows.
//!
//! How many that are is decided by [`Window`]; here is what waits for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakehouse_core::window::Window;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::report::{Event, Reporter};
use crate::source::SourceError;

/// The slots of all downloads of a run.
pub(super) struct Slots {
    free: Semaphore,
    state: Mutex<State>,
    reporter: Arc<dyn Reporter>,
}

struct State {
    window: Window,
    /// Slots that there are, free or taken: more than the window has until those that were taken come back.
    open: usize,
}

impl Slots {
    pub(super) fn new(limit: usize, reporter: Arc<dyn Reporter>) -> Self {
        let window = Window::new(limit);
        let open = window.size();
        Self { free: Semaphore::new(open), state: Mutex::new(State { window, open }), reporter }
    }

    /// Waits for a slot.
    pub(super) async fn take(&self) -> Slot<'_> {
        Slot { slots: self, permit: self.free.acquire().await.ok() }
    }

    /// Returns what is to be told if a request that is made now fails.
    pub(super) fn round(&self) -> u64 {
        self.lock().window.round()
    }

    /// Takes note that an archive came through, or is known not to be there.
    pub(super) fn came_through(&self) {
        let mut state = self.lock();
        state.window.came_through();
        let more = state.window.size().saturating_sub(state.open);
        self.free.add_permits(more);
        state.open += more;
    }

    /// Takes note that a request of `round` failed; a refusal for good is no reason to ask for less.
    pub(super) fn faltered(&self, round: u64, error: &SourceError) {
        let mut state = self.lock();
        if !matches!(error, SourceError::Transient { .. }) || !state.window.faltered(round) {
            return;
        }
        let parallel = state.window.size();
        state.open -= self.free.forget_permits(state.open.saturating_sub(parallel));
        drop(state);
        self.reporter.report(Event::Slowed { parallel });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave for one download, until it is dropped.
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    permit: Option<SemaphorePermit<'a>>,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        let mut state = self.slots.lock();
        if state.open > state.window.size()
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
            state.open -= 1;
        }
    }
}
