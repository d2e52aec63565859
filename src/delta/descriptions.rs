//! What tables and columns hold, written where every reader of Delta tables looks for it: the
//! table's description in its metadata, and a comment in the schema's entry of each column.
//!
//! Descriptions never decide anything. Programs from before there were any take the schema with
//! comments for other columns and build a gold table again as a whole, so comments come into an
//! existing gold table only when it is built as a whole, and by maintenance. Otherwise an older and
//! a newer program that take turns would rebuild gold at every turn.

use std::collections::BTreeMap;

use deltalake::DeltaTableError;
use deltalake::kernel::{Metadata, MetadataExt, StructField, StructType};

use super::TableError;
use super::columns::delta_columns;
use super::commit::Change;
use super::table::WritableTable;
use crate::storage::lake::Layer;

/// The entry of a column's metadata that Delta reserves for comments.
const COMMENT: &str = "comment";

/// What a table and its columns hold, in words; all empty where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptions {
    table: String,
    columns: BTreeMap<String, String>,
}

impl Descriptions {
    /// Describes a table and its columns, by their names.
    pub(crate) fn new<'a>(
        table: &str,
        columns: impl IntoIterator<Item = (&'a str, String)>,
    ) -> Self {
        let columns = columns.into_iter().map(|(name, text)| (name.to_owned(), text));
        Self { table: table.to_owned(), columns: columns.collect() }
    }

    /// Returns the description of the table.
    pub(super) fn table(&self) -> &str {
        &self.table
    }

    /// Returns a column with its comment; one that is not described stays as it is.
    pub(super) fn comment_on(&self, column: StructField) -> StructField {
        match self.columns.get(&column.name) {
            Some(text) => column.add_metadata([(COMMENT, text.as_str())]),
            None => column,
        }
    }
}

impl Change {
    /// Adds the descriptions that the log lacks, unless the change has metadata already.
    ///
    /// # Errors
    /// When the table's metadata cannot be read.
    pub(super) fn describe(&mut self, table: &WritableTable) -> Result<(), TableError> {
        if self.metadata.is_none() && table.spec.name.layer != Layer::Gold {
            self.metadata = table.missing_descriptions()?;
        }
        Ok(())
    }
}

impl WritableTable {
    /// Returns the table's metadata with descriptions, if the log has others or none.
    ///
    /// Columns, partitions and properties are those of the log, which a newer program may have
    /// extended. A table of the lake's own gets the columns at its end that its log does not have
    /// yet, because an older program made it.
    ///
    /// # Errors
    /// When the table's metadata cannot be read.
    pub(crate) fn missing_descriptions(&self) -> Result<Option<Metadata>, TableError> {
        if self.spec.descriptions == Descriptions::default() {
            return Ok(None);
        }
        let failed = TableError::delta(&self.spec.name);
        let state = self.delta.snapshot().map_err(&failed)?;
        let known = state.metadata();
        let known_columns = state.schema();
        let columns = known_columns.fields().cloned();
        let columns = columns.map(|column| self.spec.descriptions.comment_on(column));
        let columns = columns.chain(self.later_columns(&known_columns)?);
        let columns = StructType::try_new(columns).map_err(|error| failed(error.into()))?;
        let description = self.spec.descriptions.table();
        if known.description() == Some(description) && *known_columns == columns {
            return Ok(None);
        }
        described(known, &columns, description).map(Some).map_err(failed)
    }
}

impl WritableTable {
    /// Returns the columns of one of the lake's own tables that are not in its log; files that were
    /// written before have NULL there.
    fn later_columns(&self, known: &StructType) -> Result<Vec<StructField>, TableError> {
        if self.spec.name.layer != Layer::Meta {
            return Ok(Vec::new());
        }
        let mut columns = delta_columns(&self.spec)?;
        columns.retain(|column| column.is_nullable() && known.field(column.name()).is_none());
        Ok(columns)
    }
}

fn described(
    known: &Metadata,
    columns: &StructType,
    description: &str,
) -> Result<Metadata, DeltaTableError> {
    let metadata = known.clone().with_schema(columns)?;
    Ok(metadata.with_description(description.to_owned())?)
}

/// Returns columns as they would be if nobody had commented on them.
///
/// # Errors
/// Never for the columns of a table that exists.
pub(super) fn without_comments(columns: &StructType) -> Result<StructType, DeltaTableError> {
    let bare = columns.fields().cloned().map(|mut column: StructField| {
        column.metadata.remove(COMMENT);
        column
    });
    Ok(StructType::try_new(bare)?)
}
