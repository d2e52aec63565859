//! What the versions of a table did, as their commits say.

use chrono::{DateTime, Utc};
use deltalake::DeltaTableBuilder;
use deltalake::logstore::LogStoreRef;
use serde::{Deserialize, Serialize};
use url::Url;

use super::error::QueryError;
use crate::delta::commit_time::recorded_time;
use crate::delta::damage::LogError;

/// What one version did.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Commit {
    pub(crate) version: u64,
    pub(crate) committed_at: Option<DateTime<Utc>>,
    /// The writer's word for it.
    pub(crate) operation: Option<String>,
    /// The run of this program that made it.
    pub(crate) run: Option<String>,
    /// Archives whose rows came.
    pub(crate) archives: usize,
    /// Archives whose rows took the place of another version's.
    pub(crate) corrections: usize,
    pub(crate) files_added: usize,
    pub(crate) files_removed: usize,
    /// Rows of the files that came; nothing where the commit does not count them.
    pub(crate) rows_added: Option<u64>,
}

/// Reads what the last versions of a table did, the newest first, until one whose commit is not in
/// the log any more.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn history(
    url: &Url,
    newest: u64,
    count: usize,
) -> Result<Vec<Commit>, QueryError> {
    let failed = |source: LogError| QueryError::table(url, source);
    let builder = DeltaTableBuilder::from_url(url.clone()).map_err(|error| failed(error.into()))?;
    let log = builder.build_storage().map_err(|error| failed(error.into()))?;
    let mut commits = Vec::new();
    for version in (0..=newest).rev().take(count) {
        match read(&log, version).await.map_err(failed)? {
            Some(commit) => commits.push(commit),
            None => break,
        }
    }
    Ok(commits)
}

async fn read(log: &LogStoreRef, version: u64) -> Result<Option<Commit>, LogError> {
    let Some(text) = log.read_commit_entry(version).await? else { return Ok(None) };
    let mut commit = Commit {
        version,
        committed_at: recorded_time(&text),
        rows_added: Some(0),
        ..Commit::default()
    };
    for line in text.split(|byte| *byte == b'\n') {
        // Lines of a kind that is not counted are of no interest here.
        if let Ok(action) = serde_json::from_slice(line) {
            count(&mut commit, action);
        }
    }
    Ok(Some(commit))
}

fn count(commit: &mut Commit, action: Action) {
    match action {
        Action::CommitInfo { operation, lakehouse } => {
            commit.operation = operation;
            let Some(record) = lakehouse else { return };
            commit.run = Some(record.run);
            commit.archives = record.archives.len();
            commit.corrections = record.corrections.len();
        }
        Action::Add { stats } => {
            let rows = stats.and_then(|text| serde_json::from_str::<Statistics>(&text).ok());
            let rows = rows.and_then(|statistics| statistics.rows);
            commit.files_added += 1;
            commit.rows_added = commit.rows_added.zip(rows).map(|(sum, rows)| sum + rows);
        }
        Action::Remove {} => commit.files_removed += 1,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    CommitInfo { operation: Option<String>, lakehouse: Option<Record> },
    Add { stats: Option<String> },
    Remove {},
}

/// The parts of the lake's own record that are counted.
#[derive(Deserialize)]
struct Record {
    run: String,
    #[serde(default)]
    archives: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    corrections: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Statistics {
    #[serde(rename = "numRecords")]
    rows: Option<u64>,
}
