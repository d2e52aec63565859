//! Rows as the JSON of the interface: columns with their types, and every value as a text, so that
//! no reader rounds a number.
//!
//! `{"columns": [{"name", "type", "numeric"}], "rows": [["1.5", null]], "more": false,
//! "seconds": 0.01, "files": 2}`, with `"error"` at the end when the statement failed after its
//! first rows.

use std::time::Instant;

use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde::Serialize;

use super::statement::Answer;
use crate::output::type_name;
use crate::query::OpenedFiles;

/// An answer that is being written.
pub(super) struct JsonRows {
    text: Vec<u8>,
    rows: usize,
    max_rows: Option<usize>,
    /// Whether rows were left out.
    more: bool,
    begin: Instant,
    opened: OpenedFiles,
}

#[derive(Serialize)]
struct Column<'a> {
    name: &'a str,
    #[serde(rename = "type")]
    data_type: String,
    numeric: bool,
}

#[derive(Serialize)]
struct End<'a> {
    more: bool,
    seconds: f64,
    /// Data files that were read for the rows.
    files: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl JsonRows {
    /// Begins to write an answer, `max_rows` rows of it at most.
    pub(super) fn new(answer: &Answer, max_rows: Option<usize>) -> Self {
        let columns: Vec<_> = answer
            .schema()
            .fields()
            .iter()
            .map(|field| Column {
                name: field.name(),
                data_type: type_name(field.data_type()),
                numeric: field.data_type().is_numeric(),
            })
            .collect();
        let columns = serde_json::to_string(&columns).unwrap_or_default();
        let text = format!("{{\"columns\":{columns},\"rows\":[").into_bytes();
        let begin = answer.begin();
        let opened = answer.opened().clone();
        Self { text, rows: 0, max_rows, more: false, begin, opened }
    }

    /// Returns whether rows were left out already.
    pub(super) const fn is_full(&self) -> bool {
        self.more
    }

    /// Says that no more rows are written, though there are more.
    pub(super) const fn cut(&mut self) {
        self.more = true;
    }

    /// Takes rows in, and returns the bytes that are ready.
    ///
    /// # Errors
    /// When a value cannot be written as a text.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, String> {
        let left = self.max_rows.map_or(batch.num_rows(), |most| most - self.rows);
        self.more = left < batch.num_rows();
        let rows = left.min(batch.num_rows());
        self.write_rows(&batch.slice(0, rows)).map_err(|error| error.to_string())?;
        Ok(std::mem::take(&mut self.text))
    }

    fn write_rows(&mut self, batch: &RecordBatch) -> Result<(), Box<dyn std::error::Error>> {
        let options = FormatOptions::new();
        let mut columns = Vec::with_capacity(batch.num_columns());
        for column in batch.columns() {
            columns.push((
                column.logical_nulls(),
                ArrayFormatter::try_new(column.as_ref(), &options)?,
            ));
        }
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(columns.len());
            for (nulls, formatter) in &columns {
                let is_null = nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
                cells.push((!is_null).then(|| formatter.value(row).try_to_string()).transpose()?);
            }
            if self.rows > 0 {
                self.text.push(b',');
            }
            serde_json::to_writer(&mut self.text, &cells)?;
            self.rows += 1;
        }
        Ok(())
    }

    /// Ends the answer and returns its last bytes.
    pub(super) fn finish(mut self, error: Option<&str>) -> Vec<u8> {
        let seconds = self.begin.elapsed().as_secs_f64();
        let end = End { more: self.more, seconds, files: self.opened.count(), error };
        let end = serde_json::to_string(&end).unwrap_or_default();
        self.text.extend_from_slice(b"],");
        self.text.extend_from_slice(end.trim_start_matches('{').as_bytes());
        self.text.push(b'\n');
        self.text
    }
}
