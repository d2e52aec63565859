//! What the bench `scale` makes lakes with: logs that name files which do not exist, written as the
//! program writes any log.
//!
//! Such a lake can be planned on, counted and written to. A statement that reads one of the made-up
//! files fails.

use std::sync::Arc;

use chrono::{Days, NaiveDate};
use serde_json::Value;
use uuid::Uuid;

use crate::clock::Clock;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, commit};
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer, TableName};

/// Made-up files are on days before the archive has any.
const FIRST_DAY: NaiveDate = NaiveDate::from_ymd_opt(1985, 1, 1).unwrap();

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
