//! Descriptions of tables and columns, brought into tables that were made without them.

use lakehouse_core::gold::Model;

use super::Maintain;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext, Committed, commit};
use crate::delta::descriptions::Descriptions;
use crate::delta::table::WritableTable;
use crate::storage::lake::{Layer, TableName};
use crate::{gold, meta, recent, silver};

impl Maintain {
    /// Writes the descriptions that the table's log lacks; returns whether there were any.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(super) async fn describe(
        &self,
        table: &mut WritableTable,
        context: &CommitContext,
    ) -> Result<bool, TableError> {
        if !self.lacks_descriptions(table)? {
            return Ok(false);
        }
        let landed = commit(table, context, async |table: &WritableTable| {
            let Some(metadata) = table.missing_descriptions()? else { return Ok(None) };
            let metadata = Some(metadata);
            Ok::<_, TableError>(Some(Change { metadata, data_change: false, ..Change::default() }))
        });
        Ok(landed.await? != Committed::Unneeded)
    }

    /// Returns whether the table's log has no descriptions, or others than this program.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(super) fn lacks_descriptions(&self, table: &mut WritableTable) -> Result<bool, TableError> {
        table.spec.descriptions = self.descriptions(&table.spec.name).unwrap_or_default();
        Ok(table.missing_descriptions()?.is_some())
    }

    /// Returns what is known about a table; nothing for one that others put into the lake, or whose
    /// model is gone.
    fn descriptions(&self, name: &TableName) -> Option<Descriptions> {
        match name.layer {
            Layer::Silver => self.schemas.get(&name.name).map(silver::descriptions),
            Layer::Recent => self.schemas.get(&name.name).map(recent::descriptions),
            Layer::Gold => self.model(&name.name).map(gold::descriptions),
            Layer::Meta => meta::descriptions(&name.name),
        }
    }

    fn model(&self, name: &str) -> Option<&Model> {
        self.models.models().iter().find(|model| model.name() == name)
    }
}
