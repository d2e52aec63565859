//! Days that two archives hold, the daily and the monthly one: which of them overlap before a batch
//! is decoded, and what follows from the decisions.
//!
//! A decision holds for the versions that were compared. Whether silver still holds these is
//! checked again on the snapshot that a commit follows ([`Overlaps::is_stale`]), so nothing here
//! takes a lock. How two copies of a day are compared is in [`lakehouse_core::overlap`].

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::days::DaySet;
use lakehouse_core::names::market::Frequency;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::overlap::{
    Continuity, DayDecision, DayEvidence, DayMeter, HeldArchive, OverlapClaim, explain,
};
use lakehouse_core::schema::TableSchema;

use super::DecodedArchive;
use super::decode_request::{ArchiveRequest, LandingRules};
use super::evidence::{DaysToMeasure, measure};
use super::held_days::take_out;
use super::outside::{self, NotOwned, Outside, OutsideClaim};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, ComparedRecord};
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
    held: BTreeMap<NaiveDate, HeldDay>,
    /// What concerns rows outside their archives' periods.
    pub(super) outside: Outside,
    continuity: Continuity,
}

/// A day in silver, as measured.
#[derive(Debug)]
pub(super) struct HeldDay {
    archive: String,
    evidence: DayEvidence,
}

/// What a batch does to archives that are in silver already.
#[derive(Debug, Default)]
pub(super) struct OverlapOutcome {
    pub(super) removal: Removal,
    pub(super) compared: Vec<ComparedRecord>,
    /// Archives whose rows another version of them takes the place of.
    pub(super) replacements: Vec<Replacement>,
}

/// An archive, what silver holds of it, and the version that comes instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) archive: String,
    pub(super) period: Period,
    pub(super) held: HeldArchive,
    pub(super) sha256: String,
    /// Rows that come.
    pub(super) rows: u64,
}

/// Finds the claims of a batch's archives and measures the copies that hold overlapping days;
/// `not_owned` are days that archives of the batch are known not to own.
pub(super) async fn find_overlaps(
    table: &WritableTable,
    schema: &TableSchema,
    index: &SilverIndex,
    matrix: &Matrix,
    archives: &[BronzeArchive],
    not_owned: &NotOwned,
) -> Result<Overlaps, TableError> {
    let mut overlaps = BTreeMap::new();
    let mut to_measure = DaysToMeasure::new();
    let batch: BTreeSet<&str> = archives.iter().map(|archive| archive.key.path()).collect();
    for archive in archives {
        let key = &archive.key;
        let claim = overlap_claim(index, matrix, key, &archive.sha256.to_string());
        let continuity = Continuity::of(schema, key.interval());
        let mut held = BTreeMap::new();
        for day in claim.overlapping.dates(claim.period) {
            let Some(owner) = competing(matrix, key, day, day).next() else { continue };
            let archive = owner.path().to_owned();
            to_measure.entry(day).or_default().insert(archive.clone(), continuity);
            held.insert(day, HeldDay { archive, evidence: DayEvidence::default() });
        }
        let mut outside = Outside::new(OutsideClaim::of(index, matrix, key), &mut to_measure);
        outside.look_in_batch(matrix, key, &batch, not_owned);
        let overlap = Overlap { claim, held, outside, continuity };
        overlaps.insert(key.path().to_owned(), overlap);
    }
    // All days of the batch in one pass: they often lie in the same few files.
    let mut measured = measure(table, schema, &to_measure).await?;
    for overlap in overlaps.values_mut() {
        overlap.outside.measured(&measured);
    }
    for overlap in overlaps.values_mut() {
        for (day, held) in &mut overlap.held {
            // Only one archive of the other frequency can claim a day of an owner, so what was
            // measured is needed once.
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
    let mut held: Vec<(Period, &HeldArchive)> = Vec::new();
    for other in competing(matrix, key, period.start(), period.end()) {
        if let Some(held_archive) = index.held_archive(other.path()) {
            held.push((other.period(), held_archive));
        }
    }
    OverlapClaim::of(period, sha256, index.held_archive(key.path()), &held)
}

/// Returns the archives of the other frequency that cover the days from `first` to `last`.
pub(super) fn competing(
    matrix: &Matrix,
    key: &ArchiveKey,
    first: NaiveDate,
    last: NaiveDate,
) -> impl Iterator<Item = ArchiveKey> + use<> {
    let frequency = other(key.period().frequency());
    let dates = DateRange { start: Some(first), end: Some(last) };
    let row = matrix.get(key.market(), key.data_type()).cloned();
    let symbol = key.symbol().clone();
    let interval = key.interval();
    let periods = dates.periods(frequency);
    periods.filter_map(move |period| row.as_ref()?.archive(&symbol, interval, period))
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

    /// Returns what is requested of an archive of the batch.
    pub(super) fn request(&self, archive: &BronzeArchive) -> Option<ArchiveRequest> {
        let path = archive.key.path();
        let rules = self.get(path)?.rules();
        let sha256 = archive.sha256.to_string();
        Some(ArchiveRequest { archive: path.to_owned(), sha256, rules })
    }

    /// Returns whether an archive's claim has changed since its overlaps were found, because of
    /// commits in between.
    pub(super) fn is_stale(
        &self,
        index: &SilverIndex,
        matrix: &Matrix,
        archive: &DecodedArchive,
    ) -> bool {
        // An archive that could not be read lands nothing that could be decided otherwise.
        if archive.found.fault.is_some() {
            return false;
        }
        let bronze = &archive.bronze;
        let now = overlap_claim(index, matrix, &bronze.key, &bronze.sha256.to_string());
        // A claim names the versions of all copies that it was compared with, so equal claims mean
        // that everything that was measured is still what silver holds.
        let outside_now = OutsideClaim::of(index, matrix, &bronze.key);
        self.get(bronze.key.path())
            .is_some_and(|overlap| overlap.claim != now || overlap.outside.claim != outside_now)
    }
}

impl Overlap {
    /// Returns what of it decides which rows land.
    pub(super) fn rules(&self) -> LandingRules {
        LandingRules {
            claim: self.claim.clone(),
            held: self.held.iter().map(|(day, held)| (*day, held.evidence)).collect(),
            continuity: self.continuity,
            outside: self.outside.rules(),
        }
    }
}

impl LandingRules {
    /// Returns a meter for each overlapping day.
    pub(super) fn meters(&self) -> BTreeMap<NaiveDate, DayMeter> {
        self.held.keys().map(|day| (*day, DayMeter::new(self.continuity))).collect()
    }

    /// Returns the frequency of the copies that hold the overlapping days.
    pub(super) const fn owner_frequency(&self) -> Frequency {
        other(self.claim.period.frequency())
    }
}

/// Returns what follows for the archives that are in silver: older versions are removed, and days
/// that were lost to more complete copies.
pub(super) fn outcome(
    index: &SilverIndex,
    overlaps: &Overlaps,
    archives: &[DecodedArchive],
) -> OverlapOutcome {
    let mut outcome = OverlapOutcome::default();
    let mut of_owners: BTreeMap<&str, Vec<(&DayDecision, &DecodedArchive)>> = BTreeMap::new();
    for archive in archives.iter().filter(|archive| archive.found.fault.is_none()) {
        let path = archive.bronze.key.path();
        let Some(overlap) = overlaps.get(path) else { continue };
        if let Some(replacement) = replacement(index, overlap, archive) {
            let period = replacement.period;
            take_out(&mut outcome.removal, path, &replacement.held, period);
            outcome.replacements.push(replacement);
        }
        // A month may lose days to several daily archives of the batch, and gets one record.
        for decision in &archive.found.decisions {
            if let Some(held) = overlap.held.get(&decision.day) {
                of_owners.entry(&held.archive).or_default().push((decision, archive));
            }
        }
    }
    for (owner, mut decisions) in of_owners {
        decisions.sort_by_key(|(decision, _)| decision.day);
        if let Some(held_archive) = index.held_archive(owner) {
            let record = owner_record(owner, held_archive, &decisions, &mut outcome.removal);
            outcome.compared.extend(record);
        }
    }
    overlaps.remove_outside(archives, &mut outcome.removal, &mut outcome.compared);
    outcome
}

/// Returns the version of an archive that another one replaces, if silver has rows of it.
fn replacement(
    index: &SilverIndex,
    overlap: &Overlap,
    archive: &DecodedArchive,
) -> Option<Replacement> {
    let path = archive.bronze.key.path();
    // The same version comes again when days became free that it did not own: it adds rows then,
    // and replaces none.
    if !overlap.claim.replaces() || !index.holds(path) {
        return None;
    }
    Some(Replacement {
        archive: path.to_owned(),
        period: archive.bronze.key.period(),
        held: index.held_archive(path)?.clone(),
        sha256: archive.bronze.sha256.to_string(),
        rows: archive.found.rows,
    })
}

/// Returns what an archive still holds after its overlapping days were decided, and adds the rows
/// of the days that it lost to `removal`.
///
/// Returns nothing for a month that keeps all of them, because the daily archives record against
/// which version of it they were decided.
fn owner_record(
    archive: &str,
    held_archive: &HeldArchive,
    decisions: &[(&DayDecision, &DecodedArchive)],
    removal: &mut Removal,
) -> Option<ComparedRecord> {
    let (first, incoming) = decisions.first()?;
    let period = Period::containing(first.day, first.current_owner);
    let mut lost: Vec<DayDecision> = Vec::new();
    for (decision, _) in decisions {
        if decision.incoming_wins() {
            lost.push((*decision).clone());
        }
    }
    if first.current_owner == Frequency::Monthly && lost.is_empty() {
        return None;
    }
    let lost_days: DaySet = lost.iter().map(|decision| decision.day).collect();
    let days = held_archive.owned(period).minus(lost_days);
    let yielded = days.is_empty() && !lost.is_empty();
    if yielded {
        // All of its rows: those outside its period belong to nobody once it owns no day.
        take_out(removal, archive, held_archive, period);
    } else {
        lost.iter().for_each(|decision| removal.day(archive, decision.day));
    }
    let lost_rows: u64 = lost.iter().map(|decision| decision.current.rows).sum();
    // Of a day that stays, the decision is the reason too.
    let explained: Vec<DayDecision> = if lost.is_empty() { vec![(*first).clone()] } else { lost };
    let monthly_version = || incoming.bronze.sha256.to_string();
    Some(ComparedRecord {
        archive: archive.to_owned(),
        sha256: held_archive.sha256.to_string(),
        rows: if yielded { 0 } else { held_archive.rows.saturating_sub(lost_rows) },
        days: if yielded {
            Some(DaySet::NONE)
        } else {
            (days != DaySet::of(period)).then_some(days)
        },
        // A day that was compared with this version of the month need not be compared with it
        // again.
        competing_version: (first.current_owner == Frequency::Daily).then(monthly_version),
        yielded,
        removed: false,
        outside: None,
        reason: explain(&explained),
    })
}

/// Returns what the commit says of an archive; nothing for one that could not be read.
pub(super) fn record(archive: &DecodedArchive, overlaps: &Overlaps) -> Option<ArchiveRecord> {
    let bronze = &archive.bronze;
    let resolution = archive.found.resolution?;
    let claim = &overlaps.get(bronze.key.path())?.claim;
    Some(ArchiveRecord {
        archive: bronze.key.path().to_owned(),
        sha256: bronze.sha256.to_string(),
        size: bronze.size,
        etag: bronze.etag.clone(),
        last_modified: bronze.last_modified,
        checksum: ChecksumState::as_str(bronze.checksum).to_owned(),
        // Days that the same version owned before stay as they are, and only the others land.
        rows: claim.kept_rows + archive.found.rows,
        rejected_rows: archive.found.rejected_rows,
        min_time: archive.found.min_time,
        max_time: archive.found.max_time,
        days: claim.recorded(resolution.owned),
        competing_version: claim.competing_version.as_deref().map(str::to_owned),
        yielded: resolution.yielded,
        outside: outside::recorded(archive, claim.kept_rows),
        reason: reason(archive),
    })
}

/// Says how the archive's days were decided, and which rows it left to other archives.
fn reason(archive: &DecodedArchive) -> Option<String> {
    let decided = (!archive.found.decisions.is_empty()).then(|| explain(&archive.found.decisions));
    let left = archive.found.left.iter().map(ToString::to_string);
    let reasons: Vec<String> = decided.into_iter().chain(left).collect();
    (!reasons.is_empty()).then(|| reasons.join("; "))
}
