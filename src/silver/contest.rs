//! Days that two copies claim: what is in question before a batch is decoded, and what follows from the verdicts.
//!
//! A verdict holds for the versions that were compared. Whether these are still the ones that are held is asked
//! again on the snapshot that a commit follows ([`Contests::is_stale`]), so nothing here takes a lock.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakehouse_core::archive::ArchiveKey;
use lakehouse_core::days::DaySet;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::market::Frequency;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::period::Period;
use lakehouse_core::schema::TableSchema;
use lakehouse_core::verdict::{Claim, DayEvidence, DayMeter, Holding, Measure, Verdict, explain};

use super::index::SilverIndex;
use super::measure::{Wanted, measure};
use super::unit::DecodedArchive;
use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, HolderRecord};
use crate::delta::rewrite::Removal;
use crate::delta::table::LakeTable;
use crate::fetch::BronzeArchive;

/// What the archives of a batch can claim, by their keys.
#[derive(Debug, Default)]
pub(super) struct Contests(BTreeMap<String, Contest>);

/// One archive's claim, and the copies that hold its days.
#[derive(Debug)]
pub(super) struct Contest {
    pub(super) claim: Claim,
    pub(super) held: BTreeMap<NaiveDate, HeldDay>,
    measure: Measure,
}

/// A day in silver, as measured.
#[derive(Debug)]
pub(super) struct HeldDay {
    archive: String,
    pub(super) evidence: DayEvidence,
}

/// What a batch does to archives that are in silver already.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) removal: Removal,
    pub(super) holders: Vec<HolderRecord>,
    /// Archives whose rows another version of them takes the place of.
    pub(super) replacements: Vec<Replacement>,
}

/// An archive, what silver holds of it, and the version that comes instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replacement {
    pub(super) archive: String,
    pub(super) held: Holding,
    pub(super) sha256: String,
    /// Rows that come.
    pub(super) rows: u64,
}

/// Finds the claims of a batch's archives and measures the copies that hold days in question.
pub(super) async fn find_contests(
    table: &LakeTable,
    schema: &TableSchema,
    index: &SilverIndex,
    matrix: &Matrix,
    archives: &[BronzeArchive],
) -> Result<Contests, TableError> {
    let (mut contests, mut wanted) = (BTreeMap::new(), Wanted::new());
    for archive in archives {
        let key = &archive.key;
        let claim = claim_of(index, matrix, key, &archive.sha256.to_string());
        let measure = Measure::of(schema, key.interval());
        let mut held = BTreeMap::new();
        for day in claim.contested.dates(claim.period) {
            let Some(holder) = rivals(matrix, key, day, day).next() else { continue };
            wanted.entry(day).or_default().insert(holder.path().to_owned(), measure);
            held.insert(day, HeldDay { archive: holder.path().to_owned(), evidence: DayEvidence::default() });
        }
        contests.insert(key.path().to_owned(), Contest { claim, held, measure });
    }
    let mut measured = measure(table, schema, &wanted).await?;
    for contest in contests.values_mut() {
        for (day, held) in &mut contest.held {
            held.evidence = measured.remove(&(*day, held.archive.clone())).unwrap_or_default();
        }
    }
    Ok(Contests(contests))
}

/// Returns what a version of an archive can claim, given what is held.
pub(super) fn claim_of(index: &SilverIndex, matrix: &Matrix, key: &ArchiveKey, sha256: &str) -> Claim {
    let period = key.period();
    let rivals = rivals(matrix, key, period.start(), period.end());
    let rivals = rivals.filter_map(|rival| Some((rival.period(), index.holding(rival.path())?)));
    let rivals: Vec<(Period, &Holding)> = rivals.collect();
    Claim::of(period, sha256, index.holding(key.path()), &rivals)
}

/// Returns the archives of the other frequency that cover the days from `first` to `last`.
fn rivals(
    matrix: &Matrix,
    key: &ArchiveKey,
    first: NaiveDate,
    last: NaiveDate,
) -> impl Iterator<Item = ArchiveKey> + use<> {
    let other = other(key.period().frequency());
    let dates = lakehouse_core::period::DateRange { start: Some(first), end: Some(last) };
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

impl Contests {
    pub(super) fn get(&self, archive: &str) -> Option<&Contest> {
        self.0.get(archive)
    }

    /// Returns whether an archive's claim is another one by now.
    pub(super) fn is_stale(&self, index: &SilverIndex, matrix: &Matrix, archive: &DecodedArchive) -> bool {
        let bronze = &archive.bronze;
        let now = claim_of(index, matrix, &bronze.key, &bronze.sha256.to_string());
        archive.fault.is_none() && self.get(bronze.key.path()).is_some_and(|contest| contest.claim != now)
    }
}

impl Contest {
    /// Returns a meter for each day in question.
    pub(super) fn meters(&self) -> BTreeMap<NaiveDate, DayMeter> {
        self.held.keys().map(|day| (*day, DayMeter::new(self.measure))).collect()
    }

    /// Returns the frequency of the copies that hold the days in question.
    pub(super) const fn holder_frequency(&self) -> Frequency {
        other(self.claim.period.frequency())
    }
}

/// Returns what follows for the archives that are in silver: older versions go, and days that were lost.
pub(super) fn outcome(index: &SilverIndex, contests: &Contests, archives: &[DecodedArchive]) -> Outcome {
    let mut outcome = Outcome::default();
    let mut of_holders: BTreeMap<&str, Vec<(&Verdict, &DecodedArchive)>> = BTreeMap::new();
    for archive in archives.iter().filter(|archive| archive.fault.is_none()) {
        let path = archive.bronze.key.path();
        let Some(contest) = contests.get(path) else { continue };
        if let Some(held) = index.holding(path).filter(|_| contest.claim.replaces() && index.holds(path)) {
            outcome.removal.whole(path);
            outcome.replacements.push(Replacement {
                archive: path.to_owned(),
                held: held.clone(),
                sha256: archive.bronze.sha256.to_string(),
                rows: archive.rows,
            });
        }
        for verdict in &archive.verdicts {
            if let Some(held) = contest.held.get(&verdict.day) {
                of_holders.entry(&held.archive).or_default().push((verdict, archive));
            }
        }
    }
    for (holder, mut verdicts) in of_holders {
        verdicts.sort_by_key(|(verdict, _)| verdict.day);
        if let Some(holding) = index.holding(holder) {
            outcome.holders.extend(judged(holder, holding, &verdicts, &mut outcome.removal));
        }
    }
    outcome
}

/// Returns what becomes of an archive that held days in question; nothing for a month that keeps all of them,
/// because the daily archives say against which version of it they were judged.
fn judged(
    archive: &str,
    holding: &Holding,
    verdicts: &[(&Verdict, &DecodedArchive)],
    removal: &mut Removal,
) -> Option<HolderRecord> {
    let (first, newcomer) = verdicts.first()?;
    let period = Period::containing(first.day, first.holder);
    let lost = verdicts.iter().filter(|(verdict, _)| verdict.newcomer_wins()).map(|(verdict, _)| *verdict);
    let lost: Vec<Verdict> = lost.cloned().collect();
    let days = holding.owned(period).minus(lost.iter().map(|verdict| verdict.day).collect());
    if first.holder == Frequency::Monthly && lost.is_empty() {
        return None;
    }
    let yielded = days.is_empty() && !lost.is_empty();
    if yielded {
        removal.whole(archive);
    } else {
        lost.iter().for_each(|verdict| removal.day(archive, verdict.day));
    }
    let lost_rows: u64 = lost.iter().map(|verdict| verdict.held.rows).sum();
    let told: Vec<Verdict> = if lost.is_empty() { vec![(*first).clone()] } else { lost };
    let monthly_version = || newcomer.bronze.sha256.to_string();
    Some(HolderRecord {
        archive: archive.to_owned(),
        sha256: holding.sha256.to_string(),
        rows: if yielded { 0 } else { holding.rows.saturating_sub(lost_rows) },
        days: if yielded { Some(DaySet::NONE) } else { (days != DaySet::of(period)).then_some(days) },
        rival: (first.holder == Frequency::Daily).then(monthly_version),
        yielded,
        reason: explain(&told),
    })
}

/// Returns what the commit says of an archive; nothing for one that could not be read.
pub(super) fn record(archive: &DecodedArchive, contests: &Contests) -> Option<ArchiveRecord> {
    let bronze = &archive.bronze;
    let (settlement, contest) = (archive.settlement?, contests.get(bronze.key.path())?);
    let claim = &contest.claim;
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
        days: claim.recorded(settlement.owned),
        rival: claim.rival.as_deref().map(str::to_owned),
        yielded: settlement.yielded,
        reason: (!archive.verdicts.is_empty()).then(|| explain(&archive.verdicts)),
    })
}
