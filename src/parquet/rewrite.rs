//! Taking the rows of some archives, or of some of their days, out of a table: the files that hold
//! them, written anew without them.
//!
//! This is what makes a correction exact. Every table whose rows came from archives has the column
//! `archive`; a file is read only when its statistics say that it may hold one of them, and left
//! alone when it does not. Order within the file stays as it is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use serde::Deserialize;

use super::reader::{listed_archives, read_file};
use super::writer::{DataFileWriter, FileTarget};
use crate::delta::TableError;
use crate::delta::commit::Change;
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::failpoint::step;

/// Which rows are to be taken out: all of an archive, or those of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removal {
    whole: BTreeSet<String>,
    days: BTreeMap<NaiveDate, BTreeSet<String>>,
}

impl Removal {
    /// Takes out all rows of an archive.
    pub(crate) fn whole(&mut self, archive: &str) {
        self.whole.insert(archive.to_owned());
    }

    /// Takes out the rows that an archive has of a day, in a table that is partitioned by `date`.
    pub(crate) fn day(&mut self, archive: &str, date: NaiveDate) {
        self.days.entry(date).or_default().insert(archive.to_owned());
    }

    /// Returns whether nothing is to be taken out, as of most commits.
    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.days.is_empty()
    }

    /// Returns the archives whose rows in a file have to go.
    fn of_file(&self, file: &ActiveFile) -> Cow<'_, BTreeSet<String>> {
        let of_day = file_date(file).and_then(|date| self.days.get(&date));
        of_day.map_or(Cow::Borrowed(&self.whole), |of_day| Cow::Owned(&self.whole | of_day))
    }
}

impl FromIterator<String> for Removal {
    fn from_iter<I: IntoIterator<Item = String>>(archives: I) -> Self {
        Self { whole: archives.into_iter().collect(), days: BTreeMap::new() }
    }
}

/// Returns the day whose partition a file belongs to, in a table that is partitioned by day.
pub(crate) fn file_date(file: &ActiveFile) -> Option<NaiveDate> {
    file.partition_values.get("date")?.as_ref()?.parse().ok()
}

/// Finds the files that hold rows to be removed and writes what else they hold into new files.
///
/// Returns the change that takes the rows out; it has no files when no row was there.
///
/// # Errors
/// When a file cannot be read or written.
pub(crate) async fn without(
    table: &WritableTable,
    target: &Arc<FileTarget>,
    removal: &Removal,
) -> Result<Change, TableError> {
    let mut change = Change::default();
    if removal.is_empty() {
        return Ok(change);
    }
    for file in table.active_files()? {
        let archives = removal.of_file(&file);
        if !may_hold(&file, &archives) {
            continue;
        }
        if let Some(kept) = rewrite(table, target, &file, &archives).await? {
            change.removes.push(file);
            if let Some(kept) = kept {
                change.adds.push(kept);
            }
        }
    }
    step("rows taken out", &table.spec.name);
    Ok(change)
}

/// Takes out all rows of some archives; see [`without`].
pub(crate) async fn without_archives(
    table: &WritableTable,
    target: &Arc<FileTarget>,
    archives: &BTreeSet<String>,
) -> Result<Change, TableError> {
    without(table, target, &archives.iter().cloned().collect()).await
}

/// Tells from the statistics whether a file can hold rows of the archives; unknown bounds mean yes.
pub(crate) fn may_hold(file: &ActiveFile, archives: &BTreeSet<String>) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Stats {
        min_values: Bound,
        max_values: Bound,
    }
    #[derive(Deserialize)]
    struct Bound {
        archive: String,
    }
    if archives.is_empty() {
        return false;
    }
    let stats = file.stats.as_deref().and_then(|text| serde_json::from_str::<Stats>(text).ok());
    stats.is_none_or(|stats| {
        archives
            .range(stats.min_values.archive..)
            .next()
            .is_some_and(|first| *first <= stats.max_values.archive)
    })
}

/// Writes a file anew without the rows of the archives.
///
/// Returns nothing when the file holds none of them, and an inner nothing when it holds nothing
/// else.
async fn rewrite(
    table: &WritableTable,
    target: &Arc<FileTarget>,
    file: &ActiveFile,
    archives: &BTreeSet<String>,
) -> Result<Option<Option<NewFile>>, TableError> {
    let parquet_failed = |source| TableError::Parquet {
        table: table.spec.name.clone(),
        path: file.path.clone(),
        source,
    };
    let failed = TableError::arrow(&table.spec.name);
    let builder = read_file(table, file).await?;
    let listed = listed_archives(builder.metadata()).map(str::to_owned);
    let batches = builder.build().map_err(parquet_failed)?;
    let (mut writer, mut dropped) = (None::<DataFileWriter>, false);
    for batch in batches {
        let batch = batch.map_err(&failed)?;
        let kept = rows_of_others(&batch, archives).map_err(&failed)?;
        dropped |= kept.num_rows() < batch.num_rows();
        if kept.num_rows() == 0 {
            continue;
        }
        let writer = match &mut writer {
            Some(writer) => writer,
            empty => empty.insert(DataFileWriter::create(target, partition_values(table, file))?),
        };
        writer.write(&[as_stored(&kept, &target.schema()).map_err(&failed)?])?;
    }
    if !dropped {
        if let Some(writer) = writer {
            writer.discard();
        }
        return Ok(None);
    }
    let Some(writer) = writer else { return Ok(Some(None)) };
    let written = writer.finish(listed.map(|listed| without_listed(&listed, archives)))?;
    Ok(Some(Some(target.publish(written).await?)))
}

/// Gives rows that were read the in-memory types with which the table's files are written.
pub(crate) fn as_stored(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = rows.columns().iter().zip(schema.fields());
    let columns: Result<Vec<_>, ArrowError> =
        columns.map(|(column, field)| cast(column, field.data_type())).collect();
    RecordBatch::try_new(Arc::clone(schema), columns?)
}

/// Returns the values of a file's partition columns, in the order in which the table declares them.
pub(crate) fn partition_values(table: &WritableTable, file: &ActiveFile) -> Vec<(String, String)> {
    let columns = table.spec.partition_columns.iter();
    let value =
        |column: &String| file.partition_values.get(column).cloned().flatten().unwrap_or_default();
    columns.map(|column| (column.clone(), value(column))).collect()
}

fn rows_of_others(
    batch: &RecordBatch,
    archives: &BTreeSet<String>,
) -> Result<RecordBatch, ArrowError> {
    let Some(column) = batch.column_by_name("archive") else { return Ok(batch.clone()) };
    let column = cast(column, &DataType::Utf8)?;
    let wanted: HashSet<&str> = archives.iter().map(String::as_str).collect();
    let keep = column
        .as_string::<i32>()
        .iter()
        .map(|value| value.is_none_or(|value| !wanted.contains(value)));
    let keep: BooleanArray = keep.map(Some).collect();
    debug_assert_eq!(keep.len(), column.len());
    filter_record_batch(batch, &keep)
}

/// Takes the archives out of a file's own list: one `archive sha256` a line.
fn without_listed(listed: &str, archives: &BTreeSet<String>) -> String {
    let gone =
        |line: &&str| line.rsplit_once(' ').is_some_and(|(archive, _)| archives.contains(archive));
    listed.lines().filter(|line| !gone(line)).collect::<Vec<_>>().join("\n")
}
