//! What a repair is going to do to silver: a value that is found by reading only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::MaintainError;
use super::Repair;
use crate::events::{Reporter, Silent};
use crate::meta::archives::reader::LedgerReader;
use crate::meta::scope::Scope;
use crate::verify::{ArchiveVersion, Check, Finding, TableDamage, Verify, version_of};

/// What is to be done to silver, and what a repair cannot help with.
#[derive(Debug, Default)]
pub(super) struct RepairPlan {
    /// Only tables with something to do.
    pub(super) silver: Vec<SilverPlan>,
    /// Bytes that are missing or damaged in bronze.
    pub(super) bronze: Vec<Finding>,
}

/// What is to be done to one silver table.
#[derive(Debug)]
pub(super) struct SilverPlan {
    /// The table's name in silver.
    pub(super) table: String,
    /// The version of the table that was verified; -1 where there was none.
    pub(super) verified: i64,
    /// Archives to land again, in the version that silver should have, by their keys.
    pub(super) redo: BTreeMap<Arc<str>, ArchiveVersion>,
    /// Archives whose rows go.
    pub(super) take_out: BTreeSet<String>,
    /// Paths of data files that go without being read.
    pub(super) unreadable: Vec<String>,
}

impl SilverPlan {
    fn is_empty(&self) -> bool {
        self.redo.is_empty() && self.take_out.is_empty() && self.unreadable.is_empty()
    }
}

impl From<TableDamage> for SilverPlan {
    fn from(damage: TableDamage) -> Self {
        let TableDamage { table, verified, redo, take_out, unreadable } = damage;
        let redo = redo.into_iter().map(|version| (version.key.shared_path(), version)).collect();
        Self { table, verified, redo, take_out, unreadable }
    }
}

impl Repair {
    /// Finds out what is wrong with silver, but for some tables.
    pub(super) async fn plan(
        &self,
        skipped: &BTreeSet<String>,
    ) -> Result<RepairPlan, MaintainError> {
        let mut skipped = skipped.clone();
        for schema in self.schemas.iter() {
            if !self.is_chosen(&Self::silver_name(schema.table())) {
                skipped.insert(schema.table().to_owned());
            }
        }
        let verify = Verify {
            lake: self.lake.clone(),
            matrix: Arc::clone(&self.matrix),
            schemas: Arc::clone(&self.schemas),
            scope: Scope::default(),
            sample: None,
            since: None,
            deep: self.deep,
            source: self.source.clone(),
            threads: self.threads,
        };
        let reporter: Arc<dyn Reporter> = Arc::new(Silent);
        let inspection = Box::pin(verify.inspect(&skipped, true, &reporter)).await?;
        let mut silver: Vec<SilverPlan> =
            inspection.damages.into_iter().map(SilverPlan::from).collect();
        self.add_lost(&mut silver).await?;
        silver.retain(|table| !table.is_empty());
        let mut bronze = inspection.report.findings;
        bronze.retain(|finding| matches!(finding.check, Check::Bronze | Check::Checksum));
        Ok(RepairPlan { silver, bronze })
    }

    /// Adds the archives that the ledger has in a version which silver's log never had: their
    /// commit was set aside, or the table is another one.
    async fn add_lost(&self, silver: &mut [SilverPlan]) -> Result<(), MaintainError> {
        let Some(ledger) = LedgerReader::open(&self.lake, Arc::clone(&self.matrix)).await? else {
            return Ok(());
        };
        for table in silver {
            let Some(schema) = self.schemas.get(&table.table) else { continue };
            for entry in ledger.not_in_log(&self.lake, schema).await? {
                if let Some(version) = version_of(&entry) {
                    table.redo.insert(version.key.shared_path(), version);
                }
            }
        }
        Ok(())
    }
}
