//! When the tables' newest versions were committed, for the page.
//!
//! It stands in the commit itself, which is read once for each version.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tokio::sync::Mutex;

use crate::query::{QueryError, TableSnapshot, history};

/// A version, and when it was committed.
type Committed = (u64, Option<DateTime<Utc>>);

/// The last known version of each table, by the table's identity.
#[derive(Debug, Default)]
pub(super) struct CommitTimes(Mutex<HashMap<String, Committed>>);

impl CommitTimes {
    /// Returns when a version was committed; nothing where its commit is not in the log any more.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(super) async fn of(
        &self,
        snapshot: &TableSnapshot,
    ) -> Result<Option<DateTime<Utc>>, QueryError> {
        let version = snapshot.version();
        if let Some((seen, time)) = self.0.lock().await.get(snapshot.id())
            && *seen == version
        {
            return Ok(*time);
        }
        let newest = Box::pin(history(snapshot.url(), version, 1)).await?;
        let time = newest.first().and_then(|commit| commit.committed_at);
        self.0.lock().await.insert(snapshot.id().to_owned(), (version, time));
        Ok(time)
    }
}
