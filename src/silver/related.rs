//! Which archives decide what becomes of an archive's rows: itself, those of the other frequency
//! that cover its days, and those next to it that may have rows of these days.
//!
//! What the ledger knows of these is looked up before a batch is decided, and of no others.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::period::Period;
use lakehouse_core::overlap::outside::{days_next_to, periods_next_to, periods_of};

use super::outside::sibling;
use super::overlap::competing;
use crate::meta::archives::wanted::KeySet;

/// Returns the keys of archives, and of those related to them.
pub(crate) fn related_keys<'a>(
    matrix: &Matrix,
    archives: impl IntoIterator<Item = &'a ArchiveKey>,
) -> KeySet {
    let mut keys: BTreeSet<Arc<str>> = BTreeSet::new();
    for key in archives {
        let period = key.period();
        keys.insert(key.shared_path());
        let competing = competing(matrix, key, period.start(), period.end());
        keys.extend(competing.map(|other| other.shared_path()));
        let siblings = periods_around(key).into_iter();
        let siblings = siblings.filter_map(|period| sibling(matrix, key, period));
        keys.extend(siblings.map(|other| other.shared_path()));
    }
    keys.into_iter().collect()
}

/// Returns the periods of archives that may own days next to an archive's, or have rows of its days
/// or of those.
fn periods_around(key: &ArchiveKey) -> BTreeSet<Period> {
    let period = key.period();
    let interval = key.interval();
    let mut periods = BTreeSet::new();
    let own = period.start().iter_days().take_while(|day| *day <= period.end());
    for day in own.chain(days_next_to(period, interval)) {
        periods.extend(periods_of(day));
        periods.extend(periods_next_to(day, interval));
    }
    periods
}
