//! What landing does to a ledger, without tables: for the tests of plans, claims and decisions
//! together.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use super::outside::OutsideDays;
use super::{DayDecision, DayEvidence, HeldArchive, OverlapClaim, decide_day};
use crate::ledger::{ArchiveStatus, Ledger, LedgerEntry};
use crate::names::days::DaySet;

/// The rows that a version of an archive has of a day.
pub(crate) type RowsOf<'a> = &'a dyn Fn(&str, &str, NaiveDate) -> u64;

/// Lands the version of an archive that `arrived` describes.
pub(crate) fn land(ledger: &mut Ledger, arrived: LedgerEntry, rows: RowsOf<'_>) {
    let (key, period) = (arrived.key.clone(), arrived.key.period());
    let version = arrived.sha256.clone().unwrap();
    let has_landed = |entry: &&LedgerEntry| {
        matches!(entry.status, ArchiveStatus::Ingested | ArchiveStatus::Yielded)
    };
    let others = ledger.entries().filter(has_landed).filter(|other| {
        let days = other.key.period();
        other.key.series() == key.series()
            && days.frequency() != period.frequency()
            && days.month() == period.month()
            && (days.days().contains(period.start()) || period.days().contains(days.start()))
    });
    let others: Vec<LedgerEntry> = others.cloned().collect();
    let held_archives: Vec<_> = others
        .iter()
        .filter_map(|other| Some((other.key.period(), held_archive(other)?)))
        .collect();
    let competing: Vec<_> =
        held_archives.iter().map(|(period, held_archive)| (*period, held_archive)).collect();
    let own = ledger.get(key.path()).filter(has_landed).and_then(held_archive);
    let claim = OverlapClaim::of(period, &version, own.as_ref(), &competing);
    if claim.is_resolved() {
        let known = ledger.get(key.path()).unwrap().clone();
        let LedgerEntry { size, etag, last_modified, .. } = arrived;
        ledger.insert(LedgerEntry { size, etag, last_modified, ..known });
        return;
    }

    let evidence = |rows| DayEvidence { rows, ..DayEvidence::default() };
    let mut decisions: BTreeMap<usize, Vec<DayDecision>> = BTreeMap::new();
    for day in claim.overlapping.dates(period) {
        let owner =
            others.iter().position(|other| other.key.period().days().contains(day)).unwrap();
        let held = rows(others[owner].key.path(), others[owner].sha256.as_deref().unwrap(), day);
        let offered = evidence(rows(key.path(), &version, day));
        let decision =
            decide_day(day, others[owner].key.period().frequency(), evidence(held), offered);
        decisions.entry(owner).or_default().push(decision);
    }
    let present: DaySet = DaySet::of(period)
        .dates(period)
        .filter(|day| rows(key.path(), &version, *day) > 0)
        .collect();
    let resolution =
        claim.resolve(present, &decisions.values().flatten().cloned().collect::<Vec<_>>());
    for (owner, decisions) in decisions {
        let won: DaySet = decisions
            .iter()
            .filter(|decision| decision.incoming_wins())
            .map(|decision| decision.day)
            .collect();
        let owner = others[owner].clone();
        let days = owner.owned_days().minus(won);
        let is_daily = owner.key.period() != owner.key.period().month();
        let competing_version =
            if is_daily { Some(Arc::clone(&version)) } else { owner.competing_version.clone() };
        let status =
            if days.is_empty() && !won.is_empty() { ArchiveStatus::Yielded } else { owner.status };
        ledger.insert(LedgerEntry { days: Some(days), competing_version, status, ..owner });
    }
    let status = if resolution.yielded { ArchiveStatus::Yielded } else { ArchiveStatus::Ingested };
    ledger.insert(LedgerEntry {
        days: Some(resolution.owned),
        competing_version: claim.competing_version,
        status,
        ..arrived
    });
}

fn held_archive(entry: &LedgerEntry) -> Option<HeldArchive> {
    let (sha256, competing_version) =
        (Arc::clone(entry.sha256.as_ref()?), entry.competing_version.clone());
    Some(HeldArchive {
        sha256,
        rows: entry.rows,
        days: Some(entry.owned_days()),
        competing_version,
        yielded: entry.status == ArchiveStatus::Yielded,
        outside: OutsideDays::known(&[]),
    })
}
