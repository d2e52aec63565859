//! A batch of archives of one table becomes data files, and nothing is committed.
//!
//! This may happen more than once: files get names that nothing else uses, and what is reported
//! decides nothing. Decoding runs on several threads, writing on the caller's, in the order of the
//! archives; how far the threads are ahead, and how much waits to be written, is bounded in bytes
//! by one budget ([`crate::memory`]), so memory does not depend on how large or how many the
//! archives are.

use std::collections::VecDeque;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use lakehouse_core::schema::TableSchema;
use tracing::Span;

use super::archive_collector::ArchiveCollector;
use super::batch_files::{BatchContext, BatchFiles};
use super::decode_archive::{DecodeSender, decode_archive};
use super::decode_request::{ArchiveResult, DecodeRequest};
use super::outside::LandedOutside;
use crate::bronze::BronzeArchive;
use crate::delta::TableError;
use crate::parquet::writer::WrittenFile;

/// Messages that a decoding thread may be ahead of the writer: as many as are written at once.
const MESSAGES_AHEAD: usize = 8;

/// The result of decoding a batch.
#[derive(Debug)]
pub(super) struct DecodedBatch {
    pub(super) files: Vec<WrittenFile>,
    /// Files of rejected rows.
    pub(super) rejects: Vec<WrittenFile>,
    pub(super) archives: Vec<ArchiveResult>,
}

/// Decodes archives into data files of the context's table; `archives` are those of the request.
///
/// # Errors
/// When files cannot be written; what is wrong with a single archive is in its result.
pub(super) fn decode_batch(
    request: &DecodeRequest,
    archives: &[BronzeArchive],
    context: &BatchContext,
) -> Result<DecodedBatch, TableError> {
    let sort_columns: Arc<[String]> = context.schema.sort_columns().into();
    let mut files = BatchFiles::new(context, &sort_columns);
    let mut landed_outside = LandedOutside::new();
    let mut decoded = Vec::with_capacity(archives.len());
    let mut work = VecDeque::with_capacity(archives.len());
    let mut inboxes = Vec::with_capacity(archives.len());
    for (bronze, wanted) in archives.iter().zip(&request.archives) {
        // A channel for each archive, so that the writer can take them in order whichever thread is
        // done first.
        let (messages, receiver) = sync_channel(MESSAGES_AHEAD);
        let (turn, account) = context.memory.archive();
        work.push_back((bronze, DecodeSender { messages, account }));
        inboxes.push((bronze, wanted, turn, receiver));
    }
    let work = Mutex::new(work);
    let run = Span::current();
    std::thread::scope(|scope| {
        for _ in 0..context.threads.clamp(1, archives.len().max(1)) {
            scope.spawn(|| run.in_scope(|| decode_next(&work, &context.schema)));
        }
        // Archives are taken by threads in the same order, so the one that the writer waits for is
        // always being decoded, and full channels of later ones cannot block it.
        for (bronze, wanted, turn, messages) in inboxes {
            turn.begin();
            let rejects = files.rejects.archive(bronze.key.path(), &context.memory);
            let mut collector =
                ArchiveCollector::new(&bronze.key, wanted, context, &sort_columns, rejects);
            collector.collect(&messages)?;
            // An archive that was given up is not decoded to its end.
            drop((turn, messages));
            decoded.push(collector.finish(&mut files, &mut landed_outside)?);
        }
        Ok::<(), TableError>(())
    })?;
    let (files, rejects) = files.finish()?;
    Ok(DecodedBatch { files, rejects, archives: decoded })
}

/// An archive that waits for a thread, and where its messages go. A thread owns the sender of its
/// archive, so that the writer notices when the thread dies.
type WorkItem<'a> = (&'a BronzeArchive, DecodeSender);

/// Decodes archives until none is left.
fn decode_next(work: &Mutex<VecDeque<WorkItem<'_>>>, schema: &TableSchema) {
    loop {
        let item = work.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((archive, sender)) = item else { return };
        decode_archive(archive, schema, &sender);
    }
}
