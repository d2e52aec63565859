//! Rows as bytes of one format, given out as they are made: for answers that are sent, where the
//! receiver decides how fast.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;

use super::{Format, OutputError, Sink};

/// Turns batches into bytes of one format.
pub(crate) struct Encoder {
    sink: Sink<Buffer>,
    made: Buffer,
}

impl Encoder {
    /// Begins an answer with these columns.
    ///
    /// # Errors
    /// When the format cannot hold a column.
    pub(crate) fn new(format: Format, schema: &SchemaRef) -> Result<Self, OutputError> {
        let made = Buffer::default();
        let sink = Sink::open(format, made.clone(), schema, None)?;
        Ok(Self { sink, made })
    }

    /// Takes rows in, and returns the bytes that are ready, which may be none.
    ///
    /// # Errors
    /// When a value cannot be written in the format.
    pub(crate) fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, OutputError> {
        self.sink.write(batch)?;
        Ok(self.made.take())
    }

    /// Ends the answer and returns its last bytes.
    ///
    /// # Errors
    /// Like [`Encoder::encode`].
    pub(crate) fn finish(self) -> Result<Vec<u8>, OutputError> {
        self.sink.finish()?;
        Ok(self.made.take())
    }
}

/// Bytes that were written and not yet taken.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
