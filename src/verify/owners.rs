//! Days of which several archives have rows: what programs left that did not know that rows outside
//! an archive's period belong to another one.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use lakehouse_core::names::archive::Series;

use super::KnownArchive;
use super::damage::DamageCollector;
use super::report::{Check, Finding};

/// The archives with rows of each day of a series, and how many.
type RowsOfDays<'a> = BTreeMap<(&'a Series, NaiveDate), Vec<(&'a KnownArchive, u64)>>;

/// Finds the rows of days that another archive owns.
pub(super) fn check_owners(
    known: &BTreeMap<Arc<str>, KnownArchive>,
    damage: &mut DamageCollector,
) -> Vec<Finding> {
    let mut days = RowsOfDays::new();
    for known in known.values().filter(|known| known.is_chosen) {
        for (day, found) in &known.tally.days {
            let rows = days.entry((known.version.key.series(), *day)).or_default();
            rows.push((known, found.rows));
        }
    }
    let mut findings = Vec::new();
    for ((_, day), archives) in days {
        let Some(owner) = owner(day, &archives) else { continue };
        for (known, rows) in archives.iter().filter(|(known, _)| !is_same(known, owner)) {
            let expected = format!("0 rows of {day}, of which {} has rows", owner.version.key);
            damage.redo(&known.version);
            findings.push(known.version.finding(Check::Owner, expected, format!("{rows} rows")));
        }
    }
    findings
}

/// Returns the archive to which a day belongs: one whose period has it and to which it was given,
/// or the first where there is none.
fn owner<'a>(day: NaiveDate, archives: &[(&'a KnownArchive, u64)]) -> Option<&'a KnownArchive> {
    let is_in_period = |known: &KnownArchive| known.version.key.period().days().contains(day);
    let known = || archives.iter().map(|(known, _)| *known);
    let given = known().find(|known| is_in_period(known) && known.owns(day));
    given.or_else(|| known().find(|known| is_in_period(known))).or_else(|| known().next())
}

fn is_same(a: &KnownArchive, b: &KnownArchive) -> bool {
    a.version.key == b.version.key
}
