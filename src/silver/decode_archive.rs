//! One archive from its file to batches: unzip and decode, in messages of bounded size.
//!
//! A large archive is unzipped on another thread than it is decoded on, because no archive can be
//! unzipped from the middle: reading takes as long as the slower of the two, and not as both.

use std::any::Any;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SendError, SyncSender, sync_channel};
use std::thread;

use arrow::array::RecordBatch;
use lakehouse_core::decode::unzip::{ArchiveMember, UnzipError, UnzipLimits, open_archive};
use lakehouse_core::decode::{DecodeError, DecodeOptions, Decoder, Reject};
use lakehouse_core::foreign::shown;
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use super::decode_request::Fault;
use crate::bronze::BronzeArchive;
use crate::events::archive_span;
use crate::failpoint::may_panic;
use crate::memory::{Account, Held};
use crate::meta::rejects::bytes_of;

/// Bytes of CSV that are unpacked at a time.
const STEP: usize = 256 * 1024;
/// Bytes of CSV above which another thread is worth its start.
const LARGE: u64 = 8 << 20;
/// Steps that unzipping may be ahead.
const STEPS_AHEAD: usize = 4;
/// Bytes of CSV that are parsed before what comes of them is sent: if every line is a reject, those
/// take a hundred times as many.
const PARSED_AT_ONCE: usize = 32 * 1024;
/// Bytes that decoding a large archive takes: the steps, the decoder's buffers, the next batch.
const DECODER_BYTES: usize = 8 << 20;
/// Bytes that decoding takes for each byte of a small archive's CSV, and whatever its size.
const DECODER_RATIO: u64 = 4;
const DECODER_LEAST: u64 = 128 * 1024;

/// What comes out of an archive, in this order: its size, then rows and rejects, then how it ended.
#[derive(Debug)]
pub(super) enum DecodeMessage {
    /// Bytes of CSV, as the zip's directory states them.
    Opened(u64),
    Rows(Held<RecordBatch>),
    Rejects(Held<Vec<Reject>>),
    End(Option<Fault>),
}

/// Where the messages of one archive go, and what they take of the memory.
#[derive(Debug)]
pub(super) struct DecodeSender {
    pub(super) messages: SyncSender<DecodeMessage>,
    pub(super) account: Account,
}

impl DecodeSender {
    /// Sends rows once there is room for them.
    fn send_rows(&self, rows: RecordBatch) -> Result<(), DecodeStop> {
        let bytes = rows.get_array_memory_size();
        let rows = self.account.hold(rows, bytes).ok_or(DecodeStop::Disconnected)?;
        Ok(self.messages.send(DecodeMessage::Rows(rows))?)
    }

    /// Sends rejects once there is room for them.
    fn send_rejects(&self, rejects: Vec<Reject>) -> Result<(), DecodeStop> {
        let bytes = rejects.iter().map(bytes_of).sum();
        let rejects = self.account.hold(rejects, bytes).ok_or(DecodeStop::Disconnected)?;
        Ok(self.messages.send(DecodeMessage::Rejects(rejects))?)
    }
}

/// Decodes an archive and sends what comes out; stops early when the receiver is gone.
///
/// A panic is a failure of this archive, and of nothing else.
pub(super) fn decode_archive(archive: &BronzeArchive, schema: &TableSchema, sender: &DecodeSender) {
    let _span = archive_span(&archive.key).entered();
    // Nothing that is used again is left half-changed: what this owns is dropped on the way.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(archive, schema, sender)));
    let fault = match decoded {
        Ok(Ok(())) => None,
        Ok(Err(DecodeStop::Disconnected)) => return,
        Ok(Err(DecodeStop::Unzip(UnzipError::Io(error)))) => Some(Fault::Failed(error.to_string())),
        Ok(Err(DecodeStop::Unzip(error))) => Some(Fault::Rejected(error.to_string())),
        Ok(Err(DecodeStop::Decode(error))) => Some(Fault::Rejected(error.to_string())),
        Ok(Err(DecodeStop::Open(error))) => {
            Some(Fault::Failed(format!("cannot open {}: {error}", archive.file.display())))
        }
        Err(panic) => Some(Fault::Failed(describe_panic(&*panic))),
    };
    // A receiver that is gone has given the batch up.
    let _ = sender.messages.send(DecodeMessage::End(fault));
}

fn describe_panic(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = shown(text.unwrap_or("without a message"));
    format!("decoding it panicked ({text}), which is a fault of the program; please report it")
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
    sender: &DecodeSender,
) -> Result<(), DecodeStop> {
    may_panic(archive.key.path());
    let mut member = open_archive(archive.open()?, UnzipLimits::default())?;
    // The size comes first, because it decides where the rows are put.
    sender.messages.send(DecodeMessage::Opened(member.size()))?;
    let memory = sender.account.reserve(decoder_bytes(member.size()));
    let _memory = memory.ok_or(DecodeStop::Disconnected)?;
    let key = &archive.key;
    let decoder = Decoder::new(schema, key.market(), key.symbol(), DecodeOptions::default())?;
    let mut decoder = decoder.of_period(key.period(), key.interval());
    let mut parse = |bytes: &[u8]| {
        for bytes in bytes.chunks(PARSED_AT_ONCE) {
            decoder.push(bytes)?;
            send_ready(&mut decoder, sender)?;
        }
        Ok(())
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
    send_ready(&mut decoder, sender)
}

/// Returns about how many bytes the decoding of so many bytes of CSV takes.
fn decoder_bytes(size: u64) -> usize {
    let bytes = size.saturating_mul(DECODER_RATIO).saturating_add(DECODER_LEAST);
    usize::try_from(bytes).map_or(DECODER_BYTES, |bytes| bytes.min(DECODER_BYTES))
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

fn send_ready(decoder: &mut Decoder, sender: &DecodeSender) -> Result<(), DecodeStop> {
    while let Some(batch) = decoder.next_batch() {
        sender.send_rows(batch)?;
    }
    let rejects = decoder.take_rejects();
    if rejects.is_empty() { Ok(()) } else { sender.send_rejects(rejects) }
}
