//! Archives that are to be in the table no more: their rows go in one commit, which records that
//! they were removed, so that whoever follows the log does not take them for lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::names::days::DaySet;
use lakehouse_core::overlap::HeldArchive;

use super::SilverTable;
use super::held_days::take_out;
use crate::delta::TableError;
use crate::delta::commit::{CommitContext, Committed, commit};
use crate::delta::log::ComparedRecord;
use crate::delta::table::WritableTable;
use crate::parquet::rewrite::{Removal, without};

impl SilverTable {
    /// Takes out all rows of archives that were looked up, and returns the version without them;
    /// nothing if the table holds none of them.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(crate) async fn remove(
        &mut self,
        archives: &BTreeSet<String>,
        context: &CommitContext,
    ) -> Result<Option<i64>, TableError> {
        let Self { table, target, matrix, index, .. } = self;
        let landed = commit(table, context, async |table: &WritableTable| {
            index.catch_up(table).await?;
            let mut records = Vec::new();
            let mut removal = Removal::default();
            for archive in archives {
                if let Some(held) = index.held_archive(archive) {
                    match matrix.identify(archive) {
                        Ok(key) => take_out(&mut removal, archive, held, key.period()),
                        Err(_) => removal.whole(archive),
                    }
                    records.push(record(archive, held));
                }
            }
            if records.is_empty() {
                return Ok(None);
            }
            let mut change = without(table, &Arc::clone(target), &removal).await?;
            change.compared = records;
            Ok::<_, TableError>(Some(change))
        });
        let Committed::At(version) = landed.await? else { return Ok(None) };
        self.index.catch_up(&self.table).await?;
        Ok(Some(version))
    }
}

/// Says that an archive has no rows any more. Programs that do not know removals take it for one
/// that is held and owns no day.
fn record(archive: &str, held: &HeldArchive) -> ComparedRecord {
    ComparedRecord {
        archive: archive.to_owned(),
        sha256: held.sha256.to_string(),
        rows: 0,
        days: Some(DaySet::NONE),
        competing_version: None,
        yielded: false,
        removed: true,
        outside: Some(Vec::new()),
        reason: "removed with `lakehouse remove`".to_owned(),
    }
}
