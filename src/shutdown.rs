//! Asking work to stop: once politely, twice at once.
//!
//! SIGINT (Ctrl-C) and SIGTERM are the same wish. What is in flight is finished first, and a second
//! wish ends the process where it stands; neither loses anything, because commits are whole or not
//! there.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::terminal::console::{self, Tone};

/// The exit code of a process that was ended by SIGINT, as shells know it.
const INTERRUPTED: i32 = 130;

/// A wish to stop that everybody who does work can see.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Shutdown {
    /// Asks for it.
    pub fn request(&self) {
        self.0.send_replace(true);
    }

    /// Returns whether it was requested for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is requested for.
    pub async fn requested(&self) {
        let mut wish = self.0.subscribe();
        // The sender is this value's own, so the wait cannot fail while it is borrowed.
        let _ = wish.wait_for(|requested| *requested).await;
    }

    /// Makes a wish of the signals that request a process to end; must be called within a runtime.
    #[must_use]
    pub fn on_signals() -> Self {
        let stop = Self::default();
        let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
        if let (Ok(interrupt), Ok(terminate)) = signals {
            tokio::spawn(obey(stop.clone(), interrupt, terminate));
        }
        stop
    }
}

async fn obey(shutdown: Shutdown, mut interrupt: Signal, mut terminate: Signal) {
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if shutdown.is_requested() {
            std::process::exit(INTERRUPTED);
        }
        console::tell_as(
            Tone::Answer,
            "stopping behind the batch in flight; once more stops at once",
        );
        shutdown.request();
    }
}
