//! `/api/overview.json`: totals, how fresh each table is, the last runs, and what failed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::tables::provisional_of;
use super::{Shared, failure};
use crate::audit::OpenRows;
use crate::error_chain::messages;
use crate::meta::changes::Correction;
use crate::query::{QueryError, Session, TableScan};
use crate::serve::engine::StatementEngine;
use crate::serve::status::StatusCacheError;
use crate::status::{FailureRecord, LakeStatus, ProvisionalRows, RunRecord, Totals};
use crate::storage::lake::{Layer, TableName};

/// Failures, and corrections, that are listed.
const LISTED: usize = 100;

#[derive(Serialize)]
struct Overview<'a> {
    today: NaiveDate,
    totals: Totals,
    /// Rows that no archive has yet, by table; absent without any.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    provisional: &'a [ProvisionalRows],
    tables: Vec<Freshness>,
    runs: &'a [RunRecord],
    failures: Vec<FailureRecord<'a>>,
    corrections: Corrections,
    audit: Option<&'a OpenRows>,
}

/// How new a table is.
#[derive(Serialize)]
struct Freshness {
    name: String,
    rows: Option<String>,
    /// Rows of a table of silver that no archive has yet; absent without any.
    #[serde(skip_serializing_if = "Option::is_none")]
    provisional: Option<String>,
    version: u64,
    committed_at: Option<DateTime<Utc>>,
    /// The last day of which it has rows; nothing where it is not partitioned by day.
    last_day: Option<NaiveDate>,
}

/// The newest corrections, and how many there are.
#[derive(Serialize)]
struct Corrections {
    rows: Vec<Correction>,
    total: usize,
}

/// Why the overview cannot be given.
#[derive(Debug, thiserror::Error)]
enum OverviewError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Status(#[from] StatusCacheError),
}

pub(super) async fn get(State(shared): State<Shared>) -> Response {
    match Box::pin(read(&shared)).await {
        Ok(overview) => overview,
        Err(error) => failure(&messages(&error).join(": ")),
    }
}

async fn read(shared: &Shared) -> Result<Response, OverviewError> {
    let engine = &shared.engine;
    let status = Box::pin(engine.status()).await?;
    let tables = Box::pin(fresh_tables(shared)).await?;
    let corrections = Box::pin(corrections(&shared.session)).await?;
    Ok(Json(Overview::new(&status, tables, corrections)).into_response())
}

impl<'a> Overview<'a> {
    fn new(status: &'a LakeStatus, tables: Vec<Freshness>, corrections: Corrections) -> Self {
        Self {
            today: status.today,
            totals: status.totals(),
            provisional: &status.provisional,
            tables,
            runs: &status.runs,
            failures: status.failures.iter().take(LISTED).map(FailureRecord::new).collect(),
            corrections,
            audit: status.audit.as_ref(),
        }
    }
}

async fn fresh_tables(shared: &Shared) -> Result<Vec<Freshness>, QueryError> {
    let found = shared.session.catalog().open_all().await?;
    let mut tables = Vec::new();
    for (name, table) in &found {
        let provisional = provisional_of(&found, name);
        let fresh = freshness(&shared.engine, name, table).await?;
        tables.push(Freshness { provisional, ..fresh });
    }
    Ok(tables)
}

async fn freshness(
    engine: &StatementEngine,
    name: &TableName,
    table: &TableScan,
) -> Result<Freshness, QueryError> {
    let snapshot = table.snapshot();
    Ok(Freshness {
        name: name.to_string(),
        rows: snapshot.files().total_rows().map(|rows| rows.to_string()),
        provisional: None,
        version: snapshot.version(),
        committed_at: engine.commit_times().of(snapshot).await?,
        last_day: snapshot.last_day(),
    })
}

/// Reads the newest corrections, however many there are.
async fn corrections(session: &Session) -> Result<Corrections, QueryError> {
    let changes = TableName::new(Layer::Meta, "changes");
    let sql = format!(
        "SELECT * FROM meta.changes ORDER BY committed_at DESC, silver_table DESC, \
         silver_version DESC, archive DESC LIMIT {LISTED}"
    );
    let rows: Vec<Correction> = session.rows_if_any(&changes, &sql).await?;
    let table = session.catalog().open(&changes).await?;
    let total = table.and_then(|table| table.snapshot().files().total_rows());
    Ok(Corrections { total: total.unwrap_or(rows.len()), rows })
}
