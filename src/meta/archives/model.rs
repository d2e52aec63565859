//! The ledger against a model that keeps every row in memory: whatever is recorded, by whichever
//! of two writers, both have the same rows, and every row is found by its key.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Duration, NaiveDate};
use lakehouse_core::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::{ArchiveKey, Series};
use proptest::prelude::*;

use super::reader::LedgerReader;
use super::record::keys_of;
use super::scan::LedgerFile;
use super::wanted::Wanted;
use super::{LedgerLimits, LedgerTable};
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::shutdown::Shutdown;
use crate::storage::lake::Lake;

const LIMITS: LedgerLimits =
    LedgerLimits { sealed_rows: 16, small_files: 4, runs: 2, merged_rows: 1_000, absorbed_rows: 2 };

/// One row to record: of which archive, in which state, and in which of a few versions.
#[derive(Clone, Copy, Debug)]
struct Step {
    symbol: u8,
    day: u8,
    monthly: bool,
    status: ArchiveStatus,
    sha256: u8,
}

/// A batch of rows, and which of the writers records it.
#[derive(Clone, Debug)]
struct Batch {
    second_writer: bool,
    steps: Vec<Step>,
}

fn step() -> impl Strategy<Value = Step> {
    let statuses = prop::sample::select(vec![
        ArchiveStatus::Ingested,
        ArchiveStatus::Ingested,
        ArchiveStatus::Yielded,
        ArchiveStatus::NotPublished,
        ArchiveStatus::Rejected,
        ArchiveStatus::Failed,
        ArchiveStatus::Removed,
    ]);
    (0..4_u8, 1..=9_u8, prop::bool::weighted(0.2), statuses, 0..3_u8).prop_map(
        |(symbol, day, monthly, status, sha256)| Step { symbol, day, monthly, status, sha256 },
    )
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (any::<bool>(), prop::collection::vec(step(), 1..12))
        .prop_map(|(second_writer, steps)| Batch { second_writer, steps });
    prop::collection::vec(batch, 1..14)
}

fn path(step: Step) -> String {
    let Step { symbol, day, monthly, .. } = step;
    let (frequency, period) = if monthly {
        ("monthly", format!("2024-0{day}"))
    } else {
        ("daily", format!("2024-01-0{day}"))
    };
    format!("data/spot/{frequency}/trades/S{symbol}USDT/S{symbol}USDT-trades-{period}.zip")
}

/// Makes the rows of a batch, one for each archive.
fn rows(matrix: &Matrix, number: usize, batch: &Batch) -> Vec<LedgerEntry> {
    let mut rows = BTreeMap::new();
    for step in &batch.steps {
        let in_silver = step.status == ArchiveStatus::Ingested;
        let entry = LedgerEntry {
            key: matrix.identify(&path(*step)).unwrap(),
            status: step.status,
            checksum: ChecksumState::Match,
            size: Some(number as u64),
            etag: None,
            last_modified: None,
            checksum_tag: None,
            sha256: Some(format!("{:064}", step.sha256).into()),
            rows: 1,
            rejected_rows: 0,
            min_time: None,
            max_time: None,
            silver_version: in_silver.then_some(number as i64),
            run: "run".into(),
            recorded_at: DateTime::UNIX_EPOCH + Duration::seconds(number as i64),
            reason: None,
            days: None,
            competing_version: None,
        };
        rows.insert(path(*step), entry);
    }
    rows.into_values().collect()
}

/// All rows, in no order.
#[derive(Debug, Default)]
struct Model(Vec<LedgerEntry>);

impl Model {
    fn record(&mut self, new: &[LedgerEntry]) {
        for new in new {
            let mut new = new.clone();
            let in_silver = matches!(new.status, ArchiveStatus::Ingested | ArchiveStatus::Yielded);
            let (of_archive, mut rows): (Vec<_>, Vec<_>) =
                std::mem::take(&mut self.0).into_iter().partition(|row| row.key == new.key);
            for old in of_archive {
                match old.status {
                    ArchiveStatus::Superseded => rows.push(old),
                    _ if new.status == ArchiveStatus::Removed => {}
                    // What was removed stays so until it lands again.
                    ArchiveStatus::Removed if !in_silver => rows.push(old),
                    ArchiveStatus::Ingested | ArchiveStatus::Yielded if !in_silver => {
                        if old.status == ArchiveStatus::Ingested {
                            new.silver_version = old.silver_version;
                        }
                        rows.push(old);
                    }
                    ArchiveStatus::Ingested | ArchiveStatus::Yielded
                        if old.sha256 != new.sha256 =>
                    {
                        let by = new.sha256.as_deref().unwrap();
                        rows.push(LedgerEntry {
                            status: ArchiveStatus::Superseded,
                            reason: Some(format!("replaced by {by}")),
                            ..old
                        });
                    }
                    _ => {}
                }
            }
            let is_removed = rows.iter().any(|row| row.key == new.key && is_removed(row));
            if !is_removed {
                rows.push(new);
            }
            self.0 = rows;
        }
    }

    fn sorted(&self) -> Vec<String> {
        sorted(&self.0)
    }

    fn newest_version(&self) -> Option<i64> {
        let in_silver = |row: &&LedgerEntry| {
            matches!(row.status, ArchiveStatus::Ingested | ArchiveStatus::Yielded)
        };
        self.0.iter().filter(in_silver).map(|row| row.silver_version.unwrap_or(-1)).max()
    }
}

fn is_removed(row: &LedgerEntry) -> bool {
    row.status == ArchiveStatus::Removed
}

fn sorted(rows: &[LedgerEntry]) -> Vec<String> {
    let mut rows: Vec<String> = rows.iter().map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

fn all_rows(ledger: &LedgerTable) -> Vec<LedgerEntry> {
    let mut scan = ledger.files.scan(&Wanted::All).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = scan.next().unwrap() {
        rows.push(row);
    }
    rows
}

fn context() -> CommitContext {
    let clock = Clock::new(|| DateTime::UNIX_EPOCH);
    CommitContext { run: "run".into(), clock, shutdown: Shutdown::default() }
}

async fn check(batches: &[Batch]) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
    let matrix = Arc::new(Matrix::builtin().unwrap());
    let context = context();
    let open = || LedgerTable::open_with(&lake, Arc::clone(&matrix), LIMITS);
    let mut writers = [open().await.unwrap(), open().await.unwrap()];
    let mut model = Model::default();
    for (number, batch) in batches.iter().enumerate() {
        let rows = rows(&matrix, number, batch);
        model.record(&rows);
        let ledger = &mut writers[usize::from(batch.second_writer)];
        ledger.record(rows.clone(), &context).await.unwrap();
        let known = all_rows(ledger);
        assert_eq!(sorted(&known), model.sorted(), "after batch {number}");
        assert!(known.is_sorted_by(|a, b| a.key.path() <= b.key.path()));
        let keys = keys_of(&rows);
        let of_keys: Vec<LedgerEntry> =
            model.0.iter().filter(|row| keys.has(row.key.path())).cloned().collect();
        assert_eq!(sorted(&ledger.rows_of(&keys).unwrap()), sorted(&of_keys));
        assert_eq!(ledger.files.newest_version("trades").unwrap(), model.newest_version());
        assert!(!ledger.files.has_unknown_rows_of("trades").unwrap());
        assert!(ledger.files.iter().all(|file| file.rows() <= LIMITS.sealed_rows));
        assert!(ledger.files.iter().count() <= 24, "{}", ledger.files.iter().count());
    }
    let reader = LedgerReader::open(&lake, Arc::clone(&matrix)).await.unwrap().unwrap();
    let mut series = BTreeSet::new();
    reader
        .for_each_series(|of, rows| {
            assert!(series.insert(of.clone()));
            let keys = model.0.iter().map(|row| &row.key).filter(|key| key.series() == of);
            let keys: BTreeSet<&str> = keys.map(ArchiveKey::path).collect();
            assert_eq!(rows.entries().map(|row| row.key.path()).collect::<BTreeSet<_>>(), keys);
        })
        .unwrap();
    let known: BTreeSet<_> = model.0.iter().map(|row| row.key.series().clone()).collect();
    assert_eq!(series, known);
    let mut newest: BTreeMap<Series, NaiveDate> = BTreeMap::new();
    reader
        .for_each_newest_key(|key| {
            let last = newest.entry(key.series().clone()).or_default();
            *last = key.period().end().max(*last);
        })
        .unwrap();
    let mut expected: BTreeMap<Series, NaiveDate> = BTreeMap::new();
    for row in &model.0 {
        let last = expected.entry(row.key.series().clone()).or_default();
        *last = row.key.period().end().max(*last);
    }
    assert_eq!(newest, expected);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn it_has_the_rows_that_a_model_in_memory_has(batches in batches()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(check(&batches));
    }
}

#[tokio::test]
async fn files_that_are_too_large_are_divided_once_and_keep_every_row() {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
    let matrix = Arc::new(Matrix::builtin().unwrap());
    let days = (0..4).flat_map(|symbol| (1..=9).map(move |day| (symbol, day)));
    let steps = days.map(|(symbol, day)| Step {
        symbol,
        day,
        monthly: false,
        status: ArchiveStatus::Ingested,
        sha256: 1,
    });
    let rows = rows(&matrix, 1, &Batch { second_writer: false, steps: steps.collect() });
    // The limits of programs before, which made one file of them all.
    let mut before = LedgerTable::open(&lake, Arc::clone(&matrix)).await.unwrap();
    before.record(rows.clone(), &context()).await.unwrap();
    assert_eq!(before.files.iter().count(), 1);
    let mut ledger = LedgerTable::open_with(&lake, matrix, LIMITS).await.unwrap();
    assert!(ledger.upgrade(&context()).await.unwrap());
    let divided: Vec<u64> = ledger.files.iter().map(LedgerFile::rows).collect();
    assert_eq!(divided, [16, 16, 4]);
    assert_eq!(sorted(&all_rows(&ledger)), sorted(&rows));
    assert!(!ledger.upgrade(&context()).await.unwrap());
    // One that began before finds the rows where they are now.
    before.record(rows.clone(), &context()).await.unwrap();
    assert_eq!(sorted(&all_rows(&before)), sorted(&rows));
}
