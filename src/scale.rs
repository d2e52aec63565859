//! What the bench `scale` makes lakes with: logs that name files and archives which do not exist,
//! written as the program writes any log.
//!
//! Such a lake can be planned on, counted and written to. A statement that reads one of the made-up
//! files fails, and so does verification.

use std::sync::Arc;

use chrono::{Days, NaiveDate, NaiveTime, TimeDelta};
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::matrix::Matrix;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::log::ArchiveRecord;
use crate::delta::table::WritableTable;
use crate::meta::archives::LedgerTable;
use crate::meta::archives::wanted::KeySet;
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer, TableName};

/// Made-up files are on days before the archive has any.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1985, 1, 1).unwrap();

/// Symbols of made-up archives: those of a day are one commit.
const MADE_UP_SYMBOLS: u32 = 1_000;

/// How many files are made up, and how the log has them.
#[derive(Clone, Copy, Debug)]
pub struct MadeUp {
    pub files: u32,
    pub files_of_a_commit: u32,
    /// Days that the files are spread over; each is a partition.
    pub days: u32,
}

/// Adds made-up files to a silver table that has at least one file, which they are like but for
/// their days and symbols.
///
/// # Errors
/// When the table cannot be read or written.
pub async fn make_up_files(
    lake: &Lake,
    table: &str,
    made_up: MadeUp,
    clock: &Clock,
) -> Result<(), TableError> {
    let name = TableName::new(Layer::Silver, table);
    let Some(mut table) = WritableTable::open_as_is(lake, &name).await? else { return Ok(()) };
    let Some(model) = table.each_file()?.next() else { return Ok(()) };
    let context = CommitContext {
        run: "made up".into(),
        clock: clock.clone(),
        shutdown: Shutdown::default(),
    };
    let MadeUp { files, files_of_a_commit, days } = made_up;
    for first in (0..files).step_by(files_of_a_commit.max(1) as usize) {
        let last = first.saturating_add(files_of_a_commit).min(files);
        let adds: Arc<[NewFile]> = (first..last).map(|file| like(&model, file, days)).collect();
        commit(&mut table, &context, async |_: &WritableTable| {
            Ok::<_, TableError>(Some(Change { adds: adds.to_vec(), ..Change::default() }))
        })
        .await?;
    }
    Ok(())
}

/// Records made-up archives in a silver table of spot bars that exists, in its log and in the
/// ledger: a day of all symbols after the other, as an initial load does. They have no files, and
/// are of symbols that the archive does not have.
///
/// # Errors
/// When a table cannot be read or written.
pub async fn make_up_archives(
    lake: &Lake,
    table: &str,
    matrix: Arc<Matrix>,
    archives: u32,
    clock: &Clock,
) -> Result<(), TableError> {
    let name = TableName::new(Layer::Silver, table);
    let Some(mut silver) = WritableTable::open_as_is(lake, &name).await? else { return Ok(()) };
    let context = CommitContext {
        run: "made up".into(),
        clock: clock.clone(),
        shutdown: Shutdown::default(),
    };
    let mut ledger = LedgerTable::open(lake, matrix).await?;
    let mut index = ledger.silver_index(&silver, "").await?;
    for first in (0..archives).step_by(MADE_UP_SYMBOLS as usize) {
        let last = first.saturating_add(MADE_UP_SYMBOLS).min(archives);
        let records: Vec<ArchiveRecord> = (first..last).map(made_up_record).collect();
        commit(&mut silver, &context, async |_: &WritableTable| {
            Ok::<_, TableError>(Some(Change { archives: records.clone(), ..Change::default() }))
        })
        .await?;
        ledger.load(&KeySet::default(), &mut index).await?;
        index.catch_up(&silver).await?;
        ledger.reconcile(&mut index, &context).await?;
    }
    Ok(())
}

fn made_up_record(number: u32) -> ArchiveRecord {
    let date = day(number / MADE_UP_SYMBOLS);
    let symbol = format!("Z{:05}USDT", number % MADE_UP_SYMBOLS);
    let sha256 = Sha256::digest(number.to_le_bytes());
    let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let start = date.and_time(NaiveTime::MIN).and_utc();
    ArchiveRecord {
        archive: format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-{date}.zip"),
        size: 1_500,
        etag: sha256.get(..32).map(|etag| format!("\"{etag}\"")),
        sha256,
        last_modified: Some(start),
        checksum: ChecksumState::Match.as_str().to_owned(),
        rows: 24,
        rejected_rows: 0,
        min_time: Some(start),
        max_time: Some(start + TimeDelta::hours(23)),
        days: None,
        competing_version: None,
        yielded: false,
        outside: None,
        reason: None,
    }
}

fn day(number: u32) -> NaiveDate {
    FIRST_DAY.checked_add_days(Days::new(number.into())).unwrap_or(FIRST_DAY)
}

fn like(model: &ActiveFile, file: u32, days: u32) -> NewFile {
    let date = day(file % days.max(1)).to_string();
    let mut stats: Value = model
        .stats
        .as_deref()
        .and_then(|stats| serde_json::from_str(stats).ok())
        .unwrap_or_default();
    let symbol = format!("Z{:05}USDT", file / days.max(1));
    for bound in ["minValues", "maxValues"] {
        for column in ["symbol", "archive"] {
            if let Some(value) = stats.pointer_mut(&format!("/{bound}/{column}")) {
                *value = symbol.clone().into();
            }
        }
    }
    let market = model.partition_values.get("market").cloned().flatten().unwrap_or_default();
    NewFile {
        path: format!("market={market}/date={date}/part-{}.parquet", Uuid::now_v7()),
        size: model.size,
        rows: model.rows().unwrap_or_default(),
        partition_values: vec![("market".to_owned(), market), ("date".to_owned(), date)],
        stats: stats.to_string(),
    }
}
