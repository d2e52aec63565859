//! One archive from its file to batches: unzip and decode, in messages of bounded size.
//!
//! A large archive is unzipped on another thread than it is decoded on, because no archive can be
//! unzipped from the middle: reading takes as long as the slower of the two, and not as both.

use std::fs::File;
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::thread;

use arrow::array::RecordBatch;
use lakehouse_core::decode::unzip::{ArchiveMember, UnzipError, UnzipLimits, open_archive};
use lakehouse_core::decode::{DecodeError, DecodeOptions, Decoder, Reject};
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use super::decode_batch::Fault;
use crate::bronze::BronzeArchive;
use crate::events::archive_span;

/// Bytes of CSV that are unpacked at a time.
const STEP: usize = 256 * 1024;
/// Bytes of CSV above which another thread is worth its start.
const LARGE: u64 = 8 << 20;
/// Steps that unzipping may be ahead.
const STEPS_AHEAD: usize = 4;

/// What comes out of an archive, in this order: its size, then rows and rejects, then how it ended.
#[derive(Debug)]
pub(super) enum DecodeMessage {
    /// Bytes of CSV, as the zip's directory states them.
    Opened(u64),
    Rows(RecordBatch),
    Rejects(Vec<Reject>),
    End(Option<Fault>),
}

/// Decodes an archive and sends what comes out; stops early when the receiver is gone.
pub(super) fn decode_archive(
    archive: &BronzeArchive,
    schema: &TableSchema,
    messages: &SyncSender<DecodeMessage>,
) {
    let _span = archive_span(&archive.key).entered();
    let fault = match decode(archive, schema, messages) {
        Ok(()) => None,
        Err(DecodeStop::Disconnected) => return,
        Err(DecodeStop::Unzip(UnzipError::Io(error))) => Some(Fault::Failed(error.to_string())),
        Err(DecodeStop::Unzip(error)) => Some(Fault::Rejected(error.to_string())),
        Err(DecodeStop::Decode(error)) => Some(Fault::Rejected(error.to_string())),
        Err(DecodeStop::Open(error)) => {
            Some(Fault::Failed(format!("cannot open {}: {error}", archive.file.display())))
        }
    };
    // A receiver that is gone has given the batch up.
    let _ = messages.send(DecodeMessage::End(fault));
}

#[derive(Debug, Error)]
enum DecodeStop {
    #[error("the receiver is gone")]
    Disconnected,
    #[error(transparent)]
    Open(#[from] std::io::Error),
    #[error(transparent)]
    Unzip(#[from] UnzipError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl<T> From<SendError<T>> for DecodeStop {
    fn from(_: SendError<T>) -> Self {
        Self::Disconnected
    }
}

fn decode(
    archive: &BronzeArchive,
    schema: &TableSchema,
    messages: &SyncSender<DecodeMessage>,
) -> Result<(), DecodeStop> {
    let mut member = open_archive(File::open(&archive.file)?, UnzipLimits::default())?;
    // The size comes first, because it decides where the rows are put.
    messages.send(DecodeMessage::Opened(member.size()))?;
    let key = &archive.key;
    let decoder = Decoder::new(schema, key.market(), key.symbol(), DecodeOptions::default())?;
    let mut decoder = decoder.of_period(key.period());
    let mut parse = |bytes: &[u8]| {
        decoder.push(bytes)?;
        send_ready(&mut decoder, messages)
    };
    if member.size() > LARGE {
        unzip_on_thread(member, parse)?;
    } else {
        let mut buffer = vec![0; step_for(member.size())];
        while let read @ 1.. = member.fill(&mut buffer)? {
            parse(&buffer[..read])?;
        }
    }
    decoder.finish()?;
    send_ready(&mut decoder, messages)
}

/// Returns the bytes to unpack at a time: one more than there are, so that the first step shows
/// that there are no more.
fn step_for(size: u64) -> usize {
    usize::try_from(size.saturating_add(1)).map_or(STEP, |size| size.min(STEP))
}

/// Unzips on another thread what `parse` is given here, in order.
fn unzip_on_thread(
    mut member: ArchiveMember<File>,
    mut parse: impl FnMut(&[u8]) -> Result<(), DecodeStop>,
) -> Result<(), DecodeStop> {
    thread::scope(|scope| {
        let (sender, steps) = sync_channel(STEPS_AHEAD);
        // Buffers come back when they are parsed; there are never more than these.
        let (used, free) = sync_channel(STEPS_AHEAD);
        (0..STEPS_AHEAD).try_for_each(|_| used.send(vec![0; STEP]))?;
        let unzip = scope.spawn(move || unzip(&mut member, &free, &sender));
        while let Ok((buffer, read)) = steps.recv() {
            parse(&buffer[..read])?;
            // A thread that has ended takes none back.
            let _ = used.send(buffer);
        }
        let died = |_| Err(std::io::Error::other("the thread that unzips died").into());
        unzip.join().unwrap_or_else(died)
    })
}

type Buffer = Vec<u8>;

/// Fills buffers until all is read; stops early when the parser is gone.
fn unzip(
    member: &mut ArchiveMember<File>,
    free: &Receiver<Buffer>,
    steps: &SyncSender<(Buffer, usize)>,
) -> Result<(), DecodeStop> {
    for mut buffer in free {
        let read = member.fill(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        steps.send((buffer, read))?;
    }
    Ok(())
}

fn send_ready(
    decoder: &mut Decoder,
    messages: &SyncSender<DecodeMessage>,
) -> Result<(), DecodeStop> {
    while let Some(batch) = decoder.next_batch() {
        messages.send(DecodeMessage::Rows(batch))?;
    }
    let rejects = decoder.take_rejects();
    if !rejects.is_empty() {
        messages.send(DecodeMessage::Rejects(rejects))?;
    }
    Ok(())
}
