//! Requests to stop: the first finishes the current batch, the second ends the process at once.
//!
//! SIGINT (Ctrl-C) and SIGTERM mean the same. Neither request loses anything, because a commit is
//! whole or does not exist.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The exit code of a process that was ended by SIGINT, as shells know it.
const INTERRUPTED: i32 = 130;

/// A request to stop that all parts of a run can see.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Shutdown {
    /// Requests it.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether it was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is requested.
    pub async fn requested(&self) {
        let mut request = self.0.subscribe();
        // The sender belongs to this value, so the wait cannot fail while it is borrowed.
        let _ = request.wait_for(|requested| *requested).await;
    }

    /// Makes a request of the signals that end a process, and runs `announce` on the first.
    ///
    /// Must be called within a runtime.
    #[must_use]
    pub fn on_signals(announce: impl Fn() + Send + 'static) -> Self {
        let shutdown = Self::default();
        let interrupt = signal(SignalKind::interrupt());
        let terminate = signal(SignalKind::terminate());
        if let (Ok(interrupt), Ok(terminate)) = (interrupt, terminate) {
            tokio::spawn(listen(shutdown.clone(), announce, interrupt, terminate));
        }
        shutdown
    }
}

async fn listen(
    shutdown: Shutdown,
    announce: impl Fn(),
    mut interrupt: Signal,
    mut terminate: Signal,
) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if shutdown.is_requested() {
            std::process::exit(INTERRUPTED);
        }
        announce();
        shutdown.request();
    }
}
