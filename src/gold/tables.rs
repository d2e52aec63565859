//! Which tables a model can read, what columns they have before they exist, and where models come
//! from.

use std::collections::BTreeSet;
use std::path::Path;
use std::{fs, io};

use arrow::datatypes::SchemaRef;
use lakehouse_core::gold::{Model, ModelColumn, Models};
use lakehouse_core::schema::{SHARED_COLUMNS, Schemas, TableSchema};

use super::GoldError;
use super::error::BuildError;
use crate::delta::descriptions::Descriptions;
use crate::meta::archives::LedgerTable;
use crate::meta::series::SeriesTable;
use crate::query::read_schema;
use crate::storage::lake::{Layer, TableName};

/// The meta tables from which anything can be derived that rebuilding the lake would not change.
fn meta_tables() -> [(TableName, SchemaRef); 2] {
    [(LedgerTable::name(), LedgerTable::schema()), (SeriesTable::name(), SeriesTable::schema())]
}

/// Reads the models of the program and those in a folder: every `*.sql` file in it is one.
///
/// # Errors
/// When the folder cannot be read; what is wrong with a model is with the model.
pub fn load_models(schemas: &Schemas, folder: Option<&Path>) -> Result<Models, GoldError> {
    let own = match folder {
        Some(folder) => read_folder(folder)
            .map_err(|source| GoldError::Folder { folder: folder.display().to_string(), source })?,
        None => Vec::new(),
    };
    let silver = schemas.iter().map(|schema| TableName::new(Layer::Silver, schema.table()));
    let meta = meta_tables().into_iter().map(|(name, _)| name);
    let tables: BTreeSet<TableName> = silver.chain(meta).collect();
    Ok(Models::new(&own, &tables))
}

/// Returns the tables that the program can fill, with those of models.
#[must_use]
pub fn known_tables(schemas: &Schemas, models: &Models) -> Vec<TableName> {
    let silver = schemas.iter().map(|schema| TableName::new(Layer::Silver, schema.table()));
    silver.chain(models.names().into_iter().map(|name| TableName::new(Layer::Gold, name))).collect()
}

/// Describes a model's table and columns in words, as the header has them.
pub(crate) fn descriptions(model: &Model) -> Descriptions {
    let partitions = model.partitioning().columns();
    let partitions = SHARED_COLUMNS.iter().filter(|(name, _)| partitions.contains(name));
    let partitions = partitions.map(|(name, doc)| (*name, (*doc).to_owned()));
    let columns = model.columns().iter().map(|column| (column.name.as_str(), with_unit(column)));
    Descriptions::new(model.description(), partitions.chain(columns))
}

fn with_unit(column: &ModelColumn) -> String {
    match column.unit.as_str() {
        "" => column.description.clone(),
        unit => format!("{} [{unit}]", column.description),
    }
}

/// Reads every `*.sql` file of a folder, as pairs of its path and its text.
pub(crate) fn read_folder(folder: &Path) -> io::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        // A pipe that has such a name would be waited for.
        if path.extension().is_some_and(|extension| extension == "sql") && path.is_file() {
            let text = fs::read_to_string(&path)?;
            files.push((path.display().to_string(), text));
        }
    }
    files.sort();
    Ok(files)
}

/// Returns the columns of a table of silver, recent or meta as a query would see them, whether it
/// exists or not.
pub(super) fn declared_schema(
    schemas: &Schemas,
    input: &TableName,
) -> Result<SchemaRef, BuildError> {
    let declared = match input.layer {
        Layer::Silver | Layer::Recent => schemas.get(&input.name).map(TableSchema::table_schema),
        Layer::Meta => {
            let mut known = meta_tables().into_iter();
            known.find(|(name, _)| name == input).map(|(_, schema)| schema)
        }
        Layer::Gold => None,
    };
    // Inputs were checked when models were read, and models come after those that they read.
    let declared = declared.ok_or_else(|| BuildError::Upstream(input.to_string()))?;
    Ok(read_schema(&declared))
}
