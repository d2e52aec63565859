//! Days that two copies claim: what is in question before a batch is decoded, and what follows from
//! the decisions.
//!
//! A decision holds for the versions that were compared. Whether these are still the ones that are
//! held is asked again on the snapshot that a commit follows ([`Overlaps::is_stale`]), so nothing
//! here takes a lock.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::Period;
use lakehouse_core::overlap::{
    Continuity, DayDecision, DayEvidence, DayMeter, HeldArchive, OverlapClaim, explain,
};
use lakehouse_core::schema::TableSchema;

use super::decode_batch::DecodedArchive;
use super::evidence::{Wanted, measure};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, HolderRecord};
use crate::delta::table::WritableTable;
use crate::meta::silver_index::SilverIndex;
use crate::parquet::rewrite::Removal;

/// What the archives of a batch can claim, by their keys.
#[derive(Debug, Default)]
pub(super) struct Overlaps(BTreeMap<String, Overlap>);

/// One archive's claim, and the copies that hold its days.
#[derive(Debug)]
pub(super) struct Overlap {
    pub(super) claim: OverlapClaim,
    pub(super) held: BTreeMap<NaiveDate, HeldDay>,
    measure: Continuity,
}

/// A day in silver, as measured.
#[derive(Debug)]
pub(super) struct HeldDay {
    archive: String,
    pub(super) evidence: DayEvidence,
}

/// What a batch does to archives that are in silver already.
#[derive(Debug, Default)]
pub(super) struct OverlapOutcome {
    pub(super) removal: Removal,
    pub(super) holders: Vec<HolderRecord>,
    /// Archives whose rows another version of them takes the place of.
    pub(super) replacements: Vec<Replacement>,
}

/// An archive, what silver holds of it, and the version that comes instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) archive: String,
    pub(super) held: HeldArchive,
    pub(super) sha256: String,
    /// Rows that come.
    pub(super) rows: u64,
}

/// Finds the claims of a batch's archives and measures the copies that hold days in question.
pub(super) async fn find_overlaps(
    table: &WritableTable,
    schema: &TableSchema,
    index: &SilverIndex,
    matrix: &Matrix,
    archives: &[BronzeArchive],
) -> Result<Overlaps, TableError> {
    let (mut overlaps, mut wanted) = (BTreeMap::new(), Wanted::new());
    for archive in archives {
        let key = &archive.key;
        let claim = overlap_claim(index, matrix, key, &archive.sha256.to_string());
        let measure = Continuity::of(schema, key.interval());
        let mut held = BTreeMap::new();
        for day in claim.overlapping.dates(claim.period) {
            let Some(holder) = competing(matrix, key, day, day).next() else { continue };
            wanted.entry(day).or_default().insert(holder.path().to_owned(), measure);
            held.insert(
                day,
                HeldDay { archive: holder.path().to_owned(), evidence: DayEvidence::default() },
            );
        }
        overlaps.insert(key.path().to_owned(), Overlap { claim, held, measure });
    }
    let mut measured = measure(table, schema, &wanted).await?;
    for overlap in overlaps.values_mut() {
        for (day, held) in &mut overlap.held {
            held.evidence = measured.remove(&(*day, held.archive.clone())).unwrap_or_default();
        }
    }
    Ok(Overlaps(overlaps))
}

/// Returns what a version of an archive can claim, given what is held.
pub(super) fn overlap_claim(
    index: &SilverIndex,
    matrix: &Matrix,
    key: &ArchiveKey,
    sha256: &str,
) -> OverlapClaim {
    let period = key.period();
    let competing = competing(matrix, key, period.start(), period.end());
    let competing = competing
        .filter_map(|archive| Some((archive.period(), index.held_archive(archive.path())?)));
    let competing: Vec<(Period, &HeldArchive)> = competing.collect();
    OverlapClaim::of(period, sha256, index.held_archive(key.path()), &competing)
}

/// Returns the archives of the other frequency that cover the days from `first` to `last`.
fn competing(
    matrix: &Matrix,
    key: &ArchiveKey,
    first: NaiveDate,
    last: NaiveDate,
) -> impl Iterator<Item = ArchiveKey> + use<> {
    let other = other(key.period().frequency());
    let dates = lakehouse_core::names::period::DateRange { start: Some(first), end: Some(last) };
    let row = matrix.get(key.market(), key.data_type()).cloned();
    let (symbol, interval) = (key.symbol().clone(), key.interval());
    dates.periods(other).filter_map(move |period| row.as_ref()?.archive(&symbol, interval, period))
}

const fn other(frequency: Frequency) -> Frequency {
    match frequency {
        Frequency::Daily => Frequency::Monthly,
        Frequency::Monthly => Frequency::Daily,
    }
}

impl Overlaps {
    pub(super) fn get(&self, archive: &str) -> Option<&Overlap> {
        self.0.get(archive)
    }

    /// Returns whether an archive's claim is another one by now.
    pub(super) fn is_stale(
        &self,
        index: &SilverIndex,
        matrix: &Matrix,
        archive: &DecodedArchive,
    ) -> bool {
        let bronze = &archive.bronze;
        let now = overlap_claim(index, matrix, &bronze.key, &bronze.sha256.to_string());
        archive.fault.is_none()
            && self.get(bronze.key.path()).is_some_and(|overlap| overlap.claim != now)
    }
}

impl Overlap {
    /// Returns a meter for each day in question.
    pub(super) fn meters(&self) -> BTreeMap<NaiveDate, DayMeter> {
        self.held.keys().map(|day| (*day, DayMeter::new(self.measure))).collect()
    }

    /// Returns the frequency of the copies that hold the days in question.
    pub(super) const fn holder_frequency(&self) -> Frequency {
        other(self.claim.period.frequency())
    }
}

/// Returns what follows for the archives that are in silver: older versions go, and days that were
/// lost.
pub(super) fn outcome(
    index: &SilverIndex,
    overlaps: &Overlaps,
    archives: &[DecodedArchive],
) -> OverlapOutcome {
    let mut outcome = OverlapOutcome::default();
    let mut of_holders: BTreeMap<&str, Vec<(&DayDecision, &DecodedArchive)>> = BTreeMap::new();
    for archive in archives.iter().filter(|archive| archive.fault.is_none()) {
        let path = archive.bronze.key.path();
        let Some(overlap) = overlaps.get(path) else { continue };
        if let Some(held) =
            index.held_archive(path).filter(|_| overlap.claim.replaces() && index.holds(path))
        {
            outcome.removal.whole(path);
            outcome.replacements.push(Replacement {
                archive: path.to_owned(),
                held: held.clone(),
                sha256: archive.bronze.sha256.to_string(),
                rows: archive.rows,
            });
        }
        for decision in &archive.decisions {
            if let Some(held) = overlap.held.get(&decision.day) {
                of_holders.entry(&held.archive).or_default().push((decision, archive));
            }
        }
    }
    for (holder, mut decisions) in of_holders {
        decisions.sort_by_key(|(decision, _)| decision.day);
        if let Some(held_archive) = index.held_archive(holder) {
            outcome.holders.extend(decided(holder, held_archive, &decisions, &mut outcome.removal));
        }
    }
    outcome
}

/// Returns what becomes of an archive that held days in question; nothing for a month that keeps
/// all of them, because the daily archives say against which version of it they were decided.
fn decided(
    archive: &str,
    held_archive: &HeldArchive,
    decisions: &[(&DayDecision, &DecodedArchive)],
    removal: &mut Removal,
) -> Option<HolderRecord> {
    let (first, incoming) = decisions.first()?;
    let period = Period::containing(first.day, first.current_owner);
    let lost = decisions
        .iter()
        .filter(|(decision, _)| decision.incoming_wins())
        .map(|(decision, _)| *decision);
    let lost: Vec<DayDecision> = lost.cloned().collect();
    let days = held_archive.owned(period).minus(lost.iter().map(|decision| decision.day).collect());
    if first.current_owner == Frequency::Monthly && lost.is_empty() {
        return None;
    }
    let yielded = days.is_empty() && !lost.is_empty();
    if yielded {
        removal.whole(archive);
    } else {
        lost.iter().for_each(|decision| removal.day(archive, decision.day));
    }
    let lost_rows: u64 = lost.iter().map(|decision| decision.current.rows).sum();
    let told: Vec<DayDecision> = if lost.is_empty() { vec![(*first).clone()] } else { lost };
    let monthly_version = || incoming.bronze.sha256.to_string();
    Some(HolderRecord {
        archive: archive.to_owned(),
        sha256: held_archive.sha256.to_string(),
        rows: if yielded { 0 } else { held_archive.rows.saturating_sub(lost_rows) },
        days: if yielded {
            Some(DaySet::NONE)
        } else {
            (days != DaySet::of(period)).then_some(days)
        },
        competing_version: (first.current_owner == Frequency::Daily).then(monthly_version),
        yielded,
        reason: explain(&told),
    })
}

/// Returns what the commit says of an archive; nothing for one that could not be read.
pub(super) fn record(archive: &DecodedArchive, overlaps: &Overlaps) -> Option<ArchiveRecord> {
    let bronze = &archive.bronze;
    let (resolution, overlap) = (archive.resolution?, overlaps.get(bronze.key.path())?);
    let claim = &overlap.claim;
    Some(ArchiveRecord {
        archive: bronze.key.path().to_owned(),
        sha256: bronze.sha256.to_string(),
        size: bronze.size,
        etag: bronze.etag.clone(),
        last_modified: bronze.last_modified,
        checksum: ChecksumState::as_str(bronze.checksum).to_owned(),
        rows: claim.kept_rows + archive.rows,
        rejected_rows: archive.rejected_rows,
        min_time: archive.min_time,
        max_time: archive.max_time,
        days: claim.recorded(resolution.owned),
        competing_version: claim.competing_version.as_deref().map(str::to_owned),
        yielded: resolution.yielded,
        reason: (!archive.decisions.is_empty()).then(|| explain(&archive.decisions)),
    })
}
