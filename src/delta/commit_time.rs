//! When versions of a table were committed, by their commits' own records.
//!
//! The times of files are of no use for this: a copy of a lake has other ones. Only a commit that
//! says nothing is dated by its file.

use chrono::{DateTime, Utc};
use object_store::{ObjectMeta, ObjectStore};
use serde::Deserialize;

use super::log_files::{LogFiles, read};

/// Which version was the newest at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VersionAt {
    Version(u64),
    /// The table was not there yet: its oldest version in the log is of this time.
    Before(DateTime<Utc>),
    /// The log has no commits.
    NoCommits,
}

/// Finds the newest version that had been committed by a time, in the table that is the root of
/// `store`.
///
/// Commits are taken to be in the order of their times, as they are unless a clock is wrong; where
/// one is, every copy of the lake still gives the same answer.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn version_at(
    store: &dyn ObjectStore,
    time: DateTime<Utc>,
) -> Result<VersionAt, object_store::Error> {
    let files = LogFiles::list(store).await?;
    let commits: Vec<(u64, ObjectMeta)> = files.commits.into_iter().collect();
    let Some((_, first)) = commits.first() else { return Ok(VersionAt::NoCommits) };
    // The engine dates the commit that makes a table by the clock of the machine, which may not be
    // the clock of the run.
    let mut oldest = commit_time(store, first).await?;
    if let Some((_, second)) = commits.get(1) {
        oldest = oldest.min(commit_time(store, second).await?);
    }
    if oldest > time {
        return Ok(VersionAt::Before(oldest));
    }
    // The first of `commits[low]` was committed by the time, `commits[high]` was not.
    let mut low = 0;
    let mut high = commits.len();
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        let Some((_, file)) = commits.get(middle) else { break };
        if commit_time(store, file).await? <= time {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(commits.get(low).map_or(VersionAt::NoCommits, |(version, _)| VersionAt::Version(*version)))
}

async fn commit_time(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
) -> Result<DateTime<Utc>, object_store::Error> {
    let commit = read(store, &file.location).await?;
    Ok(recorded_time(&commit).unwrap_or(file.last_modified))
}

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "commitInfo")]
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    /// The lake's own record.
    lakehouse: Option<Record>,
    /// Milliseconds since 1970.
    timestamp: Option<i64>,
}

#[derive(Deserialize)]
struct Record {
    at: Option<DateTime<Utc>>,
}

/// Returns when a commit was made, by what stands in it.
pub(crate) fn recorded_time(commit: &[u8]) -> Option<DateTime<Utc>> {
    for line in commit.split(|byte| *byte == b'\n') {
        let Ok(Line { info }) = serde_json::from_slice::<Line>(line) else { continue };
        let recorded = info.lakehouse.and_then(|record| record.at);
        return recorded.or_else(|| DateTime::from_timestamp_millis(info.timestamp?));
    }
    None
}
