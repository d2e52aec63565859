//! How often and how patiently a request is tried again.
//!
//! Only failures that may pass are tried again, and each time is reported. A server that names a
//! time to come back at is obeyed.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

use super::SourceError;
use crate::events::{Event, Reporter};

/// How often a request is tried again, and how long is waited before.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Tries after the first one.
    pub retries: usize,
    /// The first wait; each next one is twice as long, and a random part is added to each.
    pub base: Duration,
    /// The longest wait that is not requested by the server.
    pub longest: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { retries: 5, base: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// The longest that a server's `Retry-After` is waited for; beyond it the request fails.
    pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(600);

    /// Begins to count the tries of one request; `archive` is what events name.
    pub fn retry_budget(self, archive: Arc<str>, reporter: Arc<dyn Reporter>) -> RetryBudget {
        RetryBudget { policy: self, waits: self.waits(), archive, reporter }
    }

    /// Returns the time to wait after a failure when `planned` is next, or nothing to give up.
    #[must_use]
    pub fn adjust(error: &SourceError, planned: Option<Duration>) -> Option<Duration> {
        let SourceError::Transient { retry_after, .. } = error else { return None };
        match (planned?, *retry_after) {
            (_, Some(requested)) if requested > Self::LONGEST_RETRY_AFTER => None,
            (planned, Some(requested)) => Some(planned.max(requested)),
            (planned, None) => Some(planned),
        }
    }

    fn waits(&self) -> ExponentialBackoff {
        ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(self.base)
            .with_max_delay(self.longest)
            .with_max_times(self.retries)
            .build()
    }
}

/// The tries that are left of one request.
pub struct RetryBudget {
    policy: RetryPolicy,
    waits: ExponentialBackoff,
    archive: Arc<str>,
    reporter: Arc<dyn Reporter>,
}

impl std::fmt::Debug for RetryBudget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RetryBudget")
            .field("policy", &self.policy)
            .field("archive", &self.archive)
            .finish_non_exhaustive()
    }
}

impl RetryBudget {
    /// Waits before the next try.
    ///
    /// # Errors
    /// The same failure, if it will not pass or no try is left.
    pub async fn wait(&mut self, error: SourceError) -> Result<(), SourceError> {
        let Some(wait) = RetryPolicy::adjust(&error, self.waits.next()) else { return Err(error) };
        self.reporter.report(Event::Retried {
            archive: Arc::clone(&self.archive),
            reason: error.to_string(),
        });
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Gives all tries back, because the last one brought something.
    pub fn renew(&mut self) {
        self.waits = self.policy.waits();
    }
}
