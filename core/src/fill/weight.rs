//! How much of the exchange's limit is used, and how long to wait before the next request.
//!
//! The exchange counts by minutes of its clock and says in each answer what was used. It bans
//! addresses that go on after a refusal, so a part of the limit is left to others at the address.

use chrono::{DateTime, Timelike, Utc};
use std::time::Duration;

/// The percentage of the limit that is used here.
const SHARE: u32 = 75;
/// Clocks differ: the next minute is taken to begin this much later than by the local one.
const MARGIN: Duration = Duration::from_secs(1);

/// The weight that was used in one minute, of the weight that may be.
#[derive(Clone, Debug)]
pub struct WeightBudget {
    limit: u32,
    used: u32,
    /// The minute that `used` is of, counted from 1970.
    minute: i64,
}

impl WeightBudget {
    /// Begins with nothing used of `limit`, the weight that an address may use in a minute.
    #[must_use]
    pub const fn new(limit: u32) -> Self {
        Self { limit: limit / 100 * SHARE + limit % 100 * SHARE / 100, used: 0, minute: 0 }
    }

    /// Takes `weight` for a request, or returns how long to wait until the next minute has it.
    ///
    /// # Errors
    ///
    /// The time to wait.
    pub fn take(&mut self, weight: u32, now: DateTime<Utc>) -> Result<(), Duration> {
        self.begin(now);
        // A request that is heavier than the whole share would wait for ever.
        if self.used > 0 && self.used.saturating_add(weight) > self.limit {
            let left = 60_u64.saturating_sub(u64::from(now.second()));
            return Err(Duration::from_secs(left) + MARGIN);
        }
        self.used = self.used.saturating_add(weight);
        Ok(())
    }

    /// Learns from an answer what was used in this minute by all programs at this address.
    pub fn learn(&mut self, used: u32, now: DateTime<Utc>) {
        self.begin(now);
        self.used = self.used.max(used);
    }

    fn begin(&mut self, now: DateTime<Utc>) {
        let minute = now.timestamp().div_euclid(60);
        if minute != self.minute {
            self.minute = minute;
            self.used = 0;
        }
    }
}
