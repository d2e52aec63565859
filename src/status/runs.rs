//! The last runs, from `meta.runs`.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::query::{QueryError, Session};
use crate::storage::lake::{Layer, TableName};

/// Runs that are shown.
const LAST_RUNS: usize = 10;

/// One run that had something to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub run: String,
    pub command: String,
    pub started_at: DateTime<Utc>,
    pub seconds: f64,
    /// `done`, `incomplete`, `interrupted`, or what stopped it.
    pub outcome: String,
    #[serde(default)]
    pub archives_new: u64,
    #[serde(default)]
    pub archives_corrected: u64,
    #[serde(default)]
    pub archives_failed: u64,
    #[serde(default)]
    pub rows: u64,
    #[serde(default)]
    pub rejected_rows: u64,
    /// Bytes that were downloaded.
    #[serde(default)]
    pub bytes: u64,
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
