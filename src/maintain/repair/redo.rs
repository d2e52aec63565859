//! Carrying out the plan of one silver table: rows go, and archives land again from bronze.

use std::collections::HashMap;
use std::sync::Arc;

use lakehouse_core::ledger::LedgerEntry;
use lakehouse_core::names::market::Frequency;

use super::super::MaintainError;
use super::report::TableRepair;
use super::{Repair, SilverPlan};
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::error_chain::one_line;
use crate::failpoint::step;
use crate::memory::MemoryBudget;
use crate::meta::archives::LedgerTable;
use crate::meta::changes::ChangesTable;
use crate::meta::rejects::RejectsTable;
use crate::silver::{Fault, SilverTable};
use crate::storage::lake::TableName;
use crate::verify::{ArchiveBytes, ArchiveVersion};

/// Archives that land in one commit.
const ARCHIVES: usize = 50;

/// Carries out what is planned for one table.
///
/// # Errors
/// When a table cannot be read or written; what was committed stays.
pub(super) async fn redo_table(
    repair: &Repair,
    plan: &SilverPlan,
    context: &CommitContext,
) -> Result<TableRepair, MaintainError> {
    let name = Repair::silver_name(&plan.table);
    let mut done = TableRepair { table: name.to_string(), ..TableRepair::default() };
    let Some(schema) = repair.schemas.get(&plan.table).cloned() else { return Ok(done) };
    let mut tables = Tables::open(repair, name, context).await?;
    let matrix = Arc::clone(&repair.matrix);
    let memory = MemoryBudget::default();
    let silver =
        SilverTable::open(&repair.lake, Arc::new(schema), matrix, repair.threads, memory).await?;
    let known = recorded(&tables.ledger, plan)?;
    let bytes = ArchiveBytes::open(&repair.lake, repair.source.as_ref()).await?;
    let mut silver = silver.indexed_by(&mut tables.ledger, context).await?;
    step("table adopted", &tables.name);
    silver.begin_repair(plan.verified, plan.unreadable.iter().cloned());
    let taken_out = plan.take_out.iter().map(|archive| archive.as_str().into()).collect();
    silver.look_up_only(&taken_out, &mut tables.ledger).await?;
    if silver.take_out(&plan.take_out, context).await? {
        done.taken_out = plan.take_out.iter().cloned().collect();
        done.dropped_files.clone_from(&plan.unreadable);
    }
    step("rows removed", &tables.name);
    tables.record(&mut silver).await?;
    for versions in in_order(plan).chunks(ARCHIVES) {
        let mut archives = Vec::new();
        for version in versions {
            match open(&bytes, version, &known).await {
                Ok(archive) => archives.push(archive),
                Err(reason) => done.fail(version.key.path(), reason),
            }
        }
        for group in by_frequency(archives) {
            redo(&mut silver, group, &mut tables, &mut done).await?;
            step("archives landed again", &tables.name);
        }
    }
    Ok(done)
}

/// The tables that a repair records in.
struct Tables<'a> {
    repair: &'a Repair,
    name: TableName,
    context: &'a CommitContext,
    ledger: LedgerTable,
    changes: ChangesTable,
    rejects: RejectsTable,
}

impl<'a> Tables<'a> {
    async fn open(
        repair: &'a Repair,
        name: TableName,
        context: &'a CommitContext,
    ) -> Result<Self, TableError> {
        let lake = &repair.lake;
        let ledger = LedgerTable::open(lake, Arc::clone(&repair.matrix)).await?;
        let changes = ChangesTable::open(lake).await?;
        let rejects = RejectsTable::open(lake).await?;
        Ok(Self { repair, name, context, ledger, changes, rejects })
    }

    /// Records what silver's log says and these tables do not: corrections first, as ingest does.
    async fn record(&mut self, silver: &mut SilverTable) -> Result<(), TableError> {
        let corrections = silver.index().take_corrections();
        let matrix = &self.repair.matrix;
        self.changes.record(matrix, &self.name, corrections, self.context).await?;
        self.ledger.reconcile(silver.index(), self.context).await
    }
}

async fn redo(
    silver: &mut SilverTable,
    archives: Vec<BronzeArchive>,
    tables: &mut Tables<'_>,
    done: &mut TableRepair,
) -> Result<(), TableError> {
    let keys = archives.iter().map(|archive| &archive.key);
    silver.look_up(keys, &mut tables.ledger).await?;
    let result = silver.redo(archives, &mut tables.rejects, tables.context).await?;
    for archive in &result.archives {
        let path = archive.bronze.key.path();
        match &archive.found.fault {
            None => done.redone.push(path.to_owned()),
            Some(Fault::Rejected(reason) | Fault::Failed(reason)) => {
                done.fail(path, reason.clone());
            }
        }
    }
    tables.record(silver).await
}

/// What the ledger says of versions of archives, by their keys and sums.
type RecordedVersions = HashMap<(Arc<str>, Arc<str>), LedgerEntry>;

/// Returns what the ledger says of the archives that land again: what their source said of them.
fn recorded(ledger: &LedgerTable, plan: &SilverPlan) -> Result<RecordedVersions, TableError> {
    let mut recorded = RecordedVersions::new();
    for entry in ledger.rows_of(&plan.redo.keys().map(Arc::clone).collect())? {
        if let Some(sha256) = &entry.sha256 {
            recorded.insert((entry.key.shared_path(), Arc::clone(sha256)), entry);
        }
    }
    Ok(recorded)
}

/// Opens an archive's bytes, or says why that is not possible.
async fn open(
    bytes: &ArchiveBytes,
    version: &ArchiveVersion,
    known: &RecordedVersions,
) -> Result<BronzeArchive, String> {
    let opened = bytes.get(version).await;
    let mut archive = opened.map_err(|error| one_line(error.as_ref()))?;
    let sha256 = version.sha256.to_string();
    if let Some(entry) = known.get(&(version.key.shared_path(), sha256.into())) {
        // Without these, the next plan would take the archive for changed.
        archive.size = entry.size.unwrap_or_default();
        archive.etag.clone_from(&entry.etag);
        archive.last_modified = entry.last_modified;
    }
    Ok(archive)
}

/// Sorts archives so that days come before months, which are compared with them.
fn in_order(plan: &SilverPlan) -> Vec<ArchiveVersion> {
    let mut versions: Vec<ArchiveVersion> = plan.redo.values().cloned().collect();
    versions.sort_by(|a, b| {
        let order = |version: &ArchiveVersion| {
            let key = &version.key;
            (is_monthly(key.period().frequency()), key.series().clone(), key.period())
        };
        order(a).cmp(&order(b))
    });
    versions
}

/// No commit may hold two copies of a day.
fn by_frequency(archives: Vec<BronzeArchive>) -> Vec<Vec<BronzeArchive>> {
    let (months, days): (Vec<_>, Vec<_>) =
        archives.into_iter().partition(|archive| is_monthly(archive.key.period().frequency()));
    [days, months].into_iter().filter(|group| !group.is_empty()).collect()
}

const fn is_monthly(frequency: Frequency) -> bool {
    matches!(frequency, Frequency::Monthly)
}
