//! Rejected rows on their way to a file: written as they come, and taken back if they are too many.
//!
//! The rows of most archives, if there are any, share one file. An archive with more than may wait
//! in memory gets a separate one, which is deleted when the archive turns out to be rejected as a
//! whole: of its rows, which all say the same then, the first few are enough.

use std::sync::Arc;

use lakehouse_core::decode::Reject;

use super::rows::to_batch;
use crate::delta::TableError;
use crate::memory::{MemoryBudget, Reservation};
use crate::parquet::writer::{DataFileWriter, FileTarget, WrittenFile};

/// Rejected rows that an archive may have; one with more is not what its schema says.
const REJECTED_ROWS: u64 = 100_000;
/// Bytes of rejected rows, as they are kept, that an archive may have.
const REJECTED_BYTES: u64 = 128 << 20;
/// Rejected rows that are kept of an archive that is rejected as a whole.
const REJECTS_KEPT: usize = 100;
/// Bytes of one archive's rejects that wait in memory.
const WAITING_BYTES: usize = 2 << 20;
/// Bytes of a row group, and of the memory that a file takes.
const ROW_GROUP_BYTES: usize = 4 << 20;

/// Where rejects are written, and for which run.
#[derive(Clone, Debug)]
pub(crate) struct RejectsTarget {
    pub(crate) target: Arc<FileTarget>,
    pub(crate) run: Arc<str>,
}

/// The rejects of a batch of archives, on their way into files that no commit names yet.
#[derive(Debug)]
pub(crate) struct RejectsSpool {
    target: RejectsTarget,
    shared: RejectsFile,
    files: Vec<WrittenFile>,
}

/// The rejects of one archive.
#[derive(Debug)]
pub(crate) struct ArchiveRejects {
    target: RejectsTarget,
    archive: String,
    /// Rows and bytes that were found.
    rows: u64,
    bytes: u64,
    first: Vec<Reject>,
    waiting: Vec<Reject>,
    waiting_bytes: usize,
    separate: RejectsFile,
    memory: Reservation,
}

impl RejectsTarget {
    /// Writes rejects of archives that have few into one file.
    pub(crate) fn write(
        &self,
        rejects: &[(String, Vec<Reject>)],
    ) -> Result<Vec<WrittenFile>, TableError> {
        let mut file = RejectsFile(None);
        for (archive, rejects) in rejects {
            file.write(self, archive, rejects)?;
        }
        Ok(file.finish()?.into_iter().collect())
    }
}

impl RejectsSpool {
    /// Begins a batch; nothing is written before there is a reject.
    pub(crate) const fn new(target: RejectsTarget) -> Self {
        Self { target, shared: RejectsFile(None), files: Vec::new() }
    }

    /// Begins an archive.
    pub(crate) fn archive(&self, archive: &str, memory: &MemoryBudget) -> ArchiveRejects {
        ArchiveRejects {
            target: self.target.clone(),
            archive: archive.to_owned(),
            rows: 0,
            bytes: 0,
            first: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            separate: RejectsFile(None),
            memory: memory.hold(),
        }
    }

    /// Keeps all rejects of an archive.
    pub(crate) fn keep(&mut self, mut rejects: ArchiveRejects) -> Result<(), TableError> {
        if rejects.separate.0.is_some() {
            rejects.write_waiting()?;
            self.files.extend(rejects.separate.finish()?);
            return Ok(());
        }
        self.shared.write(&self.target, &rejects.archive, &rejects.waiting)
    }

    /// Keeps the first rejects of an archive that is rejected as a whole.
    pub(crate) fn keep_first(&mut self, rejects: ArchiveRejects) -> Result<(), TableError> {
        rejects.separate.discard();
        self.shared.write(&self.target, &rejects.archive, &rejects.first)
    }

    /// Ends the files.
    pub(crate) fn finish(mut self) -> Result<Vec<WrittenFile>, TableError> {
        self.files.extend(self.shared.finish()?);
        Ok(self.files)
    }
}

impl ArchiveRejects {
    /// Adds rows that were rejected; all are counted, also those that are too many to be kept.
    pub(crate) fn add(&mut self, rejects: Vec<Reject>) -> Result<(), TableError> {
        for reject in rejects {
            let bytes = bytes_of(&reject);
            self.rows += 1;
            self.bytes += bytes as u64;
            if self.first.len() < REJECTS_KEPT {
                self.first.push(reject.clone());
            }
            if self.too_many() {
                continue;
            }
            self.waiting.push(reject);
            self.waiting_bytes += bytes;
        }
        if self.waiting_bytes > WAITING_BYTES {
            self.write_waiting()?;
        }
        self.memory.resize(self.waiting_bytes + self.separate.memory_size());
        Ok(())
    }

    /// Returns how many rows were rejected.
    pub(crate) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Returns the first of them.
    pub(crate) fn first(&self) -> Option<&Reject> {
        self.first.first()
    }

    /// Returns whether an archive with so many is none of its kind.
    pub(crate) const fn too_many(&self) -> bool {
        self.rows > REJECTED_ROWS || self.bytes > REJECTED_BYTES
    }

    fn write_waiting(&mut self) -> Result<(), TableError> {
        self.waiting_bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        self.separate.write(&self.target, &self.archive, &waiting)
    }
}

/// A file of rejects, once there are any.
#[derive(Debug)]
struct RejectsFile(Option<DataFileWriter>);

impl RejectsFile {
    fn write(
        &mut self,
        RejectsTarget { target, run }: &RejectsTarget,
        archive: &str,
        rejects: &[Reject],
    ) -> Result<(), TableError> {
        if rejects.is_empty() {
            return Ok(());
        }
        let rows = to_batch(archive, rejects, run).map_err(TableError::arrow(target.table()))?;
        let writer = match &mut self.0 {
            Some(writer) => writer,
            empty => empty.insert(DataFileWriter::create(target, Vec::new())?),
        };
        writer.write(&[rows])?;
        if writer.memory_size() > ROW_GROUP_BYTES {
            writer.end_row_group()?;
        }
        Ok(())
    }

    fn memory_size(&self) -> usize {
        self.0.as_ref().map_or(0, DataFileWriter::memory_size)
    }

    fn finish(&mut self) -> Result<Option<WrittenFile>, TableError> {
        self.0.take().map(|writer| writer.finish(None)).transpose()
    }

    fn discard(self) {
        if let Some(writer) = self.0 {
            writer.discard();
        }
    }
}

/// Returns the bytes of a reject, with those of its fields.
pub(crate) fn bytes_of(reject: &Reject) -> usize {
    let Reject { column, value, reason, raw, .. } = reject;
    size_of::<Reject>() + column.len() + value.len() + reason.len() + raw.len()
}
