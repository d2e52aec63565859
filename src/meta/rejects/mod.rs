//! `meta.rejects`: every row of an archive that could not be kept, with the place where it is.

mod rows;

use std::collections::BTreeSet;

use lakehouse_core::decode::Reject;

pub(super) use self::rows::SCHEMA;
use self::rows::to_batch;
use super::table::MetaTable;
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::delta::file::NewFile;
use crate::parquet::rewrite::without_archives;
use crate::storage::lake::Lake;

/// The rows of one archive that could not be kept, if there are any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveRejects<'a> {
    pub(crate) archive: &'a str,
    pub(crate) rows: &'a [Reject],
}

/// The table of rejected rows.
#[derive(Debug)]
pub(crate) struct RejectsTable(MetaTable);

impl RejectsTable {
    /// Opens the table, and creates it when it is missing.
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        MetaTable::open_or_create(lake, &SCHEMA).await.map(Self)
    }

    /// Replaces the recorded rejects of archives with those that were found now.
    ///
    /// Call it before the archives' rows land in silver: whoever sees rows there finds their
    /// rejects here, and a run that died in between replaces its own.
    pub(crate) async fn replace(
        &mut self,
        found: &[ArchiveRejects<'_>],
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let archives: BTreeSet<String> =
            found.iter().map(|rejects| rejects.archive.to_owned()).collect();
        let file = self.write(found, context).await?;
        self.0
            .commit(context, async |table, target| {
                let mut change = without_archives(table, target, &archives).await?;
                change.adds.extend(file.clone());
                let is_empty = change.adds.is_empty() && change.removes.is_empty();
                Ok((!is_empty).then_some(change))
            })
            .await
    }

    /// Writes the rejects to a file; nothing if there are none.
    async fn write(
        &self,
        found: &[ArchiveRejects<'_>],
        context: &CommitContext,
    ) -> Result<Option<NewFile>, TableError> {
        let failed = TableError::arrow(&self.0.delta().spec.name);
        let mut batches = Vec::new();
        for rejects in found.iter().filter(|rejects| !rejects.rows.is_empty()) {
            batches.push(to_batch(rejects, &context.run).map_err(&failed)?);
        }
        if batches.is_empty() {
            return Ok(None);
        }
        self.0.write(&batches).await.map(Some)
    }
}
