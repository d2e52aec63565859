//! A statement that is planned and has not begun: what it will read is known, and where its rows
//! are computed is still open.

use std::any::Any;
use std::collections::HashSet;
use std::fmt::{Debug, Formatter};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::ExecutionPlan;
use futures::future::BoxFuture;

use super::error::QueryError;

/// The rows of a statement, of which none is computed before they begin.
pub(crate) struct PlannedRows {
    reads: PlannedReads,
    begin: BoxFuture<'static, Result<SendableRecordBatchStream, QueryError>>,
}

/// What a plan reads of data files at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PlannedReads {
    pub(crate) files: usize,
    pub(crate) bytes: u64,
}

impl Debug for PlannedRows {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlannedRows").field("reads", &self.reads).finish_non_exhaustive()
    }
}

impl PlannedRows {
    /// Makes rows that `begin` begins.
    pub(super) fn new(
        reads: PlannedReads,
        begin: impl Future<Output = Result<SendableRecordBatchStream, QueryError>> + Send + 'static,
    ) -> Self {
        Self { reads, begin: Box::pin(begin) }
    }

    /// Returns rows of a stream that computes nothing before it is read.
    pub(crate) fn of(rows: SendableRecordBatchStream) -> Self {
        Self::new(PlannedReads::default(), async { Ok(rows) })
    }

    /// Returns what is read for them at most.
    pub(crate) const fn reads(&self) -> PlannedReads {
        self.reads
    }

    /// Begins to compute the rows, on the threads of whoever waits for this.
    ///
    /// # Errors
    /// When the plan cannot be run.
    pub(crate) async fn begin(self) -> Result<SendableRecordBatchStream, QueryError> {
        self.begin.await
    }
}

/// Returns what a plan reads of data files at most: all bytes of each that it names.
pub(super) fn planned_reads(plan: &Arc<dyn ExecutionPlan>) -> Result<PlannedReads> {
    let mut files = HashSet::new();
    let mut bytes = 0;
    for_each_file(plan, |file| {
        files.insert(file.object_meta.location.clone());
        bytes += file.range.as_ref().map_or(file.object_meta.size, |range| {
            range.end.saturating_sub(range.start).try_into().unwrap_or_default()
        });
    })?;
    Ok(PlannedReads { files: files.len(), bytes })
}

/// Visits each data file that a plan names, once for each part of it.
pub(super) fn for_each_file(
    plan: &Arc<dyn ExecutionPlan>,
    mut visit: impl FnMut(&PartitionedFile),
) -> Result<()> {
    plan.apply(|node| {
        let node: &dyn Any = node.as_ref();
        if let Some(scan) = node.downcast_ref::<DataSourceExec>()
            && let Some(scan) =
                (scan.data_source().as_ref() as &dyn Any).downcast_ref::<FileScanConfig>()
        {
            scan.file_groups.iter().flat_map(FileGroup::files).for_each(&mut visit);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}
