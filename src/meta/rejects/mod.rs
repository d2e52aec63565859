//! `meta.rejects`: every row of an archive that could not be kept, with the place where it is.

mod rows;
mod spool;

use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) use self::rows::SCHEMA;
pub(crate) use self::spool::{ArchiveRejects, RejectsSpool, RejectsTarget, bytes_of};
use super::table::{MetaTable, file_target};
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::delta::file::NewFile;
use crate::delta::table::WritableTable;
use crate::parquet::rewrite::without_archives;
use crate::parquet::writer::FileTarget;
use crate::storage::StorageError;
use crate::storage::lake::{Lake, Layer, TableName};

/// Returns how files of rejects are written, whether there is a table of them yet or not.
///
/// # Errors
/// When the lake's location cannot be joined with the table's name.
pub(crate) fn rejects_files(lake: &Lake) -> Result<Arc<FileTarget>, StorageError> {
    let folder = lake.table_storage(&TableName::new(Layer::Meta, SCHEMA.name))?;
    Ok(Arc::new(file_target(&SCHEMA, folder)))
}

/// The table of rejected rows.
#[derive(Debug)]
pub(crate) struct RejectsTable(MetaTable);

impl RejectsTable {
    /// Opens the table, and creates it when it is missing.
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        MetaTable::open_or_create(lake, &SCHEMA).await.map(Self)
    }

    /// Returns the wanted archives that have rejects in a lake; none if it has no such table.
    /// Writes nothing.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(crate) async fn archives(
        lake: &Lake,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<BTreeSet<String>, TableError> {
        let mut archives = BTreeSet::new();
        let Some(table) = MetaTable::open(lake, &SCHEMA).await? else { return Ok(archives) };
        let table = table.delta();
        for file in table.active_files()? {
            rows::for_each_archive_in(table, &file, |archive| {
                if wanted(archive) {
                    archives.insert(archive.to_owned());
                }
            })
            .await?;
        }
        Ok(archives)
    }

    /// Returns the Delta table.
    pub(crate) const fn table(&self) -> &WritableTable {
        self.0.delta()
    }

    /// Deletes files of rejects that will not be recorded.
    pub(crate) async fn discard(&self, files: &[NewFile]) {
        self.0.target().discard(files).await;
    }

    /// Replaces the recorded rejects of archives with those that were found now, which are in
    /// `files`.
    ///
    /// Call it with rejects before the archives' rows land in silver, and without any afterwards:
    /// whoever sees rows there finds their rejects here. A run that died in between leaves rejects
    /// of rows that did not land, which the next run replaces, or those of an earlier version.
    pub(crate) async fn replace(
        &mut self,
        archives: &BTreeSet<String>,
        files: Vec<NewFile>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        self.0
            .commit(context, async |table, target| {
                let mut change = without_archives(table, target, archives).await?;
                change.adds.extend_from_slice(&files);
                let is_empty = change.adds.is_empty() && change.removes.is_empty();
                Ok((!is_empty).then_some(change))
            })
            .await
    }
}
