//! From silver's log to ledger rows: what commits record about archives, applied in their order.
//!
//! Replaying an entry again changes nothing that is recorded already. So a replay may start at any
//! version before the new ones, and nobody has to know exactly which commits the ledger has taken
//! up.

use std::collections::HashMap;
use std::sync::Arc;

use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::period::Period;

use super::replace::superseded;
use crate::delta::commit::CommitContext;
use crate::delta::log::{ArchiveRecord, ComparedRecord, LogEntry};

/// Returns the rows that the ledger lacks, or has with another state, after these log entries of
/// one silver table; `known` are the ledger's rows that follow from its log, by their keys.
pub(in crate::meta) fn replay(
    matrix: &Matrix,
    known: &HashMap<&str, &LedgerEntry>,
    logged: Vec<(i64, LogEntry)>,
    context: &CommitContext,
) -> Vec<LedgerEntry> {
    let mut entries = Vec::new();
    // The state of each archive after the log entries so far; before its first one, it is that of
    // the ledger.
    let mut newest: HashMap<String, LedgerEntry> = HashMap::new();
    for (version, logged) in logged {
        // Whoever recorded this landing may have read later commits as well, which changed what
        // the archive holds: the row is at least as new as the entry.
        if let LogEntry::Landed(record) = &logged
            && let Some(row) = known.get(record.archive.as_str())
            && is_landing(row, version, record)
        {
            // It takes the place of versions that landed before within these entries, too.
            newest.insert(record.archive.clone(), (*row).clone());
            continue;
        }
        let next = match logged {
            LogEntry::Landed(record) => landed(matrix, version, *record, context),
            LogEntry::Compared(record) => {
                let current = newest
                    .get(&record.archive)
                    .or_else(|| known.get(record.archive.as_str()).copied());
                current.and_then(|current| compared(current, record, context))
            }
        };
        let Some(next) = next else { continue };
        // The ledger has a row for every version of an archive. A version that the ledger knows
        // becomes superseded when its successor is recorded; one that landed and was replaced
        // within these entries is known to nobody else, so its row is made here.
        // One that was removed before its successor landed leaves no row.
        let replaced = newest.remove(next.key.path()).filter(|before| {
            before.sha256 != next.sha256 && before.status != ArchiveStatus::Removed
        });
        entries.extend(replaced.map(|replaced| superseded(&replaced, &next)));
        newest.insert(next.key.path().to_owned(), next);
    }
    let is_new = |entry: &LedgerEntry| {
        known.get(entry.key.path()).is_none_or(|known| !has_same_state(known, entry))
    };
    entries.extend(newest.into_values().filter(is_new));
    entries
}

fn is_landing(row: &LedgerEntry, version: i64, record: &ArchiveRecord) -> bool {
    row.silver_version == Some(version) && row.sha256.as_deref() == Some(record.sha256.as_str())
}

/// Compares what silver's log decides about an archive; when, and by which run, a row was recorded
/// does not count, or every replay would record all rows again.
fn has_same_state(a: &LedgerEntry, b: &LedgerEntry) -> bool {
    (a.status, &a.sha256, a.rows, a.owned_days(), &a.competing_version)
        == (b.status, &b.sha256, b.rows, b.owned_days(), &b.competing_version)
}

/// Makes the row of a version that a commit added; nothing if the matrix does not know the archive.
fn landed(
    matrix: &Matrix,
    version: i64,
    record: ArchiveRecord,
    context: &CommitContext,
) -> Option<LedgerEntry> {
    Some(LedgerEntry {
        key: matrix.identify(&record.archive).ok()?,
        status: status(record.yielded),
        checksum: record.checksum.parse().unwrap_or(ChecksumState::Unchecked),
        size: Some(record.size),
        etag: record.etag,
        last_modified: record.last_modified,
        checksum_tag: None,
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

/// Makes the row of an archive that was in silver before a commit compared its days with those of a
/// competing archive; nothing if the row is of another version than the commit compared.
fn compared(
    current: &LedgerEntry,
    record: ComparedRecord,
    context: &CommitContext,
) -> Option<LedgerEntry> {
    if current.sha256.as_deref() != Some(record.sha256.as_str()) {
        return None;
    }
    if record.removed {
        return Some(removed(current, record, context));
    }
    Some(LedgerEntry {
        status: status(record.yielded),
        silver_version: current.silver_version.filter(|_| !record.yielded),
        reason: Some(reason(current, &record)),
        rows: record.rows,
        days: record.days,
        competing_version: record.competing_version.map(Into::into),
        run: Arc::clone(&context.run),
        recorded_at: context.clock.now(),
        ..current.clone()
    })
}

/// Makes the row of an archive that was taken out of silver on request.
fn removed(current: &LedgerEntry, record: ComparedRecord, context: &CommitContext) -> LedgerEntry {
    LedgerEntry {
        status: ArchiveStatus::Removed,
        silver_version: None,
        reason: Some(record.reason),
        rows: 0,
        rejected_rows: 0,
        days: None,
        competing_version: None,
        run: Arc::clone(&context.run),
        recorded_at: context.clock.now(),
        ..current.clone()
    }
}

/// A monthly archive is compared again with each daily archive that arrives late, so its reasons
/// add up; a daily archive is only ever compared with the one monthly archive. What an archive left
/// to others is added too.
fn reason(current: &LedgerEntry, record: &ComparedRecord) -> String {
    let is_monthly = current.key.period() == Period::month_of(current.key.period().start());
    match &current.reason {
        Some(earlier) if is_monthly || record.outside.is_some() => {
            format!("{earlier}; {}", record.reason)
        }
        _ => record.reason.clone(),
    }
}

const fn status(yielded: bool) -> ArchiveStatus {
    if yielded { ArchiveStatus::Yielded } else { ArchiveStatus::Ingested }
}
