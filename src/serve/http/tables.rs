//! `/api/tables.json`: what can be read, for the tree of tables and the tables' pages.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use crate::output::type_name;
use crate::query::{QueryError, TableScan};
use crate::storage::lake::TableName;

#[derive(Serialize)]
struct Table {
    name: String,
    /// Nothing where the log does not say it of every file.
    rows: Option<String>,
    bytes: String,
    version: u64,
    partitioned_by: Vec<String>,
    sorted_by: Vec<String>,
    columns: Vec<Column>,
}

#[derive(Serialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    nullable: bool,
}

/// Lists the tables with their columns.
pub(super) async fn list(State(shared): State<Shared>) -> Response {
    match Box::pin(read(&shared)).await {
        Ok(tables) => Json(tables).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

async fn read(shared: &Shared) -> Result<Vec<Table>, QueryError> {
    let tables = shared.session.catalog().open_all().await?;
    Ok(tables.iter().map(|(name, table)| describe(name, table)).collect())
}

fn describe(name: &TableName, table: &TableScan) -> Table {
    let snapshot = table.snapshot();
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| Column {
        name: field.name().clone(),
        data_type: type_name(field.data_type()),
        nullable: field.is_nullable(),
    };
    Table {
        name: name.to_string(),
        rows: snapshot.files().total_rows().map(|rows| rows.to_string()),
        bytes: snapshot.files().total_size().to_string(),
        version: snapshot.version(),
        partitioned_by: snapshot.partition_columns().to_vec(),
        sorted_by: snapshot.sort_columns().to_vec(),
        columns: snapshot.schema().fields().iter().map(column).collect(),
    }
}
