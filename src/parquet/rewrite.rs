//! Taking the rows of some archives, or of some of their days, out of a table: the files that hold
//! them are written again without them.
//!
//! This is what makes a correction exact. Every table whose rows came from archives has the column
//! `archive`; a file is read only when its day, its statistics and its own list of archives say
//! that it may hold one of them. That column alone is read first, and a file that loses nothing is
//! left alone. Order within the file stays as it is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanBuilder, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use chrono::NaiveDate;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use serde::Deserialize;

use super::reader::{FileReader, listed_archives, open_file};
use super::writer::{DataFileWriter, FileTarget};
use crate::delta::commit::Change;
use crate::delta::file::{ActiveFile, NewFile};
use crate::delta::table::WritableTable;
use crate::delta::{TableError, Verb};
use crate::failpoint::step;
use crate::storage::lake::TableName;

/// Which rows are to be taken out: all of an archive, or those of some days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Removal {
    whole: BTreeSet<String>,
    days: BTreeMap<NaiveDate, BTreeSet<String>>,
    files: BTreeSet<String>,
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

    /// Takes out all rows of a data file, by its path in the log, without reading it.
    pub(crate) fn file(&mut self, path: &str) {
        self.files.insert(path.to_owned());
    }

    /// Returns whether nothing is to be taken out, as of most commits.
    fn is_empty(&self) -> bool {
        self.whole.is_empty() && self.days.is_empty() && self.files.is_empty()
    }

    /// Returns whether a file may have rows that are to be taken out.
    pub(crate) fn may_concern(&self, file: &ActiveFile) -> bool {
        may_hold(file, &self.of_file(file))
    }

    /// Returns the archives whose rows in a file have to go.
    fn of_file(&self, file: &ActiveFile) -> Cow<'_, BTreeSet<String>> {
        let of_day = file_date(file).and_then(|date| self.days.get(&date));
        // Most files are of days without a removal of their own, and share one set.
        of_day.map_or(Cow::Borrowed(&self.whole), |of_day| Cow::Owned(&self.whole | of_day))
    }
}

impl FromIterator<String> for Removal {
    fn from_iter<I: IntoIterator<Item = String>>(archives: I) -> Self {
        Self { whole: archives.into_iter().collect(), ..Self::default() }
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
        if removal.files.contains(&file.path) {
            change.removes.push(file);
            continue;
        }
        let archives = removal.of_file(&file);
        if !may_hold(&file, &archives) {
            continue;
        }
        match rewrite(table, target, &file, &archives).await? {
            Remainder::Unchanged => {}
            Remainder::Empty => change.removes.push(file),
            Remainder::Rewritten(kept) => {
                change.removes.push(file);
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

/// The part of a file's statistics that says which archives it may hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ArchiveStatistics {
    min_values: ArchiveBound,
    max_values: ArchiveBound,
}

#[derive(Deserialize)]
struct ArchiveBound {
    archive: String,
}

/// Returns whether a file can hold rows of the archives, by its statistics; unknown bounds mean
/// yes.
pub(crate) fn may_hold(file: &ActiveFile, archives: &BTreeSet<String>) -> bool {
    if archives.is_empty() {
        return false;
    }
    let text = file.stats.as_deref();
    let statistics = text.and_then(|text| serde_json::from_str::<ArchiveStatistics>(text).ok());
    let Some(statistics) = statistics else { return true };
    // The first archive at or above the minimum is the only one that need be looked at: if it is
    // above the maximum, all others are too.
    let mut at_least_minimum = archives.range(statistics.min_values.archive..);
    at_least_minimum.next().is_some_and(|first| *first <= statistics.max_values.archive)
}

/// What is left of a data file once the rows of some archives are taken out.
enum Remainder {
    /// The file holds no row of them and stays as it is.
    Unchanged,
    /// The file holds nothing else.
    Empty,
    /// The other rows, in a new file.
    Rewritten(NewFile),
}

/// Writes the rows of a file that do not belong to the archives into a new file.
async fn rewrite(
    table: &WritableTable,
    target: &Arc<FileTarget>,
    file: &ActiveFile,
    archives: &BTreeSet<String>,
) -> Result<Remainder, TableError> {
    let name = &table.spec.name;
    let opened = open_file(table, file).await?;
    let footer = opened.footer()?;
    let listed = listed_archives(footer.metadata()).map(str::to_owned);
    if listed.as_deref().is_some_and(|listed| !lists_any(listed, archives)) {
        return Ok(Remainder::Unchanged);
    }
    // Statistics are a range, so a file may be read for an archive that it does not hold. A copy of
    // it would be a change for readers of changes, and cost space for nothing.
    let count = count_rows(name, &opened, footer.clone(), archives)?;
    if count.lost == 0 {
        return Ok(Remainder::Unchanged);
    }
    if count.kept == 0 {
        return Ok(Remainder::Empty);
    }
    let mut writer = DataFileWriter::create(target, partition_values(table, file))?;
    let rows = opened.rows_with(footer)?.build();
    for batch in rows.map_err(|error| opened.parquet_error(error))? {
        let batch = batch.map_err(TableError::cannot(Verb::Read, name, &file.path))?;
        let kept = rows_of_others(&batch, archives).map_err(TableError::arrow(name))?;
        if kept.num_rows() > 0 {
            writer
                .write(&[as_stored(&kept, &target.schema()).map_err(TableError::arrow(name))?])?;
        }
    }
    let written = writer.finish(listed.map(|listed| without_listed(&listed, archives)))?;
    Ok(Remainder::Rewritten(target.publish(written).await?))
}

/// How many rows of a file stay, and how many go.
#[derive(Clone, Copy, Debug, Default)]
struct RowCount {
    kept: usize,
    lost: usize,
}

/// Counts by the column `archive` alone.
fn count_rows(
    table: &TableName,
    file: &FileReader,
    footer: ArrowReaderMetadata,
    archives: &BTreeSet<String>,
) -> Result<RowCount, TableError> {
    let builder = file.rows_with(footer)?;
    let column = ProjectionMask::columns(builder.parquet_schema(), ["archive"]);
    let batches = builder.with_projection(column).build();
    let mut count = RowCount::default();
    for batch in batches.map_err(|error| file.parquet_error(error))? {
        let batch = batch.map_err(TableError::arrow(table))?;
        let kept = rows_of_others(&batch, archives).map_err(TableError::arrow(table))?.num_rows();
        count.kept += kept;
        count.lost += batch.num_rows() - kept;
    }
    Ok(count)
}

/// Returns whether a file's own list has one of the archives.
fn lists_any(listed: &str, archives: &BTreeSet<String>) -> bool {
    let mut listed = listed.lines().filter_map(|line| line.rsplit_once(' '));
    listed.any(|(archive, _)| archives.contains(archive))
}

/// Gives rows that were read the in-memory types with which the table's files are written.
pub(crate) fn as_stored(rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (column, field) in rows.columns().iter().zip(schema.fields()) {
        // Files do not say that a text column is a dictionary in memory, so it is read as text.
        columns.push(cast(column, field.data_type())?);
    }
    RecordBatch::try_new(Arc::clone(schema), columns)
}

/// Returns the values of a file's partition columns, in the order in which the table declares them.
pub(crate) fn partition_values(table: &WritableTable, file: &ActiveFile) -> Vec<(String, String)> {
    let mut values = Vec::with_capacity(table.spec.partition_columns.len());
    for column in &table.spec.partition_columns {
        let value = file.partition_values.get(column).cloned().flatten().unwrap_or_default();
        values.push((column.clone(), value));
    }
    values
}

fn rows_of_others(
    batch: &RecordBatch,
    archives: &BTreeSet<String>,
) -> Result<RecordBatch, ArrowError> {
    let Some(column) = batch.column_by_name("archive") else { return Ok(batch.clone()) };
    let column = cast(column, &DataType::Utf8)?;
    // Every row is looked up, and a hash costs less than the comparisons of an ordered set.
    let removed: HashSet<&str> = archives.iter().map(String::as_str).collect();
    let mut keep = BooleanBuilder::with_capacity(column.len());
    for archive in column.as_string::<i32>() {
        keep.append_value(archive.is_none_or(|archive| !removed.contains(archive)));
    }
    filter_record_batch(batch, &keep.finish())
}

/// Takes the archives out of a file's own list: one `archive sha256` a line.
fn without_listed(listed: &str, archives: &BTreeSet<String>) -> String {
    let is_kept =
        |line: &&str| line.rsplit_once(' ').is_none_or(|(archive, _)| !archives.contains(archive));
    listed.lines().filter(is_kept).collect::<Vec<_>>().join("\n")
}
