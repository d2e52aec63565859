//! From silver's log to ledger rows: what commits say of archives, told again in their order.
//!
//! Telling it again changes nothing that is recorded already, so it may begin anywhere before what
//! is new.

use std::collections::HashMap;
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::period::Period;
use lakehouse_core::overlap::HeldArchive;

use super::superseded;
use crate::delta::commit::CommitContext;
use crate::delta::log::{ArchiveRecord, HolderRecord, LogEntry};

/// Returns whether a row says what silver's own log says too.
pub(super) fn is_in_silver_log(entry: &LedgerEntry) -> bool {
    matches!(entry.status, ArchiveStatus::Ingested | ArchiveStatus::Yielded)
}

/// Returns what a row says of an archive in silver.
pub(super) fn held_archive_of(entry: &LedgerEntry) -> Option<HeldArchive> {
    let sha256 = Arc::clone(entry.sha256.as_ref()?);
    let yielded = entry.status == ArchiveStatus::Yielded;
    Some(HeldArchive {
        sha256,
        rows: entry.rows,
        days: entry.days,
        competing_version: entry.competing_version.clone(),
        yielded,
    })
}

/// Returns the rows that the ledger lacks or has otherwise, given what it knows and what the log
/// told.
pub(in crate::meta) fn replay(
    matrix: &Matrix,
    known: &HashMap<&str, &LedgerEntry>,
    told: Vec<(i64, LogEntry)>,
    context: &CommitContext,
) -> Vec<LedgerEntry> {
    let mut entries = Vec::new();
    let mut newest: HashMap<String, LedgerEntry> = HashMap::new();
    for (version, told) in told {
        let next = match told {
            LogEntry::Landed(record) => landed(matrix, version, *record, context),
            LogEntry::Compared(record) => {
                let current = newest
                    .get(&record.archive)
                    .or_else(|| known.get(record.archive.as_str()).copied());
                current.and_then(|current| decided(current, record, context))
            }
        };
        let Some(next) = next else { continue };
        if let Some(before) =
            newest.remove(next.key.path()).filter(|before| before.sha256 != next.sha256)
        {
            entries.push(superseded(&before, &next));
        }
        newest.insert(next.key.path().to_owned(), next);
    }
    let lacking = |entry: &LedgerEntry| {
        known.get(entry.key.path()).is_none_or(|known| !same_state(known, entry))
    };
    entries.extend(newest.into_values().filter(lacking));
    entries
}

fn same_state(a: &LedgerEntry, b: &LedgerEntry) -> bool {
    (a.status, &a.sha256, a.rows, a.owned_days(), &a.competing_version)
        == (b.status, &b.sha256, b.rows, b.owned_days(), &b.competing_version)
}

/// Makes a row of what a commit says of an archive that it holds.
fn landed(
    matrix: &Matrix,
    version: i64,
    record: ArchiveRecord,
    context: &CommitContext,
) -> Option<LedgerEntry> {
    Some(LedgerEntry {
        key: matrix.identify(&record.archive).ok()?,
        status: if record.yielded { ArchiveStatus::Yielded } else { ArchiveStatus::Ingested },
        checksum: record.checksum.parse().unwrap_or(ChecksumState::Unchecked),
        size: Some(record.size),
        etag: record.etag,
        last_modified: record.last_modified,
        sha256: Some(record.sha256.into()),
        rows: record.rows,
        rejected_rows: record.rejected_rows,
        min_time: record.min_time,
        max_time: record.max_time,
        silver_version: Some(version).filter(|_| !record.yielded),
        run: Arc::clone(&context.run),
        recorded_at: context.clock.now(),
        reason: record.reason,
        days: record.days,
        competing_version: record.competing_version.map(Into::into),
    })
}

/// Changes a row by what a commit says of an archive that was there before.
fn decided(
    current: &LedgerEntry,
    record: HolderRecord,
    context: &CommitContext,
) -> Option<LedgerEntry> {
    if current.sha256.as_deref() != Some(record.sha256.as_str()) {
        return None;
    }
    // A month is decided again with each of its days that comes late; a day only ever with its
    // month.
    let earlier = current
        .reason
        .as_ref()
        .filter(|_| current.key.period() == Period::month_of(current.key.period().start()));
    let reason = earlier
        .map_or_else(|| record.reason.clone(), |earlier| format!("{earlier}; {}", record.reason));
    Some(LedgerEntry {
        status: if record.yielded { ArchiveStatus::Yielded } else { ArchiveStatus::Ingested },
        silver_version: current.silver_version.filter(|_| !record.yielded),
        rows: record.rows,
        days: record.days,
        competing_version: record.competing_version.map(Into::into),
        reason: Some(reason),
        run: Arc::clone(&context.run),
        recorded_at: context.clock.now(),
        ..current.clone()
    })
}
