//! Two processes that record the commits of one silver table, of which one has read less of the
//! log than the other.

use std::sync::Arc;

use chrono::DateTime;
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState};
use lakehouse_core::matrix::Matrix;

use super::LedgerTable;
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::delta::log::{ArchiveRecord, ComparedRecord, LogEntry};
use crate::shutdown::Shutdown;
use crate::storage::lake::Lake;

const MONTH: &str = "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-02.zip";

fn landed(archive: &str, sha256: &str, rows: u64) -> LogEntry {
    LogEntry::Landed(Box::new(ArchiveRecord {
        archive: archive.to_owned(),
        sha256: sha256.to_owned(),
        size: 1,
        etag: None,
        last_modified: None,
        checksum: ChecksumState::Match.as_str().to_owned(),
        rows,
        rejected_rows: 0,
        min_time: None,
        max_time: None,
        days: None,
        competing_version: None,
        yielded: false,
        outside: None,
        reason: None,
    }))
}

/// The month has lost days to daily archives, and keeps these rows.
fn compared(rows: u64) -> LogEntry {
    LogEntry::Compared(ComparedRecord {
        archive: MONTH.to_owned(),
        sha256: "month".to_owned(),
        rows,
        days: None,
        competing_version: None,
        yielded: false,
        removed: false,
        outside: None,
        reason: "a daily archive is more complete".to_owned(),
    })
}

fn day(day: u32) -> String {
    format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-02-{day:02}.zip")
}

/// Records what a faster process has read, then what a slower one has; returns the rows and the
/// version of the month that are in silver by the ledger.
async fn record_both(
    faster: Vec<(i64, LogEntry)>,
    slower: Vec<(i64, LogEntry)>,
) -> (u64, String, Option<i64>) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
    let matrix = Arc::new(Matrix::builtin().unwrap());
    let clock = Clock::new(|| DateTime::UNIX_EPOCH);
    let context = CommitContext { run: "run".into(), clock, shutdown: Shutdown::default() };
    let open = || LedgerTable::open(&lake, Arc::clone(&matrix));
    let mut writers = [open().await.unwrap(), open().await.unwrap()];
    writers[0].add_logged(faster, false, &context).await.unwrap();
    writers[1].add_logged(slower, false, &context).await.unwrap();
    let keys = [MONTH].into_iter().map(Arc::from).collect();
    let rows = writers[1].rows_of(&keys).unwrap();
    let held = rows.iter().find(|row| row.status == ArchiveStatus::Ingested).unwrap();
    (held.rows, held.sha256.as_deref().unwrap().to_owned(), held.silver_version)
}

#[tokio::test]
async fn days_that_a_month_lost_stay_lost_where_a_slower_process_has_not_read_of_them() {
    let slower = vec![(1, landed(MONTH, "month", 290)), (3, compared(280))];
    let mut faster = slower.clone();
    faster.extend([(5, landed(&day(6), "day", 10)), (5, compared(270))]);
    let expected = (270, "month".to_owned(), Some(1));
    assert_eq!(record_both(faster, slower).await, expected);
}

#[tokio::test]
async fn a_correction_stays_where_a_slower_process_has_read_of_the_version_before_only() {
    let slower = vec![(1, landed(MONTH, "month", 290))];
    let mut faster = slower.clone();
    faster.push((2, landed(MONTH, "corrected month", 300)));
    let expected = (300, "corrected month".to_owned(), Some(2));
    assert_eq!(record_both(faster, slower).await, expected);
}

#[tokio::test]
async fn what_a_slower_process_alone_has_read_is_recorded() {
    let faster = vec![(1, landed(MONTH, "month", 290))];
    let mut slower = faster.clone();
    slower.push((2, compared(280)));
    let expected = (280, "month".to_owned(), Some(1));
    assert_eq!(record_both(faster, slower).await, expected);
}
