//! `/api/tables.json`: what can be read, for the tree of tables and the tables' pages; and
//! `/api/history.json`: what the last versions of a table did.

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::sql::fault;
use super::{Shared, failure};
use crate::error_chain::messages;
use crate::output::type_name;
use crate::query::{self, Commit, QueryError, TableScan};
use crate::storage::lake::{Layer, TableName};

#[derive(Serialize)]
struct Table {
    name: String,
    description: Option<String>,
    /// Nothing where the log does not say it of every file.
    rows: Option<String>,
    /// Rows of a table of silver that no archive has yet; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    provisional: Option<String>,
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
    description: Option<String>,
}

/// Versions whose commits are read at most.
const COMMITS: usize = 50;

#[derive(Clone, Debug, Deserialize)]
pub(super) struct WantedTable {
    table: String,
}

/// Says what the last versions of a table did, the newest first.
pub(super) async fn history(
    State(shared): State<Shared>,
    Query(wanted): Query<WantedTable>,
) -> Response {
    match Box::pin(commits(&shared, &wanted.table)).await {
        Ok(Some(commits)) => Json(commits).into_response(),
        Ok(None) => {
            let reason = format!("the lake has no table {}", wanted.table);
            fault(StatusCode::NOT_FOUND, &reason, None)
        }
        Err(error) => failure(&messages(&error).join(": ")),
    }
}

async fn commits(shared: &Shared, table: &str) -> Result<Option<Vec<Commit>>, QueryError> {
    for (name, scan) in shared.session.catalog().open_all().await? {
        if name.to_string() == table {
            let snapshot = scan.snapshot();
            let commits = query::history(snapshot.url(), snapshot.version(), COMMITS).await?;
            return Ok(Some(commits));
        }
    }
    Ok(None)
}

/// Lists the tables with their columns.
pub(super) async fn list(State(shared): State<Shared>) -> Response {
    match Box::pin(read(&shared)).await {
        Ok(tables) => Json(tables).into_response(),
        Err(error) => failure(&messages(&error).join(": ")),
    }
}

async fn read(shared: &Shared) -> Result<Vec<Table>, QueryError> {
    let tables = shared.session.catalog().open_all().await?;
    let described = tables.iter().map(|(name, table)| Table {
        provisional: provisional_of(&tables, name),
        ..describe(name, table)
    });
    Ok(described.collect())
}

/// Returns how many provisional rows there are of a table of silver, if there are any and the log
/// says it.
pub(super) fn provisional_of(
    tables: &[(TableName, TableScan)],
    name: &TableName,
) -> Option<String> {
    if name.layer != Layer::Silver {
        return None;
    }
    let is_meant = |other: &TableName| other.layer == Layer::Recent && other.name == name.name;
    let (_, recent) = tables.iter().find(|(other, _)| is_meant(other))?;
    let rows = recent.snapshot().files().total_rows()?;
    (rows > 0).then(|| rows.to_string())
}

fn describe(name: &TableName, table: &TableScan) -> Table {
    let snapshot = table.snapshot();
    let mut columns = Vec::new();
    for field in snapshot.schema().fields() {
        let data_type = type_name(field.data_type());
        let nullable = field.is_nullable();
        columns.push(Column { name: field.name().clone(), data_type, nullable, description: None });
    }
    for (index, comment) in snapshot.comments() {
        if let Some(column) = columns.get_mut(*index) {
            column.description = Some(comment.clone());
        }
    }
    Table {
        name: name.to_string(),
        description: snapshot.description().map(str::to_owned),
        rows: snapshot.files().total_rows().map(|rows| rows.to_string()),
        provisional: None,
        bytes: snapshot.files().total_size().to_string(),
        version: snapshot.version(),
        partitioned_by: snapshot.partition_columns().to_vec(),
        sorted_by: snapshot.sort_columns().to_vec(),
        columns,
    }
}
