//! What was removed from the lake: archives, and with them their days, in whichever copy they come.
//!
//! A series of which everything was removed stays out as a whole, so that its later archives do not
//! come back one by one.

use crate::ledger::{ArchiveStatus, Ledger};
use crate::names::period::{DateRange, Period};

/// What a ledger has of one series that was removed.
#[derive(Debug, Default)]
pub(super) struct RemovedArchives {
    periods: Vec<Period>,
    /// Whether nothing else of the series is known.
    is_all: bool,
}

impl RemovedArchives {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut periods = Vec::new();
        for entry in ledger.entries() {
            if entry.status == ArchiveStatus::Removed {
                periods.push(entry.key.period());
            }
        }
        let is_all = !periods.is_empty() && periods.len() == ledger.len();
        Self { periods, is_all }
    }

    /// Returns whether an archive is left out: it was removed or, where nothing is known of it, the
    /// series or one of its days was.
    pub(super) fn has(&self, known: Option<ArchiveStatus>, period: Period) -> bool {
        match known {
            Some(status) => status == ArchiveStatus::Removed,
            None => self.is_all || self.periods.iter().any(|it| overlap(*it, period)),
        }
    }
}

fn overlap(a: Period, b: Period) -> bool {
    let DateRange { start, end } = a.days();
    b.days().start <= end && start <= b.days().end
}
