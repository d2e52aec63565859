//! Repair: silver is made what bronze and the ledger say, archive by archive.
//!
//! What is to be done is a value ([`RepairPlan`]): files of logs that are damaged, rows and data
//! files that should not be there, archives whose rows are not those of the archive. It is found by
//! reading, and printed as it is by a dry run. Archives land again through the same path as in an
//! ingest, so a repair may be killed at any moment, run twice, or run at the same time as an
//! ingest, and each row is in silver once. No content is lost: damaged files of logs are copied to
//! another folder, and data files stay until maintenance finds that nobody needs them.

mod damaged_files;
mod plan;
mod redo;
mod report;
mod set_aside;

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;
use object_store::ObjectStore;
use uuid::Uuid;

pub use self::damaged_files::SetAside;
use self::plan::{RepairPlan, SilverPlan};
use self::redo::redo_table;
pub use self::report::{FailedArchive, RepairReport, TableRepair};
use super::MaintainError;
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::delta::log_files::{LogFiles, read};
use crate::delta::replacement::is_empty_commit;
use crate::delta::{TableError, Verb};
use crate::meta::archives::LedgerTable;
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer, TableName};
use crate::verify::ArchiveSource;

/// Which lake is to be repaired, and how.
#[derive(Clone, Debug)]
pub struct Repair {
    pub lake: Lake,
    pub matrix: Arc<Matrix>,
    pub schemas: Arc<Schemas>,
    /// Find out what would be done, and write nothing.
    pub dry_run: bool,
    /// Tables such as `silver.klines`; all if none is named.
    pub tables: Vec<String>,
    /// Compare all values with the archives, and not only how many rows there are.
    pub deep: bool,
    /// Where archives are had from that bronze has dropped.
    pub source: Option<ArchiveSource>,
    /// Archives and files that are read at a time.
    pub threads: usize,
}

impl Repair {
    /// Repairs the lake.
    ///
    /// # Errors
    /// When a table cannot be read or written, or a named one is not there; what was done by then
    /// stays. What is wrong with single archives is in the report.
    pub async fn run(&self, clock: &Clock) -> Result<RepairReport, MaintainError> {
        let run = Uuid::now_v7().simple().to_string();
        let shutdown = Shutdown::default();
        let context = CommitContext { run: run.into(), clock: clock.clone(), shutdown };
        self.lake.format_version().await?;
        let damaged = self.damaged_files().await?;
        if self.dry_run {
            let plan = self.plan_beside(&damaged).await?;
            return Ok(RepairReport::of_plan(&damaged, &plan));
        }
        self.lake.prepare_write().await?;
        let run = Some(Arc::clone(&context.run));
        let mut report = RepairReport { run, ..RepairReport::default() };
        self.set_aside(damaged, &mut report, &context).await?;
        let plan = self.plan(&BTreeSet::new()).await?;
        report.bronze.clone_from(&plan.bronze);
        for table in &plan.silver {
            let repaired = Box::pin(redo_table(self, table, &context)).await?;
            report.add(repaired);
        }
        Ok(report)
    }

    /// Plans what can be planned while damaged files are still in the logs.
    async fn plan_beside(&self, damaged: &[SetAside]) -> Result<RepairPlan, MaintainError> {
        // Without the ledger it is not known what silver should hold, and rejects belong to it.
        let decides = |file: &SetAside| ["meta.archives", "meta.rejects"].contains(&&*file.table);
        if damaged.iter().any(|file| file.torn && decides(file)) {
            return Ok(RepairPlan::default());
        }
        let torn = damaged.iter().filter(|file| file.torn);
        let skipped = torn.filter_map(|file| file.table.strip_prefix("silver."));
        self.plan(&skipped.map(str::to_owned).collect()).await
    }

    /// Takes damaged files out of the logs. The ledger stops to describe a silver table before
    /// commits of that table go: what it says of their versions is not true afterwards.
    async fn set_aside(
        &self,
        damaged: Vec<SetAside>,
        report: &mut RepairReport,
        context: &CommitContext,
    ) -> Result<(), MaintainError> {
        let (meta, others): (Vec<_>, Vec<_>) =
            damaged.into_iter().partition(|file| file.table.starts_with("meta."));
        let rebuild = meta.iter().any(|file| file.torn) || self.ledger_was_set_aside().await?;
        for file in meta {
            self.set_file_aside(&file, &context.clock).await?;
            report.of(&file.table).set_aside.push(file);
        }
        self.distrust(&others, rebuild, context).await?;
        for file in others {
            self.set_file_aside(&file, &context.clock).await?;
            report.of(&file.table).set_aside.push(file);
        }
        if rebuild {
            let matrix = Arc::clone(&self.matrix);
            let rebuilt = LedgerTable::rebuild(&self.lake, matrix, &self.schemas, false, context);
            report.ledger_rebuilt = true;
            Box::pin(rebuilt).await?;
        }
        Ok(())
    }

    /// Returns whether an earlier repair set the newest commit of the ledger aside, and ended
    /// before the ledger was rebuilt.
    async fn ledger_was_set_aside(&self) -> Result<bool, MaintainError> {
        let table = TableName::new(Layer::Meta, "archives");
        let store = self.store_of(&table)?;
        let failed = TableError::cannot(Verb::Read, &table, "its log");
        let files = LogFiles::list(&store).await.map_err(failed)?;
        let Some((_, newest)) = files.commits.last_key_value() else { return Ok(false) };
        Ok(is_empty_commit(&read(&store, &newest.location).await.map_err(failed)?))
    }

    /// Returns the store whose root is a table's folder.
    fn store_of(&self, table: &TableName) -> Result<Arc<dyn ObjectStore>, TableError> {
        let lake = self.lake.storage();
        Ok(lake.join(&format!("{}/{}", table.layer.as_str(), table.name))?.store())
    }

    /// Lets the ledger describe no silver table that loses commits.
    async fn distrust(
        &self,
        damaged: &[SetAside],
        rebuild: bool,
        context: &CommitContext,
    ) -> Result<(), MaintainError> {
        let torn = damaged.iter().filter(|file| file.torn);
        let torn: BTreeSet<&str> =
            torn.filter_map(|file| file.table.strip_prefix("silver.")).collect();
        if torn.is_empty() {
            return Ok(());
        }
        let mut ledger = match LedgerTable::open(&self.lake, Arc::clone(&self.matrix)).await {
            // Nobody can read it before it is rebuilt.
            Err(_) if rebuild => return Ok(()),
            ledger => ledger?,
        };
        for table in torn {
            ledger.distrust(table, context).await?;
        }
        Ok(())
    }

    /// Returns whether a table was named, or none was.
    fn is_chosen(&self, table: &TableName) -> bool {
        self.tables.is_empty() || self.tables.contains(&table.to_string())
    }

    fn silver_name(table: &str) -> TableName {
        TableName::new(Layer::Silver, table)
    }
}
