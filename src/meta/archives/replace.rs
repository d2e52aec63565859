//! What recording an archive does to the rows that the ledger has of it.
//!
//! | row in the ledger | new row from silver | `removed` | other new row (such as `failed`) |
//! |---|---|---|---|
//! | `superseded` | stays | stays | stays |
//! | in silver, same version | replaced | replaced | stays |
//! | in silver, other version | becomes `superseded` | replaced | stays |
//! | `removed` | replaced | replaced | stays |
//! | any other | replaced | replaced | replaced |
//!
//! So an archive that was removed while another process fetched it stays removed, and one that is
//! to be restored and cannot be.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, LedgerEntry};
use lakehouse_core::overlap::HeldArchive;

use crate::meta::silver_index::outside_days;

/// Returns whether a row follows from silver's log: the archive is in silver, or lost all its days
/// to a competing archive there.
pub(super) fn follows_from_silver(entry: &LedgerEntry) -> bool {
    matches!(entry.status, ArchiveStatus::Ingested | ArchiveStatus::Yielded)
}

/// Returns whether a row may be made of silver's log: the archive is in silver, or was removed from
/// there.
pub(super) fn follows_from_log(entry: &LedgerEntry) -> bool {
    follows_from_silver(entry) || entry.status == ArchiveStatus::Removed
}

/// Returns what a row becomes when `new` is recorded for its archive; nothing if `new` takes its
/// place.
pub(super) fn row_after(old: &LedgerEntry, new: Option<&LedgerEntry>) -> Option<LedgerEntry> {
    let Some(new) = new else { return Some(old.clone()) };
    match old.status {
        ArchiveStatus::Superseded => Some(old.clone()),
        _ if new.status == ArchiveStatus::Removed => None,
        ArchiveStatus::Ingested | ArchiveStatus::Yielded if follows_from_silver(new) => {
            (new.sha256 != old.sha256).then(|| superseded(old, new))
        }
        // Rows that are in silver stay known even if a newer version could not be fetched.
        ArchiveStatus::Ingested | ArchiveStatus::Yielded => Some(old.clone()),
        _ => None,
    }
}

/// Returns whether a row says that an archive could not be had, or that its rows could not be read.
fn did_not_land(entry: &LedgerEntry) -> bool {
    !follows_from_log(entry) && entry.status != ArchiveStatus::Superseded
}

/// Returns the row of a version that `new` replaced.
pub(super) fn superseded(old: &LedgerEntry, new: &LedgerEntry) -> LedgerEntry {
    let version = new.sha256.as_deref().unwrap_or("another version");
    LedgerEntry {
        status: ArchiveStatus::Superseded,
        reason: Some(format!("replaced by {version}")),
        days: None,
        competing_version: None,
        ..old.clone()
    }
}

/// Returns new rows without those that say of an archive that was removed, in `old`, that it could
/// not be had.
pub(super) fn without_removed<'a>(
    new: &[LedgerEntry],
    old: impl Iterator<Item = &'a LedgerEntry>,
) -> Vec<LedgerEntry> {
    let old = old.filter(|entry| entry.status == ArchiveStatus::Removed);
    let removed: HashSet<&str> = old.map(|entry| entry.key.path()).collect();
    let stays = |entry: &&LedgerEntry| !did_not_land(entry) || !removed.contains(entry.key.path());
    new.iter().filter(stays).cloned().collect()
}

/// Completes new rows of archives whose newest version did not reach silver: they name the version
/// of the silver table, and the days, that silver still has of an older version in `old`.
///
/// Plans are made from the newest row of each archive, and the older version still owns its days.
pub(super) fn with_held_version<'a>(
    new: &[LedgerEntry],
    old: impl Iterator<Item = &'a LedgerEntry>,
) -> Vec<LedgerEntry> {
    let old = old.filter(|entry| entry.status == ArchiveStatus::Ingested);
    let held: HashMap<&str, &LedgerEntry> = old.map(|entry| (entry.key.path(), entry)).collect();
    let mut completed = Vec::with_capacity(new.len());
    for entry in new {
        let mut entry = entry.clone();
        if did_not_land(&entry)
            && let Some(held) = held.get(entry.key.path())
        {
            entry.silver_version = held.silver_version;
            entry.days = held.days;
        }
        completed.push(entry);
    }
    completed
}

/// Returns what a row says about the archive in silver; nothing for a row without a version.
pub(super) fn held_archive(entry: &LedgerEntry) -> Option<HeldArchive> {
    Some(HeldArchive {
        sha256: Arc::clone(entry.sha256.as_ref()?),
        rows: entry.rows,
        days: entry.days,
        competing_version: entry.competing_version.clone(),
        yielded: entry.status == ArchiveStatus::Yielded,
        // The ledger does not record what was left later; whoever needs it counts the rows.
        outside: outside_days(&None, entry.min_time, entry.max_time),
    })
}
