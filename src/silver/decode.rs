//! One archive from its file to batches: unzip and decode, in pieces of bounded size.

use std::fs::File;
use std::sync::mpsc::{SendError, SyncSender};

use arrow::array::RecordBatch;
use lakehouse_core::decode::{DecodeError, DecodeOptions, Decoder, Reject};
use lakehouse_core::schema::TableSchema;
use lakehouse_core::unzip::{UnzipError, UnzipLimits, open_archive};
use thiserror::Error;

use super::unit::Fault;
use crate::fetch::BronzeArchive;
use crate::report::archive_span;

/// Bytes of CSV that are unpacked at a time.
const STEP: usize = 256 * 1024;

/// What comes out of an archive, in this order: its size, then rows and rejects, then how it ended.
#[derive(Debug)]
pub(super) enum Piece {
    /// Bytes of CSV, as the zip's directory states them.
    Opened(u64),
    Rows(RecordBatch),
    Rejects(Vec<Reject>),
    End(Option<Fault>),
}

/// Decodes an archive and sends what comes out; stops early when nobody listens any more.
pub(super) fn decode_archive(archive: &BronzeArchive, schema: &TableSchema, pieces: &SyncSender<Piece>) {
    let _span = archive_span(&archive.key).entered();
    let fault = match decode(archive, schema, pieces) {
        Ok(()) => None,
        Err(Stop::Unheard) => return,
        Err(Stop::Unzip(UnzipError::Io(error))) => Some(Fault::Failed(error.to_string())),
        Err(Stop::Unzip(error)) => Some(Fault::Rejected(error.to_string())),
        Err(Stop::Decode(error)) => Some(Fault::Rejected(error.to_string())),
        Err(Stop::Open(error)) => Some(Fault::Failed(format!("cannot open {}: {error}", archive.file.display()))),
    };
    // Nobody listening is no fault of the archive's.
    let _ = pieces.send(Piece::End(fault));
}

#[derive(Debug, Error)]
enum Stop {
    #[error("nobody listens")]
    Unheard,
    #[error(transparent)]
    Open(#[from] std::io::Error),
    #[error(transparent)]
    Unzip(#[from] UnzipError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl<T> From<SendError<T>> for Stop {
    fn from(_: SendError<T>) -> Self {
        Self::Unheard
    }
}

fn decode(archive: &BronzeArchive, schema: &TableSchema, pieces: &SyncSender<Piece>) -> Result<(), Stop> {
    let mut member = open_archive(File::open(&archive.file)?, UnzipLimits::default())?;
    pieces.send(Piece::Opened(member.size()))?;
    let key = &archive.key;
    let mut decoder = Decoder::new(schema, key.market(), key.symbol(), DecodeOptions::default())?;
    let mut buffer = vec![0; STEP];
    loop {
        let read = member.fill(&mut buffer)?;
        if read == 0 {
            decoder.finish()?;
            return send_ready(&mut decoder, pieces);
        }
        decoder.push(&buffer[..read])?;
        send_ready(&mut decoder, pieces)?;
    }
}

fn send_ready(decoder: &mut Decoder, pieces: &SyncSender<Piece>) -> Result<(), Stop> {
    while let Some(batch) = decoder.next_batch() {
        pieces.send(Piece::Rows(batch))?;
    }
    let rejects = decoder.take_rejects();
    if !rejects.is_empty() {
        pieces.send(Piece::Rejects(rejects))?;
    }
    Ok(())
}
