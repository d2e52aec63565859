//! The reader of an answer, as its statement sees it: waiting for rows, or since when it took none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Whether a reader waits for rows, shared by both sides of an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Reader {
    /// Since when it has the rows that it wanted; nothing while it waits.
    resting: Arc<Mutex<Option<Instant>>>,
}

impl Reader {
    /// Takes note that it waits for rows.
    pub(super) fn wait(&self) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Takes note that it has the rows that it wanted.
    pub(super) fn rest(&self) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn left_of(&self, limit: Duration) -> Duration {
        let resting = *self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.map_or(limit, |since| limit.saturating_sub(since.elapsed()))
    }

    /// Returns once it has wanted nothing for so long.
    pub(super) async fn rested_for(&self, limit: Duration) {
        loop {
            let left = self.left_of(limit);
            if left.is_zero() {
                return;
            }
            sleep(left).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn only_a_reader_that_asks_for_nothing_uses_up_the_limit() {
        let reader = Reader::default();
        assert_eq!(reader.left_of(LIMIT), LIMIT);
        reader.rest();
        assert!(reader.left_of(LIMIT) <= LIMIT);
        assert_eq!(reader.left_of(Duration::ZERO), Duration::ZERO);
        reader.wait();
        assert_eq!(reader.left_of(LIMIT), LIMIT);
    }

    #[tokio::test]
    async fn a_limit_of_no_time_is_over_at_once() {
        let reader = Reader::default();
        reader.rest();
        reader.rested_for(Duration::ZERO).await;
    }
}
