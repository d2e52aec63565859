//! What the lake holds by series and day, for the page.
//!
//! It is read from the whole ledger, so that it is read again only when a table that it is made of
//! has a new version, or a new day has begun.

use std::sync::Arc;

use chrono::NaiveDate;
use tokio::sync::Mutex;

use super::engine::ServedLake;
use crate::meta::scope::Scope;
use crate::query::{LakeCatalog, QueryError};
use crate::status::{LakeStatus, StatusError};
use crate::storage::lake::Layer;

/// The tables of `meta` that a status is made of.
const TABLES: [&str; 4] = ["archives", "runs", "findings", "gaps"];

/// The versions of the tables; nothing for one that does not exist.
type Versions = [Option<u64>; TABLES.len()];

/// The status as of the versions and the day at which it was read.
#[derive(Debug, Default)]
pub(super) struct StatusCache(Mutex<Option<(Versions, Arc<LakeStatus>)>>);

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
        let versions = catalog.versions_of(Layer::Meta, TABLES).await?;
        let today = lake.clock.now().date_naive();
        let is_current =
            |seen: &Versions, status: &LakeStatus| *seen == versions && status.today == today;
        if let Some((seen, status)) = known.as_ref()
            && is_current(seen, status)
        {
            return Ok(Arc::clone(status));
        }
        let status = Arc::new(read(lake.clone(), today).await?);
        *known = Some((versions, Arc::clone(&status)));
        Ok(status)
    }
}

/// Reads on a thread that may block: the ledger is decoded there.
async fn read(lake: ServedLake, today: NaiveDate) -> Result<LakeStatus, StatusCacheError> {
    let runtime = tokio::runtime::Handle::current();
    let reading = tokio::task::spawn_blocking(move || {
        let scope = Scope::default();
        runtime.block_on(Box::pin(LakeStatus::read(&lake.lake, &lake.matrix, &scope, today)))
    });
    Ok(reading.await??)
}
