//! One archive decoded again, to the rows that silver should have of it; nothing is written.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use chrono::NaiveDate;
use lakehouse_core::schema::TableSchema;
use thiserror::Error;

use super::decode::{Piece, decode_archive};
use super::rows::{RowCompleter, by_day};
use super::table_spec;
use super::unit::Fault;
use crate::fetch::BronzeArchive;

/// Pieces that decoding may be ahead.
const PIECES_AHEAD: usize = 4;

/// Why an archive could not be read again.
#[derive(Debug, Error)]
pub(crate) enum Reread {
    #[error("{0}")]
    Archive(String),
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

/// Decodes an archive and hands out its rows day by day, with all columns of a data file.
///
/// # Errors
/// When the archive cannot be read to its end, or `take` fails.
pub(crate) fn reread(
    bronze: &BronzeArchive,
    schema: &TableSchema,
    mut take: impl FnMut(NaiveDate, &RecordBatch) -> Result<(), ArrowError>,
) -> Result<(), Reread> {
    let stored: SchemaRef = table_spec(schema).file_schema();
    let completer = RowCompleter::new(Arc::clone(&stored), &bronze.key);
    let (sender, pieces) = sync_channel(PIECES_AHEAD);
    std::thread::scope(|scope| {
        // The channel ends with this thread, so a decoder that still sends stops too.
        let pieces = pieces;
        scope.spawn(move || decode_archive(bronze, schema, &sender));
        while let Ok(piece) = pieces.recv() {
            match piece {
                Piece::Rows(rows) => {
                    for (date, rows) in by_day(&completer.complete(&rows)?, schema.event_time())? {
                        take(date, &rows)?;
                    }
                }
                Piece::End(None) => return Ok(()),
                Piece::End(Some(Fault::Rejected(reason) | Fault::Failed(reason))) => {
                    return Err(Reread::Archive(reason));
                }
                Piece::Opened(_) | Piece::Rejects(_) => {}
            }
        }
        Err(Reread::Archive("decoding stopped before the archive's end".to_owned()))
    })
}
