//! The last runs, from `meta.runs`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::query::{QueryError, Session};
use crate::storage::lake::{Layer, TableName};

/// Runs that are shown.
const LAST_RUNS: usize = 10;

/// One run that had something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    pub(crate) run: String,
    pub(crate) command: String,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) seconds: f64,
    /// `done`, `incomplete`, `interrupted`, or what stopped it.
    pub(crate) outcome: String,
    #[serde(default)]
    pub(crate) archives_new: u64,
    #[serde(default)]
    pub(crate) archives_corrected: u64,
    #[serde(default)]
    pub(crate) archives_failed: u64,
    #[serde(default)]
    pub(crate) rows: u64,
    #[serde(default)]
    pub(crate) rejected_rows: u64,
    /// Bytes that were downloaded.
    #[serde(default)]
    pub(crate) bytes: u64,
}

/// Returns the last runs, the newest first.
pub(super) async fn last_runs(session: &Session) -> Result<Vec<RunRecord>, QueryError> {
    let sql = format!(
        "SELECT run, command, started_at, seconds, outcome, archives_new, archives_corrected, \
         archives_failed, rows, rejected_rows, bytes FROM meta.runs \
         ORDER BY started_at DESC, run DESC LIMIT {LAST_RUNS}"
    );
    session.rows_if_any(&TableName::new(Layer::Meta, "runs"), &sql).await
}
