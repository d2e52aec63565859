//! The days on which silver may have rows of an archive: those of its period that it owns, and
//! those outside of which its commit says so.
//!
//! They bound what a correction looks at, so that its cost does not grow with the table.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::overlap::HeldArchive;
use lakehouse_core::overlap::outside::OutsideDays;

use crate::parquet::rewrite::Removal;

/// Takes out all rows that an archive of a period has in silver.
pub(super) fn take_out(removal: &mut Removal, archive: &str, held: &HeldArchive, period: Period) {
    match held_days(held, period) {
        Some(days) => days.into_iter().for_each(|day| removal.day(archive, day)),
        None => removal.whole(archive),
    }
}

/// Returns the days; nothing where nobody knows when its first and last row are.
fn held_days(held: &HeldArchive, period: Period) -> Option<BTreeSet<NaiveDate>> {
    let mut days: BTreeSet<NaiveDate> = held.owned(period).dates(period).collect();
    match &held.outside {
        OutsideDays::Known(outside) => days.extend(outside.iter()),
        OutsideDays::Within(DateRange { start, end }) => {
            let end = (*end)?;
            days.extend((*start)?.iter_days().take_while(|day| *day <= end));
        }
    }
    Some(days)
}
