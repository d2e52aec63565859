//! Rows of a day outside the period of the archive that has them: which of them land, and which of
//! those in silver are removed when the archive that owns the day lands.
//!
//! Which archives can be concerned follows from their periods
//! ([`lakehouse_core::overlap::outside`]), so that a few look-ups in the index and a few files of
//! these days are enough. As with days that
//! overlap, all of it is checked again on the snapshot that a commit follows.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::{ArchiveKey, Series};
use lakehouse_core::names::period::Period;
use lakehouse_core::overlap::outside::{
    LeftRows, LeftTo, days_next_to, periods_next_to, periods_of,
};
use lakehouse_core::overlap::{Continuity, HeldArchive};

use super::DecodedArchive;
use super::decode_request::OutsideRules;
use super::evidence::{DaysToMeasure, Measured};
use super::overlap::Overlaps;
use crate::delta::log::{ArchiveRecord, ComparedRecord};
use crate::meta::silver_index::SilverIndex;
use crate::parquet::rewrite::Removal;

/// Days of archives in a batch that turned out not to be owned by them.
pub(super) type NotOwned = BTreeSet<(String, NaiveDate)>;

/// Days of series of which an archive of the batch has rows from outside.
pub(super) type LandedOutside = BTreeSet<(Series, NaiveDate)>;

/// What silver holds of the days of an archive, and of those next to them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OutsideClaim {
    /// Days next to the period that other archives own.
    owned: BTreeSet<NaiveDate>,
    /// Archives that may have rows of these days, or of days of the period, from outside.
    others: Vec<OutsideArchive>,
}

/// An archive that may have rows of a day outside its period.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OutsideArchive {
    archive: String,
    day: NaiveDate,
    /// All days next to its period.
    next_to: Vec<NaiveDate>,
    held: HeldArchive,
}

/// A claim, with what is in the table and in the batch.
#[derive(Debug, Default)]
pub(super) struct Outside {
    pub(super) claim: OutsideClaim,
    /// Rows that the other archives were found to have.
    rows: BTreeMap<(NaiveDate, String), u64>,
    /// Days next to the period that belong to other archives of the batch.
    in_batch: BTreeMap<NaiveDate, String>,
}

/// Rows from outside that a batch removes, because an archive of it owns their day.
struct RemovedRows<'a> {
    other: &'a OutsideArchive,
    left: LeftRows,
}

impl OutsideClaim {
    /// Finds what silver holds around an archive.
    pub(super) fn of(index: &SilverIndex, matrix: &Matrix, key: &ArchiveKey) -> Self {
        let period = key.period();
        let interval = key.interval();
        let mut claim = Self::default();
        for day in days_next_to(period, interval) {
            let mut owners = periods_of(day).into_iter();
            if owners.any(|owner| owns(index, matrix, key, owner, day)) {
                claim.owned.insert(day);
            }
        }
        let own_days = period.start().iter_days().take_while(|day| *day <= period.end());
        for day in own_days.chain(days_next_to(period, interval)) {
            for other in periods_next_to(day, interval).filter(|other| *other != period) {
                claim.others.extend(other_archive(index, matrix, key, other, day));
            }
        }
        claim
    }
}

/// Returns whether the archive of a period owns a day, with rows.
fn owns(
    index: &SilverIndex,
    matrix: &Matrix,
    key: &ArchiveKey,
    period: Period,
    day: NaiveDate,
) -> bool {
    let Some(owner) = sibling(matrix, key, period) else { return false };
    let held = index.held_archive(owner.path());
    held.is_some_and(|held| held.rows > 0 && held.owned(period).contains(day))
}

/// Returns the archive of a period that may have rows of a day outside of it.
fn other_archive(
    index: &SilverIndex,
    matrix: &Matrix,
    key: &ArchiveKey,
    period: Period,
    day: NaiveDate,
) -> Option<OutsideArchive> {
    // Rows of a month on a day of its own are no rows from outside.
    if period.days().contains(day) {
        return None;
    }
    let other = sibling(matrix, key, period)?;
    let held = index.held_archive(other.path())?;
    (held.rows > 0 && held.outside.may_have(day)).then(|| OutsideArchive {
        archive: other.path().to_owned(),
        day,
        next_to: days_next_to(period, key.interval()).collect(),
        held: held.clone(),
    })
}

/// Returns the archive of the same series of another period.
pub(super) fn sibling(matrix: &Matrix, key: &ArchiveKey, period: Period) -> Option<ArchiveKey> {
    matrix.get(key.market(), key.data_type())?.archive(key.symbol(), key.interval(), period)
}

impl Outside {
    /// Makes a claim and asks for the rows of the other archives to be counted.
    pub(super) fn new(claim: OutsideClaim, to_measure: &mut DaysToMeasure) -> Self {
        for other in &claim.others {
            // Only their number counts.
            let days = to_measure.entry(other.day).or_default();
            days.entry(other.archive.clone()).or_insert(Continuity::Span);
        }
        Self { claim, ..Self::default() }
    }

    /// Takes up what was counted.
    pub(super) fn measured(&mut self, measured: &Measured) {
        for other in &self.claim.others {
            let place = (other.day, other.archive.clone());
            let rows = measured.get(&place).map_or(0, |evidence| evidence.rows);
            if rows > 0 {
                self.rows.insert(place, rows);
            }
        }
    }

    /// Notes which days next to an archive's period other archives of the batch own, unless they
    /// turned out not to.
    pub(super) fn look_in_batch(
        &mut self,
        matrix: &Matrix,
        key: &ArchiveKey,
        batch: &BTreeSet<&str>,
        not_owned: &NotOwned,
    ) {
        for day in days_next_to(key.period(), key.interval()) {
            for period in periods_of(day) {
                let Some(owner) = sibling(matrix, key, period).filter(|owner| owner != key) else {
                    continue;
                };
                let place = (owner.path().to_owned(), day);
                if batch.contains(owner.path()) && !not_owned.contains(&place) {
                    self.in_batch.insert(day, place.0);
                }
            }
        }
    }

    /// Returns what of it decides which rows land.
    pub(super) fn rules(&self) -> OutsideRules {
        let in_silver = self.claim.owned.iter();
        OutsideRules {
            owned: in_silver.chain(self.in_batch.keys()).copied().collect(),
            rows_of_others: self.rows.keys().map(|(day, _)| *day).collect(),
        }
    }
}

impl OutsideRules {
    /// Takes out of `lands` the days outside the period whose rows are left to other archives.
    pub(super) fn leave(
        &self,
        key: &ArchiveKey,
        lands: &mut BTreeMap<NaiveDate, u64>,
        batch: &mut LandedOutside,
    ) -> Vec<LeftRows> {
        let mut left = Vec::new();
        lands.retain(|day, rows| {
            if key.period().days().contains(*day) {
                return true;
            }
            let is_owned = self.owned.contains(day);
            // The first archive of the batch that has rows of a day keeps them.
            let place = (key.series().clone(), *day);
            if !is_owned && !self.rows_of_others.contains(day) && batch.insert(place) {
                return true;
            }
            let to = if is_owned { LeftTo::Owner } else { LeftTo::Other };
            left.push(LeftRows { day: *day, rows: *rows, to });
            false
        });
        left
    }
}

impl Overlaps {
    /// Returns the archives of the batch to which others left a day that they do not own: they
    /// could not be read, or have no rows of it.
    pub(super) fn not_owned(&self, archives: &[DecodedArchive]) -> NotOwned {
        let mut owned = BTreeMap::new();
        for archive in archives {
            if let Some(resolution) = archive.found.resolution {
                owned.insert(archive.bronze.key.path(), resolution.owned);
            }
        }
        let mut not_owned = NotOwned::new();
        for archive in archives {
            let Some(overlap) = self.get(archive.bronze.key.path()) else { continue };
            let in_silver = &overlap.outside.claim.owned;
            for left in archive.found.left.iter().filter(|left| !in_silver.contains(&left.day)) {
                let Some(owner) = overlap.outside.in_batch.get(&left.day) else { continue };
                if !owned.get(owner.as_str()).is_some_and(|owned| owned.contains(left.day)) {
                    not_owned.insert((owner.clone(), left.day));
                }
            }
        }
        not_owned
    }

    /// Returns the rows from outside on days that archives of the batch own from now on.
    fn removed_rows<'a>(&'a self, archives: &[DecodedArchive]) -> Vec<RemovedRows<'a>> {
        let mut removed = Vec::new();
        for archive in archives.iter().filter(|archive| archive.found.fault.is_none()) {
            let key = &archive.bronze.key;
            let (Some(overlap), Some(resolution)) =
                (self.get(key.path()), archive.found.resolution)
            else {
                continue;
            };
            for other in &overlap.outside.claim.others {
                let day = other.day;
                let is_owned = key.period().days().contains(day) && resolution.owned.contains(day);
                let rows = overlap.outside.rows.get(&(day, other.archive.clone())).copied();
                if let Some(rows) = rows.filter(|_| is_owned && !self.is_replaced(archives, other))
                {
                    let left = LeftRows { day, rows, to: LeftTo::Owner };
                    removed.push(RemovedRows { other, left });
                }
            }
        }
        removed
    }

    /// Returns whether another version of the archive lands, so that all its rows are removed
    /// anyway.
    fn is_replaced(&self, archives: &[DecodedArchive], other: &OutsideArchive) -> bool {
        lands(archives, &other.archive)
            && self.get(&other.archive).is_some_and(|overlap| overlap.claim.replaces())
    }

    /// Takes rows from outside off the records of archives that land again in the version that
    /// silver holds.
    pub(super) fn take_off_records(
        &self,
        archives: &[DecodedArchive],
        records: &mut BTreeMap<String, ArchiveRecord>,
    ) {
        for RemovedRows { other, left } in self.removed_rows(archives) {
            if let Some(record) = records.get_mut(&other.archive) {
                record.rows = record.rows.saturating_sub(left.rows);
                record.reason = Some(with_reason(record.reason.take(), &left));
            }
        }
    }

    /// Removes rows from outside on days that archives of the batch own, and records it of the
    /// archives that had them.
    pub(super) fn remove_outside(
        &self,
        archives: &[DecodedArchive],
        removal: &mut Removal,
        records: &mut Vec<ComparedRecord>,
    ) {
        for RemovedRows { other, left } in self.removed_rows(archives) {
            removal.day(&other.archive, left.day);
            // An archive that lands has a record of its own, from which they are taken off.
            if lands(archives, &other.archive) {
                continue;
            }
            let of_other =
                |record: &&mut ComparedRecord| record.archive.as_str() == other.archive.as_str();
            match records.iter_mut().find(of_other) {
                // It has lost all its days, and with them all its rows.
                Some(record) if record.yielded => {}
                Some(record) => {
                    record.rows = record.rows.saturating_sub(left.rows);
                    record.reason = with_reason(Some(std::mem::take(&mut record.reason)), &left);
                    record.outside = Some(rest(record.outside.take(), other, left.day));
                }
                None => records.push(other_record(other, &left)),
            }
        }
    }
}

/// Returns whether an archive of the batch could be read.
fn lands(archives: &[DecodedArchive], path: &str) -> bool {
    archives
        .iter()
        .any(|archive| archive.found.fault.is_none() && archive.bronze.key.path() == path)
}

fn other_record(other: &OutsideArchive, left: &LeftRows) -> ComparedRecord {
    let held = &other.held;
    ComparedRecord {
        archive: other.archive.clone(),
        sha256: held.sha256.to_string(),
        rows: held.rows.saturating_sub(left.rows),
        days: held.days,
        competing_version: held.competing_version.as_deref().map(str::to_owned),
        yielded: held.yielded,
        removed: false,
        outside: Some(rest(None, other, left.day)),
        reason: left.to_string(),
    }
}

/// Returns the days outside its period on which an archive still may have rows without `day`.
fn rest(
    recorded: Option<Vec<NaiveDate>>,
    other: &OutsideArchive,
    day: NaiveDate,
) -> Vec<NaiveDate> {
    let mut days = recorded.unwrap_or_else(|| other.other_days());
    days.retain(|other| *other != day);
    days
}

impl OutsideArchive {
    /// Returns the days next to the archive's period on which it may have rows.
    fn other_days(&self) -> Vec<NaiveDate> {
        self.next_to.iter().copied().filter(|day| self.held.outside.may_have(*day)).collect()
    }
}

fn with_reason(before: Option<String>, left: &LeftRows) -> String {
    match before {
        Some(before) if !before.is_empty() => format!("{before}; {left}"),
        _ => left.to_string(),
    }
}

/// Returns what an archive that lands records of its rows outside its period; nothing where its
/// first and last time say that there are none.
pub(super) fn recorded(archive: &DecodedArchive, kept_rows: u64) -> Option<Vec<NaiveDate>> {
    let days = archive.bronze.key.period().days();
    let times = archive.found.min_time.into_iter().chain(archive.found.max_time);
    let is_outside = times.map(|time| time.date_naive()).any(|day| !days.contains(day));
    // The same version had landed before, with rows of these days or without.
    (is_outside && kept_rows == 0).then(|| archive.found.outside.clone())
}
