//! What audits found and still holds, for the figures and for the page.
//!
//! Monitoring asks every few seconds, so that the tables are read only when one has a new version.

use lakehouse_core::audit::OutputTable;
use tokio::sync::Mutex;

use crate::audit::{OpenRows, open_rows};
use crate::delta::TableError;
use crate::query::{LakeCatalog, QueryError};
use crate::storage::lake::{Lake, Layer};

/// The versions of both tables; nothing for one that does not exist.
type Versions = [Option<u64>; 2];

/// What is open, as of the versions at which it was counted.
#[derive(Debug, Default)]
pub(super) struct AuditCounts(Mutex<Option<(Versions, Option<OpenRows>)>>);

/// Why what is open cannot be counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditCountsError {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Table(#[from] TableError),
}

impl AuditCounts {
    /// Returns what is open; nothing if the lake was never audited.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub(super) async fn read(
        &self,
        lake: &Lake,
        catalog: &LakeCatalog,
    ) -> Result<Option<OpenRows>, AuditCountsError> {
        let mut known = self.0.lock().await;
        let tables = [OutputTable::Findings, OutputTable::Gaps].map(OutputTable::as_str);
        let versions = catalog.versions_of(Layer::Meta, tables).await?;
        if let Some((_, open)) = known.as_ref().filter(|(seen, _)| *seen == versions) {
            return Ok(open.clone());
        }
        let open = Box::pin(open_rows(lake, |_| true)).await?;
        *known = Some((versions, open.clone()));
        Ok(open)
    }
}
