//! What verification found in a form that a repair can work with: which archives are to be landed
//! again, which rows and files are to go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use lakehouse_core::schema::TableSchema;

use super::ArchiveVersion;
use super::report::VerifyReport;

/// The result of a verification, with what follows from it.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) report: VerifyReport,
    /// One for each silver table that was looked at.
    pub(crate) damages: Vec<TableDamage>,
}

/// What is wrong with one silver table.
#[derive(Debug)]
pub(crate) struct TableDamage {
    /// The table's name in silver.
    pub(crate) table: String,
    /// The version of the table that was looked at; -1 where there is none.
    pub(crate) verified: i64,
    /// Archives whose rows are not those of the archive.
    pub(crate) redo: Vec<ArchiveVersion>,
    /// Archives that have rows in the table and ought to have none.
    pub(crate) take_out: BTreeSet<String>,
    /// Paths of data files that are missing or cannot be read.
    pub(crate) unreadable: Vec<String>,
}

/// Collects what helps against what is found in one table.
///
/// Bytes of bronze come back from the source only, so what is wrong with them is not in here.
#[derive(Debug)]
pub(super) struct DamageCollector {
    table: String,
    redo: BTreeMap<Arc<str>, ArchiveVersion>,
    pub(super) take_out: BTreeSet<String>,
    pub(super) unreadable: Vec<String>,
}

impl DamageCollector {
    pub(super) fn new(schema: &TableSchema) -> Self {
        Self {
            table: schema.table().to_owned(),
            redo: BTreeMap::new(),
            take_out: BTreeSet::new(),
            unreadable: Vec::new(),
        }
    }

    /// Takes note of an archive whose rows are not those of the archive.
    pub(super) fn redo(&mut self, version: &ArchiveVersion) {
        self.redo.insert(version.key.shared_path(), version.clone());
    }

    /// Returns what was found in this version of the table.
    pub(super) fn finish(self, verified: i64) -> TableDamage {
        let Self { table, redo, take_out, unreadable } = self;
        let redo = redo.into_values().collect();
        TableDamage { table, verified, redo, take_out, unreadable }
    }
}
