//! One archive decoded again, to the rows that silver should have of it; nothing is written.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use super::decode_archive::{DecodeMessage, DecodeSender, decode_archive};
use super::decode_request::Fault;
use super::rows::{ArchiveColumns, by_day};
use super::table_spec;
use crate::bronze::BronzeArchive;
use crate::memory::MemoryBudget;

/// Messages that decoding may be ahead.
const MESSAGES_AHEAD: usize = 4;

/// Bytes that they and their decoder may take.
const BYTES_AHEAD: usize = 64 << 20;

/// Why an archive could not be read again.
#[derive(Debug, Error)]
pub(crate) enum RereadError {
    #[error("{0}")]
    Archive(String),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Decodes an archive and passes on its rows day by day, with all columns of a data file.
///
/// # Errors
/// When the archive cannot be read to its end, or `take` fails.
pub(crate) fn reread(
    bronze: &BronzeArchive,
    schema: &TableSchema,
    mut take: impl FnMut(NaiveDate, &RecordBatch) -> Result<(), ArrowError>,
) -> Result<(), RereadError> {
    let stored: SchemaRef = table_spec(schema).file_schema();
    let columns = ArchiveColumns::new(Arc::clone(&stored), &bronze.key);
    let (messages, receiver) = sync_channel(MESSAGES_AHEAD);
    let (turn, account) = MemoryBudget::new(BYTES_AHEAD).archive();
    let sender = DecodeSender { messages, account };
    turn.begin();
    std::thread::scope(|scope| {
        // The channel ends with this thread, so a decoder that still sends stops too.
        let messages = receiver;
        let _turn = turn;
        scope.spawn(move || decode_archive(bronze, schema, &sender));
        while let Ok(message) = messages.recv() {
            match message {
                DecodeMessage::Rows(rows) => {
                    for (date, rows) in
                        by_day(&columns.complete(&rows.value)?, schema.event_time())?
                    {
                        take(date, &rows)?;
                    }
                }
                DecodeMessage::End(None) => return Ok(()),
                DecodeMessage::End(Some(Fault::Rejected(reason) | Fault::Failed(reason))) => {
                    return Err(RereadError::Archive(reason));
                }
                DecodeMessage::Opened(_) | DecodeMessage::Rejects(_) => {}
            }
        }
        Err(RereadError::Archive("decoding stopped before the archive's end".to_owned()))
    })
}
