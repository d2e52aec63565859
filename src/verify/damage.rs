//! What verification found in a form that a repair can work with: which archives are to be landed
//! again, which rows and files are to go.

use std::collections::BTreeSet;

use lakehouse_core::schema::TableSchema;

use super::report::{Check, Finding, VerifyReport};
use super::{ArchiveVersion, KnownArchives};

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
    /// Archives whose rows are not those of the archive.
    pub(crate) redo: Vec<ArchiveVersion>,
    /// Archives that have rows in the table and ought to have none.
    pub(crate) take_out: BTreeSet<String>,
    /// Paths of data files that are missing or cannot be read.
    pub(crate) unreadable: Vec<String>,
}

/// Sorts what was found about one table by what helps.
pub(super) fn damage_of(
    schema: &TableSchema,
    known: &KnownArchives,
    findings: Option<&[Finding]>,
    unreadable: Vec<String>,
) -> TableDamage {
    let mut redo: BTreeSet<&str> = BTreeSet::new();
    let mut take_out = BTreeSet::new();
    for finding in findings.unwrap_or_default() {
        match finding.check {
            // Bytes come back from the source only, and data files hold archives of their own.
            Check::Bronze | Check::Checksum | Check::DataFile => {}
            _ if known.contains_key(finding.archive.as_str()) => {
                redo.insert(&finding.archive);
            }
            _ => {
                take_out.insert(finding.archive.clone());
            }
        }
    }
    let versions = redo.into_iter().filter_map(|archive| known.get(archive));
    TableDamage {
        table: schema.table().to_owned(),
        redo: versions.map(|known| known.version.clone()).collect(),
        take_out,
        unreadable,
    }
}
