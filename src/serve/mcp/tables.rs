//! Tables and columns as an assistant reads them: with what they hold.

use serde::Serialize;

use super::text;
use crate::output::type_name;
use crate::query::{LakeCatalog, QueryError, TableScan};
use crate::storage::lake::TableName;

/// A table in the list.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    table: String,
    /// Nothing where the log does not say it of every file.
    rows: Option<usize>,
    bytes: u64,
    partitioned_by: Vec<String>,
}

/// A table with its columns.
#[derive(Debug, Serialize)]
pub(super) struct Described {
    #[serde(flatten)]
    table: Table,
    sorted_by: Vec<String>,
    columns: Vec<Column>,
}

#[derive(Debug, Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// Lists the tables that can be read.
pub(super) async fn list(catalog: &LakeCatalog) -> Result<Vec<Table>, QueryError> {
    let tables = catalog.open_all().await?;
    Ok(tables.iter().map(|(name, table)| summary(name, table)).collect())
}

/// Describes a table by its name, with or without the schema.
///
/// # Errors
/// When there is no such table, with the names of those there are, or it cannot be read.
pub(super) async fn describe(catalog: &LakeCatalog, name: &str) -> Result<Described, String> {
    let tables = catalog.list().await.map_err(text)?;
    let found = tables.iter().find(|table| table.to_string() == name || table.name == name);
    let Some(found) = found else {
        let names: Vec<String> = tables.iter().map(ToString::to_string).collect();
        return Err(format!("there is no table `{name}`: the lake has {}", names.join(", ")));
    };
    match catalog.open(found).await.map_err(text)? {
        Some(table) => Ok(describe_columns(found, &table)),
        None => Err(format!("there is no table `{name}` any more")),
    }
}

fn describe_columns(name: &TableName, table: &TableScan) -> Described {
    let snapshot = table.snapshot();
    let mut columns = Vec::new();
    for field in snapshot.schema().fields() {
        columns.push(Column {
            name: field.name().clone(),
            data_type: type_name(field.data_type()),
            description: None,
        });
    }
    for (index, comment) in snapshot.comments() {
        if let Some(column) = columns.get_mut(*index) {
            column.description = Some(comment.clone());
        }
    }
    Described { table: summary(name, table), sorted_by: snapshot.sort_columns().to_vec(), columns }
}

fn summary(name: &TableName, table: &TableScan) -> Table {
    let snapshot = table.snapshot();
    Table {
        table: name.to_string(),
        rows: snapshot.files().total_rows(),
        bytes: snapshot.files().total_size(),
        partitioned_by: snapshot.partition_columns().to_vec(),
    }
}
