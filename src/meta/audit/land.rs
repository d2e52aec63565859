//! Landing what checks found: one commit that opens, closes and keeps rows, and says what was read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use lakehouse_core::audit::OutputTable;
use lakehouse_core::names::partition::Partition;

use super::{AuditRow, RecordedRow, findings, gaps};
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::file::NewFile;
use crate::delta::log::{BuildRecord, has_commit, read_record};
use crate::delta::table::WritableTable;
use crate::meta::schema::MetaSchema;
use crate::meta::table::{MetaTable, read_rows, write_file};
use crate::parquet::writer::FileTarget;
use crate::storage::lake::Lake;

/// What checks were audited on, by their names.
pub(crate) type Audited = BTreeMap<String, BuildRecord>;

/// Which recorded rows of a check the new ones take the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replaced {
    All,
    Partitions(BTreeSet<Partition>),
}

/// What one check found.
#[derive(Clone, Debug)]
pub(crate) struct CheckResult {
    pub(crate) check: String,
    /// What the check was audited on when this result was begun.
    pub(crate) base: Option<BuildRecord>,
    /// What it is audited on with this result; nothing where only a part was looked at.
    pub(crate) record: Option<BuildRecord>,
    pub(crate) replaced: Replaced,
    pub(crate) rows: HashSet<AuditRow>,
}

/// How a landing ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Landed {
    /// The version of the commit; none if there was nothing to commit.
    pub(crate) version: Option<i64>,
    /// Rows that are open and were not before, by check.
    pub(crate) opened: BTreeMap<String, u64>,
    /// Rows that were open and are not any more, by check.
    pub(crate) closed: BTreeMap<String, u64>,
    /// Checks that another process audited meanwhile: their results were dropped.
    pub(crate) overtaken: BTreeSet<String>,
}

/// One of the two tables of what audits found.
#[derive(Debug)]
pub(crate) struct AuditTable {
    table: MetaTable,
    output: OutputTable,
}

impl AuditTable {
    /// Opens a table, and creates it, empty, when it is missing.
    pub(crate) async fn open(lake: &Lake, output: OutputTable) -> Result<Self, TableError> {
        Ok(Self { table: MetaTable::open_or_create(lake, schema_of(output)).await?, output })
    }

    /// Returns what the checks were audited on up to the version at which the table was opened.
    pub(crate) async fn audited(&self) -> Result<Audited, TableError> {
        newest_audit(self.table.delta()).await
    }

    /// Opens and closes rows, in one commit or none; `is_meant` says which recorded rows a partial
    /// audit is about, and checks that are not among `known` have their rows closed.
    pub(crate) async fn land(
        &mut self,
        results: &[CheckResult],
        known: Option<&BTreeSet<&str>>,
        is_meant: impl Fn(&AuditRow) -> bool,
        context: &CommitContext,
    ) -> Result<Landed, TableError> {
        let output = self.output;
        let mut landed = Landed::default();
        self.table
            .commit(context, async |table, target| {
                let before = newest_audit(table).await?;
                let mut landing = Landing::new(output, table, results, &before);
                let change = landing.change(table, target, known, &is_meant).await?;
                landed = landing.landed;
                landed.version = change.is_some().then_some(landing.version);
                Ok(change)
            })
            .await?;
        Ok(landed)
    }
}

/// Passes every open row of a table on, file by file; returns false if there is no such table.
pub(crate) async fn each_open_row(
    lake: &Lake,
    output: OutputTable,
    mut take: impl FnMut(&AuditRow),
) -> Result<bool, TableError> {
    let Some(table) = MetaTable::open(lake, schema_of(output)).await? else { return Ok(false) };
    for file in table.delta().active_files()? {
        let rows = read_rows(table.delta(), &file, |batch| from_batch(output, batch)).await?;
        rows.iter().filter(|row| row.closed_at.is_none()).for_each(|row| take(&row.row));
    }
    Ok(true)
}

const fn schema_of(output: OutputTable) -> &'static MetaSchema {
    match output {
        OutputTable::Findings => &findings::SCHEMA,
        OutputTable::Gaps => &gaps::SCHEMA,
    }
}

fn from_batch(output: OutputTable, batch: &RecordBatch) -> Result<Vec<RecordedRow>, ArrowError> {
    match output {
        OutputTable::Findings => findings::from_batch(batch),
        OutputTable::Gaps => gaps::from_batch(batch),
    }
}

/// Finds the newest audit of a table; commits after it moved rows without changing any.
async fn newest_audit(table: &WritableTable) -> Result<Audited, TableError> {
    for version in (0..=table.version()).rev() {
        if let Some(record) = read_record(table, version).await?
            && !record.audited.is_empty()
        {
            return Ok(record.audited);
        }
        if !has_commit(table, version).await? {
            break;
        }
    }
    Ok(Audited::new())
}

/// One attempt to land results on a version of the table.
struct Landing<'a> {
    output: OutputTable,
    /// The version that the commit makes.
    version: i64,
    results: BTreeMap<&'a str, &'a CheckResult>,
    /// What is found and was not met among the open rows yet.
    fresh: HashSet<&'a AuditRow>,
    before: &'a Audited,
    landed: Landed,
}

impl<'a> Landing<'a> {
    fn new(
        output: OutputTable,
        table: &WritableTable,
        results: &'a [CheckResult],
        before: &'a Audited,
    ) -> Self {
        let mut landed = Landed::default();
        let mut current = BTreeMap::new();
        for result in results {
            if before.get(&result.check) == result.base.as_ref() {
                current.insert(result.check.as_str(), result);
            } else {
                landed.overtaken.insert(result.check.clone());
            }
        }
        let fresh = current.values().flat_map(|result| &result.rows).collect();
        Self { output, version: table.version() + 1, results: current, fresh, before, landed }
    }

    async fn change(
        &mut self,
        table: &WritableTable,
        target: &Arc<FileTarget>,
        known: Option<&BTreeSet<&str>>,
        is_meant: &impl Fn(&AuditRow) -> bool,
    ) -> Result<Option<Change>, TableError> {
        let mut change = Change { audited: self.audited(known), ..Change::default() };
        for file in table.active_files()? {
            let mut rows = read_rows(table, &file, |batch| from_batch(self.output, batch)).await?;
            if self.close(&mut rows, known, is_meant) {
                change.adds.push(self.write(target, &rows).await?);
                change.removes.push(file);
            }
        }
        let opened = self.opened();
        if !opened.is_empty() {
            change.adds.push(self.write(target, &opened).await?);
        }
        let is_empty = change.adds.is_empty() && change.audited == *self.before;
        Ok((!is_empty).then_some(change))
    }

    /// Returns what every check was audited on after this.
    fn audited(&self, known: Option<&BTreeSet<&str>>) -> Audited {
        let mut audited = self.before.clone();
        if let Some(known) = known {
            audited.retain(|check, _| known.contains(check.as_str()));
        }
        for (check, result) in &self.results {
            if let Some(record) = &result.record {
                audited.insert((*check).to_owned(), record.clone());
            }
        }
        audited
    }

    /// Closes the open rows of a file that were not found again; returns whether there are any.
    fn close(
        &mut self,
        rows: &mut [RecordedRow],
        known: Option<&BTreeSet<&str>>,
        is_meant: &impl Fn(&AuditRow) -> bool,
    ) -> bool {
        let mut closes = false;
        for recorded in rows.iter_mut().filter(|row| row.closed_at.is_none()) {
            let row = &recorded.row;
            let check = row.place.check.as_str();
            let is_gone = match self.results.get(check) {
                Some(result) => {
                    let found_again = self.fresh.remove(row);
                    !found_again && result.replaced.has(row) && is_meant(row)
                }
                None => known.is_some_and(|known| !known.contains(check)),
            };
            if is_gone {
                *self.landed.closed.entry(check.to_owned()).or_default() += 1;
                recorded.closed_at = Some(self.version);
                closes = true;
            }
        }
        closes
    }

    /// Returns what was not found before, in the order of the table.
    fn opened(&mut self) -> Vec<RecordedRow> {
        let mut rows: Vec<&AuditRow> = self.fresh.drain().collect();
        rows.sort();
        let mut opened = Vec::with_capacity(rows.len());
        for row in rows {
            *self.landed.opened.entry(row.place.check.clone()).or_default() += 1;
            opened.push(RecordedRow { row: row.clone(), opened_at: self.version, closed_at: None });
        }
        opened
    }

    async fn write(
        &self,
        target: &Arc<FileTarget>,
        rows: &[RecordedRow],
    ) -> Result<NewFile, TableError> {
        let batch = match self.output {
            OutputTable::Findings => findings::to_batch(rows),
            OutputTable::Gaps => gaps::to_batch(rows),
        };
        let batch = batch.map_err(TableError::arrow(target.table()))?;
        write_file(target, &[batch]).await
    }
}

impl Replaced {
    fn has(&self, row: &AuditRow) -> bool {
        match self {
            Self::All => true,
            Self::Partitions(partitions) => {
                let place = &row.place;
                place.market.parse().is_ok_and(|market| {
                    partitions.contains(&Partition { market, date: place.date })
                })
            }
        }
    }
}
