//! What the lake holds by series and day, for the page.
//!
//! It is read from the whole ledger, so that it is read again only when a table that it is made of
//! has a new version, or a new day has begun. While others commit all the time, reading takes a
//! bounded part of the time, however large the ledger is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use tokio::sync::Mutex;

use super::engine::ServedLake;
use crate::meta::scope::Scope;
use crate::query::{LakeCatalog, QueryError, Session, SessionOptions};
use crate::status::{LakeStatus, StatusError};
use crate::storage::lake::{Layer, TableName};

/// The tables of `meta` that a status is made of.
const TABLES: [&str; 4] = ["archives", "runs", "findings", "gaps"];

/// The versions of the tables that a status is made of.
#[derive(Debug, PartialEq, Eq)]
struct Versions {
    /// Nothing for one that does not exist.
    meta: [Option<u64>; TABLES.len()],
    /// Tables of provisional rows, by name.
    recent: Vec<(String, u64)>,
}

impl Versions {
    async fn read(catalog: &LakeCatalog) -> Result<Self, QueryError> {
        let meta = catalog.versions_of(Layer::Meta, TABLES).await?;
        let mut recent = Vec::new();
        for name in catalog.list_layer(Layer::Recent).await? {
            let table = Box::pin(catalog.open(&TableName::new(Layer::Recent, &name))).await?;
            recent.extend(table.map(|table| (name, table.snapshot().version())));
        }
        Ok(Self { meta, recent })
    }
}

/// How long a status is good enough although tables have new versions: so many times as long as it
/// took to read.
const REST: u32 = 10;

/// The last status that was read.
#[derive(Debug, Default)]
pub(super) struct StatusCache(Mutex<Option<Known>>);

/// A status, and what it is of.
#[derive(Debug)]
struct Known {
    versions: Versions,
    status: Arc<LakeStatus>,
    reading: Reading,
}

/// When a status was read, and how long that took.
#[derive(Clone, Copy, Debug)]
struct Reading {
    end: Instant,
    took: Duration,
}

impl Reading {
    fn since(begin: Instant, end: Instant) -> Self {
        Self { end, took: end.saturating_duration_since(begin) }
    }

    /// Returns whether it is too early to read again.
    fn is_recent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.end) < self.took * REST
    }
}

/// Why the status cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum StatusCacheError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The thread that reads ended without an answer.
    #[error("the status was not read to its end")]
    Thread(#[from] tokio::task::JoinError),
}

impl StatusCache {
    /// Returns the status; whoever comes while it is read waits for it.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub(super) async fn read(
        &self,
        lake: &ServedLake,
        catalog: &LakeCatalog,
    ) -> Result<Arc<LakeStatus>, StatusCacheError> {
        let mut known = self.0.lock().await;
        let versions = Versions::read(catalog).await?;
        let today = lake.clock.now().date_naive();
        let begin = Instant::now();
        if let Some(known) = known.as_ref()
            && known.status.today == today
            && (known.versions == versions || known.reading.is_recent(begin))
        {
            return Ok(Arc::clone(&known.status));
        }
        let status = Arc::new(read(lake.clone(), today).await?);
        let reading = Reading::since(begin, Instant::now());
        *known = Some(Known { versions, status: Arc::clone(&status), reading });
        Ok(status)
    }
}

/// Reads on a thread that may block: the ledger is decoded there.
async fn read(lake: ServedLake, today: NaiveDate) -> Result<LakeStatus, StatusCacheError> {
    let runtime = tokio::runtime::Handle::current();
    let reading =
        tokio::task::spawn_blocking(move || runtime.block_on(Box::pin(read_here(&lake, today))));
    reading.await?
}

async fn read_here(lake: &ServedLake, today: NaiveDate) -> Result<LakeStatus, StatusCacheError> {
    let scope = Scope::default();
    let mut status = LakeStatus::read(&lake.lake, &lake.matrix, &scope, today).await?;
    let session = Session::open(&lake.lake, SessionOptions::default())?;
    status.find_provisional_days(&session, &scope).await?;
    Ok(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_time_that_reading_takes_is_bounded() {
        let begin = Instant::now();
        let end = begin + Duration::from_secs(3);
        let reading = Reading::since(begin, end);
        assert!(reading.is_recent(end + Duration::from_secs(29)));
        assert!(!reading.is_recent(end + Duration::from_secs(30)));
        assert!(!Reading::since(begin, begin).is_recent(begin));
    }
}
