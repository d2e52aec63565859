//! How often and how patiently a request is tried again.
//!
//! Only failures that may pass are tried again, and each time is reported. A server that names a
//! time to come back at is obeyed, within bounds for one wait and for all waits of a request.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

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
    /// The longest that all waits of a request take together, unless tries in between bring
    /// something.
    pub const LONGEST_IN_ALL: Duration = Duration::from_secs(900);

    /// Returns the time to wait after a failure when `planned` is next, or nothing to give up.
    #[must_use]
    pub fn adjust(error: &SourceError, planned: Option<Duration>) -> Option<Duration> {
        let retry_after = match error {
            SourceError::Transient { retry_after, .. } => *retry_after,
            SourceError::Unreachable { .. } => None,
            _ => return None,
        };
        match (planned?, retry_after) {
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

/// What all requests of a run share when they are tried again: the policy, and where events go.
pub(crate) struct Retries {
    policy: RetryPolicy,
    reporter: Arc<dyn Reporter>,
    /// When it was last said what is being waited for.
    announced: Mutex<Option<Instant>>,
}

/// Users hear of waits of this length, because nothing else happens meanwhile.
const NOTABLE_WAIT: Duration = Duration::from_secs(5);
/// And not more often than this, because many requests wait for the same.
const BETWEEN_NOTES: Duration = Duration::from_secs(15);

impl std::fmt::Debug for Retries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retries").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl Retries {
    pub(crate) fn new(policy: RetryPolicy, reporter: Arc<dyn Reporter>) -> Self {
        Self { policy, reporter, announced: Mutex::new(None) }
    }

    pub(crate) const fn policy(&self) -> RetryPolicy {
        self.policy
    }

    /// Begins to count the tries of one request; `archive` is what events name.
    pub(crate) fn budget(&self, archive: Arc<str>) -> RetryBudget<'_> {
        self.budget_of(self.policy, archive)
    }

    /// As [`Self::budget`], with another policy than the usual one.
    pub(crate) fn budget_of(&self, policy: RetryPolicy, archive: Arc<str>) -> RetryBudget<'_> {
        RetryBudget {
            retries: self,
            policy,
            waits: policy.waits(),
            waited: Duration::ZERO,
            archive,
        }
    }

    /// Says what is being waited for, unless that was said a moment ago.
    fn announce(&self, error: &SourceError, wait: Duration) {
        if wait < NOTABLE_WAIT && !error.is_unreachable() {
            return;
        }
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if announced.is_some_and(|last| last.elapsed() < BETWEEN_NOTES) {
            return;
        }
        *announced = Some(Instant::now());
        let seconds = wait.as_secs_f64();
        self.reporter.report(Event::Note(format!("{error}; trying again in {seconds:.1} s")));
    }
}

/// The tries that are left of one request.
#[derive(Debug)]
pub(crate) struct RetryBudget<'a> {
    retries: &'a Retries,
    policy: RetryPolicy,
    waits: ExponentialBackoff,
    waited: Duration,
    archive: Arc<str>,
}

impl RetryBudget<'_> {
    /// Waits before the next try.
    ///
    /// # Errors
    /// The same failure, if it will not pass or no try is left.
    pub(crate) async fn wait(&mut self, error: SourceError) -> Result<(), SourceError> {
        let wait = RetryPolicy::adjust(&error, self.waits.next());
        let Some(wait) = wait.filter(|wait| self.waited + *wait <= RetryPolicy::LONGEST_IN_ALL)
        else {
            return Err(error);
        };
        self.waited += wait;
        self.retries.announce(&error, wait);
        let archive = Arc::clone(&self.archive);
        self.retries.reporter.report(Event::Retried { archive, reason: error.to_string() });
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Gives all tries back, because the last one brought something.
    pub(crate) fn renew(&mut self) {
        self.waits = self.policy.waits();
        self.waited = Duration::ZERO;
    }
}
