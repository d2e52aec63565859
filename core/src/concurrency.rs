//! How many downloads may run at a time: all that the user allows while the source keeps up, fewer
//! while it falters.
//!
//! Half as many after a fault that may pass, one more after each round of downloads that came
//! through: the rule by which many strangers share one server. Rounds are counted in downloads, so
//! no clock is needed here; waiting before a request is made again is another matter, and not in
//! here.

/// The number of downloads that may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcurrencyLimiter {
    limit: usize,
    size: usize,
    successes: usize,
    round: u64,
}

impl ConcurrencyLimiter {
    /// Downloads that may always run: one that waits for its next try must not hold up all others.
    pub const MINIMUM: usize = 2;

    /// Begins with all that the user allows.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self { limit, size: limit, successes: 0, round: 0 }
    }

    /// Returns how many downloads may run now.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// Returns what a request remembers of the time when it was made.
    #[must_use]
    pub const fn round(&self) -> u64 {
        self.round
    }

    /// Takes note that an archive was downloaded.
    pub fn on_success(&mut self) {
        self.successes += 1;
        if self.successes >= self.size && self.size < self.limit {
            self.size += 1;
            self.successes = 0;
        }
    }

    /// Takes note that a request that was made in `round` failed in a way that may pass; returns
    /// whether fewer downloads may run now. What was under way when the limiter became smaller says
    /// nothing about the smaller one.
    pub fn on_failure(&mut self, round: u64) -> bool {
        if round != self.round {
            return false;
        }
        let before = self.size;
        self.size = (self.size / 2).max(Self::MINIMUM.min(self.limit));
        self.round += 1;
        self.successes = 0;
        self.size < before
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ConcurrencyLimiter;

    #[test]
    fn a_source_that_keeps_up_is_asked_for_all_that_is_allowed() {
        let mut limiter = ConcurrencyLimiter::new(8);
        (0..100).for_each(|_| limiter.on_success());
        assert_eq!(limiter.size(), 8);
    }

    #[test]
    fn faults_of_one_moment_halve_once() {
        let mut limiter = ConcurrencyLimiter::new(64);
        let round = limiter.round();
        let smaller: Vec<bool> = (0..5).map(|_| limiter.on_failure(round)).collect();
        assert_eq!((smaller, limiter.size()), (vec![true, false, false, false, false], 32));
    }

    #[test]
    fn one_more_runs_after_each_round_until_the_limit() {
        let mut limiter = ConcurrencyLimiter::new(4);
        limiter.on_failure(limiter.round());
        let sizes: Vec<usize> = (0..6)
            .map(|_| {
                limiter.on_success();
                limiter.size()
            })
            .collect();
        assert_eq!(sizes, [2, 3, 3, 3, 4, 4]);
    }

    #[test]
    fn one_download_stays_one() {
        let mut limiter = ConcurrencyLimiter::new(1);
        assert!(!limiter.on_failure(limiter.round()));
        limiter.on_success();
        assert_eq!(limiter.size(), 1);
    }

    proptest! {
        #[test]
        fn the_window_never_leaves_its_limits(
            limit in 0_usize..100,
            events in prop::collection::vec(any::<bool>(), 0..500),
        ) {
            let mut limiter = ConcurrencyLimiter::new(limit);
            for good in events {
                if good { limiter.on_success() } else { limiter.on_failure(limiter.round()); }
                prop_assert!(limiter.size() <= limit.max(1));
                prop_assert!(limiter.size() >= ConcurrencyLimiter::MINIMUM.min(limit.max(1)));
            }
        }
    }
}
