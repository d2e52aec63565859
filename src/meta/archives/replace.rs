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

use std::collections::HashMap;
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

/// Returns new rows as they are recorded next to `old` ones of the same archives.
///
/// An archive whose newest version did not reach silver names the version of the silver table, and
/// the days, that silver still has of an older version: plans are made from the newest row of each
/// archive, and the older version still owns its days. One that was removed has no such row.
pub(super) fn completed<'a>(
    new: &[LedgerEntry],
    old: impl Iterator<Item = &'a LedgerEntry>,
) -> Vec<LedgerEntry> {
    let mut kept: HashMap<&str, &LedgerEntry> = HashMap::new();
    for entry in old {
        if matches!(entry.status, ArchiveStatus::Ingested | ArchiveStatus::Removed) {
            kept.insert(entry.key.path(), entry);
        }
    }
    let mut completed = Vec::with_capacity(new.len());
    for entry in new {
        let old = kept.get(entry.key.path()).filter(|_| did_not_land(entry));
        match old {
            Some(old) if old.status == ArchiveStatus::Removed => {}
            Some(held) => completed.push(LedgerEntry {
                silver_version: held.silver_version,
                days: held.days,
                ..entry.clone()
            }),
            None => completed.push(entry.clone()),
        }
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
