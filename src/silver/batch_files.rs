//! What the archives of a batch share: what they are decoded with, and the files that they land in.

use std::sync::Arc;

use lakehouse_core::schema::TableSchema;

use super::partition::PartitionSet;
use crate::delta::TableError;
use crate::memory::MemoryBudget;
use crate::meta::rejects::{RejectsSpool, RejectsTarget};
use crate::parquet::writer::{FileTarget, WrittenFile};

/// What decoding needs besides the request.
#[derive(Debug)]
pub(super) struct BatchContext {
    pub(super) schema: Arc<TableSchema>,
    pub(super) target: Arc<FileTarget>,
    pub(super) rejects: RejectsTarget,
    pub(super) threads: usize,
    pub(super) memory: MemoryBudget,
}

/// The files that a batch has so far.
#[derive(Debug)]
pub(super) struct BatchFiles {
    /// Those that small archives share.
    pub(super) shared: PartitionSet,
    pub(super) separate: Vec<WrittenFile>,
    pub(super) rejects: RejectsSpool,
}

impl BatchFiles {
    pub(super) fn new(context: &BatchContext, sort_columns: &Arc<[String]>) -> Self {
        let memory = &context.memory;
        let limit = memory.shared_files();
        let target = Arc::clone(&context.target);
        Self {
            shared: PartitionSet::new(target, Arc::clone(sort_columns), limit, memory.hold()),
            separate: Vec::new(),
            rejects: RejectsSpool::new(context.rejects.clone()),
        }
    }

    /// Closes all files; returns those of rows and those of rejected rows.
    pub(super) fn finish(self) -> Result<(Vec<WrittenFile>, Vec<WrittenFile>), TableError> {
        let mut files = self.separate;
        files.extend(self.shared.finish()?);
        Ok((files, self.rejects.finish()?))
    }
}
