//! Work that goes on while nobody waits for it, and ends when nobody can.
//!
//! A future makes progress only while it is polled, and a stream of futures polls them only while
//! its consumer waits for the next. What must not pause then is started here: above all what holds
//! something that others wait for, such as one of a number of permits.

use tokio::task::JoinHandle;
use tracing::Instrument;

/// A task that runs in the background and is aborted when this is dropped.
#[derive(Debug)]
pub(crate) struct BackgroundTask<T>(JoinHandle<T>);

impl<T: Send + 'static> BackgroundTask<T> {
    pub(crate) fn start(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work.in_current_span()))
    }

    /// Waits for the end; nothing if the task panicked.
    pub(crate) async fn done(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for BackgroundTask<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
