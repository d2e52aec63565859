//! What a repair did, or would do, for people and for programs.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::damaged_files::SetAside;
use super::plan::RepairPlan;
use crate::verify::Finding;

/// What one repair came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RepairReport {
    /// Whether nothing was written, and this is what would be done.
    pub dry_run: bool,
    /// The identifier in the commits of a run that may write.
    #[serde(skip)]
    pub run: Option<Arc<str>>,
    /// Only tables with something to do.
    pub tables: Vec<TableRepair>,
    /// Whether `meta.archives` and `meta.changes` were made again from silver.
    pub ledger_rebuilt: bool,
    /// What a repair cannot help with: bytes that bronze has lost.
    pub bronze: Vec<Finding>,
}

/// What was done to one table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TableRepair {
    /// Such as `silver.klines`.
    pub table: String,
    /// Files that were moved out of the log.
    pub set_aside: Vec<SetAside>,
    /// Data files that were missing or could not be read, and belong to the table no more.
    pub dropped_files: Vec<String>,
    /// Archives whose rows ought not to be there, and were taken out.
    pub taken_out: Vec<String>,
    /// Archives whose rows were landed again.
    pub redone: Vec<String>,
    pub failed: Vec<FailedArchive>,
}

/// An archive that could not be repaired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedArchive {
    pub archive: String,
    pub reason: String,
}

impl TableRepair {
    pub(super) fn fail(&mut self, archive: &str, reason: String) {
        self.failed.push(FailedArchive { archive: archive.to_owned(), reason });
    }
}

impl RepairReport {
    /// Returns whether something is left that is not as it should be.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        !self.bronze.is_empty() || self.tables.iter().any(|table| !table.failed.is_empty())
    }

    /// Returns the part about a table, which is begun if there is none.
    pub(super) fn of(&mut self, table: &str) -> &mut TableRepair {
        let at = self.tables.iter().position(|known| known.table == table);
        let at = at.unwrap_or_else(|| {
            self.tables.push(TableRepair { table: table.to_owned(), ..TableRepair::default() });
            self.tables.len() - 1
        });
        &mut self.tables[at]
    }

    pub(super) fn add(&mut self, done: TableRepair) {
        let table = self.of(&done.table);
        let set_aside = std::mem::take(&mut table.set_aside);
        *table = TableRepair { set_aside, ..done };
    }

    /// Describes what would be done.
    pub(super) fn of_plan(damaged: &[SetAside], plan: &RepairPlan) -> Self {
        let mut report = Self { dry_run: true, bronze: plan.bronze.clone(), ..Self::default() };
        for file in damaged {
            report.of(&file.table).set_aside.push(file.clone());
        }
        for planned in &plan.silver {
            report.add(TableRepair {
                table: format!("silver.{}", planned.table),
                dropped_files: planned.unreadable.clone(),
                taken_out: planned.take_out.iter().cloned().collect(),
                redone: planned.redo.keys().map(ToString::to_string).collect(),
                ..TableRepair::default()
            });
        }
        report
    }
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            table.describe(self.dry_run, f)?;
        }
        if self.ledger_rebuilt {
            writeln!(f, "meta.archives, meta.changes: made again from silver")?;
        }
        for finding in &self.bronze {
            let Finding { archive, found, .. } = finding;
            writeln!(f, "bronze: {archive}: {found}; ingest it with --force-redownload")?;
        }
        if self.tables.is_empty() && self.bronze.is_empty() {
            writeln!(f, "nothing to repair")?;
        }
        Ok(())
    }
}

impl TableRepair {
    fn describe(&self, dry_run: bool, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        let done = |planned, done| if dry_run { planned } else { done };
        for file in &self.set_aside {
            let SetAside { path, reason, torn, .. } = file;
            let verb = done("would set aside", "set aside");
            writeln!(f, "{table}: {verb} {path}: {reason}")?;
            if *torn && dry_run {
                writeln!(f, "{table}: and would load again what that held")?;
            }
        }
        for file in &self.dropped_files {
            writeln!(f, "{table}: {} {file}", done("would leave out", "left out"))?;
        }
        for archive in &self.taken_out {
            let verb = done("would take out", "took out");
            writeln!(f, "{table}: {verb} rows of {archive}")?;
        }
        for archive in &self.redone {
            writeln!(f, "{table}: {} {archive}", done("would load again", "loaded again"))?;
        }
        for FailedArchive { archive, reason } in &self.failed {
            writeln!(f, "{table}: cannot load again {archive}: {reason}")?;
        }
        let is_torn = self.set_aside.iter().any(|file| file.torn);
        if is_torn && table.starts_with("gold.") {
            writeln!(f, "{table}: run `lakehouse gold` to build again what that held")?;
        }
        Ok(())
    }
}
