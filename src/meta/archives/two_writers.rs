//! Two processes that record the commits of one silver table, of which one has read less of the
//! log than the other.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::DateTime;
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::days::DaySet;
use tempfile::TempDir;

use super::LedgerTable;
use super::identity::property;
use super::replace::follows_from_log;
use super::replay::replay;
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

/// An archive has lost rows to a competing one, and keeps these.
fn compared(archive: &str, sha256: &str, rows: u64) -> LogEntry {
    LogEntry::Compared(compared_record(archive, sha256, rows))
}

fn compared_record(archive: &str, sha256: &str, rows: u64) -> ComparedRecord {
    ComparedRecord {
        archive: archive.to_owned(),
        sha256: sha256.to_owned(),
        rows,
        days: None,
        competing_version: None,
        yielded: false,
        removed: false,
        outside: None,
        reason: "a competing archive is more complete".to_owned(),
    }
}

fn day(day: u32) -> String {
    format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-02-{day:02}.zip")
}

/// A ledger that two processes have open.
struct Scene {
    writers: [LedgerTable; 2],
    context: CommitContext,
    _folder: TempDir,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        let matrix = Arc::new(Matrix::builtin().unwrap());
        let clock = Clock::new(|| DateTime::UNIX_EPOCH);
        let context = CommitContext { run: "run".into(), clock, shutdown: Shutdown::default() };
        let open = || LedgerTable::open(&lake, Arc::clone(&matrix));
        let mut writers = [open().await.unwrap(), open().await.unwrap()];
        for writer in &mut writers {
            writer.described.insert(property("trades"), "the silver table".to_owned());
        }
        Self { writers, context, _folder: folder }
    }

    /// Lets a process record all that it has read of silver's log.
    async fn record(&mut self, writer: usize, logged: &[(i64, LogEntry)]) {
        let up_to = logged.last().unwrap().0;
        let writer = &mut self.writers[writer];
        writer.add_logged(logged.to_vec(), up_to, &self.context).await.unwrap();
    }

    /// Lets a process record an archive that it landed itself.
    async fn record_landed(&mut self, writer: usize, version: i64, entry: &LogEntry) {
        let matrix = Arc::clone(&self.writers[writer].files.matrix);
        let logged = vec![(version, entry.clone())];
        let row = replay(&matrix, &HashMap::new(), logged, &self.context);
        let writer = &mut self.writers[writer];
        writer.record_landed(row, Vec::new(), Some(version), &self.context).await.unwrap();
    }

    /// Returns what the ledger has of an archive in silver's log: status, rows and version.
    fn newest(&self, archive: &str) -> (ArchiveStatus, u64, String) {
        let keys = [archive].into_iter().map(Arc::from).collect();
        let newest = self.writers[1].rows_of(&keys).unwrap();
        let row = newest.iter().find(|row| follows_from_log(row)).unwrap();
        (row.status, row.rows, row.sha256.as_deref().unwrap().to_owned())
    }
}

fn ingested(rows: u64, sha256: &str) -> (ArchiveStatus, u64, String) {
    (ArchiveStatus::Ingested, rows, sha256.to_owned())
}

#[tokio::test]
async fn days_that_a_month_lost_stay_lost_where_a_slower_process_has_not_read_of_them() {
    let slower = [(1, landed(MONTH, "month", 290)), (3, compared(MONTH, "month", 280))];
    let mut faster = slower.to_vec();
    faster.extend([(5, landed(&day(6), "day", 10)), (5, compared(MONTH, "month", 270))]);
    let mut scene = Scene::new().await;
    scene.record(0, &faster).await;
    scene.record(1, &slower).await;
    assert_eq!(scene.newest(MONTH), ingested(270, "month"));
}

#[tokio::test]
async fn a_correction_stays_where_a_slower_process_has_read_of_the_version_before_only() {
    let slower = [(1, landed(MONTH, "month", 290))];
    let mut faster = slower.to_vec();
    faster.push((2, landed(MONTH, "corrected month", 300)));
    let mut scene = Scene::new().await;
    scene.record(0, &faster).await;
    scene.record(1, &slower).await;
    assert_eq!(scene.newest(MONTH), ingested(300, "corrected month"));
}

#[tokio::test]
async fn a_day_that_yielded_stays_yielded_where_the_process_that_landed_it_records_it_late() {
    let mut scene = Scene::new().await;
    let landed_day = landed(&day(5), "day", 10);
    let yielded = LogEntry::Compared(ComparedRecord {
        yielded: true,
        days: Some(DaySet::NONE),
        ..compared_record(&day(5), "day", 0)
    });
    let log = [(1, landed_day.clone()), (2, landed(MONTH, "month", 290)), (2, yielded)];
    scene.record(0, &log).await;
    scene.record_landed(1, 1, &landed_day).await;
    assert_eq!(scene.newest(&day(5)), (ArchiveStatus::Yielded, 0, "day".to_owned()));
    assert_eq!(scene.newest(MONTH), ingested(290, "month"));
}

#[tokio::test]
async fn an_archive_that_was_removed_stays_removed_where_a_slower_process_read_that_it_landed() {
    let mut scene = Scene::new().await;
    let landed_day = landed(&day(5), "day", 10);
    let removed =
        LogEntry::Compared(ComparedRecord { removed: true, ..compared_record(&day(5), "day", 0) });
    scene.record(0, &[(1, landed_day.clone()), (2, removed)]).await;
    scene.record(1, &[(1, landed_day)]).await;
    assert_eq!(scene.newest(&day(5)).0, ArchiveStatus::Removed);
}

#[tokio::test]
async fn what_a_slower_process_alone_has_read_is_recorded() {
    let mut scene = Scene::new().await;
    let log = [(1, landed(MONTH, "month", 290)), (2, compared(MONTH, "month", 280))];
    scene.record(0, &log[..1]).await;
    scene.record(1, &log).await;
    assert_eq!(scene.newest(MONTH), ingested(280, "month"));
    scene.record_landed(1, 3, &landed(&day(7), "day", 10)).await;
    assert_eq!(scene.newest(&day(7)), ingested(10, "day"));
}
