//! The decoder: the bytes of an archive's CSV in, Arrow batches out, and what cannot be kept on the
//! side.
//!
//! Bytes are pushed in pieces of any size. A block of them is first split into lines and fields
//! (`split`), then parsed column by column (`column`) into the buffers of the next batch; which
//! field is which column was decided once, by the file's first lines (`header`). Nothing is dropped
//! in silence: a row either is in a batch or is a [`Reject`]. What each data type's rows consist of
//! is data: see [`crate::schema`].

pub mod unzip;

mod column;
mod error;
mod header;
mod number;
mod problem;
mod split;
mod time;

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::filter::filter_record_batch;
use column::{Block, ColumnBuffer, PeriodCheck};
use header::{FileLayout, FirstLine};
use problem::{Failure, shown_line, shown_value};
use split::SplitRows;

use crate::names::market::{Interval, Market, Symbol};
use crate::names::period::Period;
use crate::schema::TableSchema;
pub use error::DecodeError;
pub use problem::Reject;

/// Bytes that are split and parsed at a time: they and their offsets stay in the cache between the
/// two.
const BLOCK_SIZE: usize = 32 * 1024;

/// Lines that are looked at before it is decided which layout a file has: enough for a few damaged
/// ones at its beginning.
const LINES_SNIFFED: usize = 64;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// How large the decoder's steps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeOptions {
    /// Rows of a batch, counted before rejects are left out.
    pub batch_rows: usize,
    /// Bytes of CSV after which a batch ends before it has as many rows: values of text have any
    /// length, and those of a column must not exceed the 2 GiB that an array can address.
    pub batch_bytes: usize,
    /// Bytes of the longest line that is taken for one.
    pub line_limit: usize,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self { batch_rows: 16 * 1024, batch_bytes: 8 << 20, line_limit: 1 << 20 }
    }
}

/// Decodes one file.
///
/// After an error the decoder is of no more use.
#[derive(Debug)]
pub struct Decoder {
    schema: TableSchema,
    market: Market,
    symbol: String,
    options: DecodeOptions,
    /// The event times that are accepted; all where the archive's period is not known.
    period: Option<PeriodCheck>,
    arrow_schema: SchemaRef,
    /// Bytes that are not parsed yet.
    buffer: Vec<u8>,
    /// Whether nothing was parsed yet, not even a byte-order mark.
    at_start: bool,
    /// Lines that were parsed.
    lines: u64,
    layout: Option<FileLayout>,
    columns: Vec<ColumnBuffer>,
    rows: SplitRows,
    failures: Vec<Failure>,
    batch_rows: usize,
    /// Bytes of CSV that were parsed for the next batch.
    batch_bytes: usize,
    /// Rows of the next batch that are to be left out, ascending.
    bad_rows: Vec<usize>,
    ready: VecDeque<RecordBatch>,
    rejects: Vec<Reject>,
}

impl Decoder {
    /// Starts on a file of `market` whose archive lies in the folder `symbol`.
    ///
    /// # Errors
    ///
    /// The schema has no layout for the market.
    pub fn new(
        schema: &TableSchema,
        market: Market,
        symbol: &Symbol,
        options: DecodeOptions,
    ) -> Result<Self, DecodeError> {
        if schema.layouts(market).next().is_none() {
            return Err(DecodeError::Market { table: schema.table().to_owned(), market });
        }
        Ok(Self {
            arrow_schema: schema.data_schema(),
            schema: schema.clone(),
            market,
            symbol: column::unsettled(symbol.as_str()).to_owned(),
            period: None,
            options: DecodeOptions { batch_rows: options.batch_rows.max(1), ..options },
            buffer: Vec::with_capacity(2 * BLOCK_SIZE),
            at_start: true,
            lines: 0,
            layout: None,
            columns: Vec::new(),
            rows: SplitRows::default(),
            failures: Vec::new(),
            batch_rows: 0,
            batch_bytes: 0,
            bad_rows: Vec::new(),
            ready: VecDeque::new(),
            rejects: Vec::new(),
        })
    }

    /// Rejects rows whose event time is further outside the archive's period than the schema
    /// allows; `interval` is the length of the archive's bars, where it has any.
    #[must_use]
    pub fn of_period(mut self, period: Period, interval: Option<Interval>) -> Self {
        let times = self.schema.outside_period().event_times(period, interval);
        self.period = Some(PeriodCheck { period, times });
        self
    }

    /// Takes the next bytes of the file.
    ///
    /// Batches and rejects pile up until they are taken: push some hundred kilobytes at a time, not
    /// the file.
    ///
    /// # Errors
    ///
    /// The file's first line is of no known layout, or a line is too long to be one.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        for piece in bytes.chunks(BLOCK_SIZE) {
            self.buffer.extend_from_slice(piece);
            if self.buffer.len() >= BLOCK_SIZE {
                self.parse_buffer(false)?;
            }
        }
        Ok(())
    }

    /// Ends the file; the last batch may be small, and the last line may lack its newline.
    ///
    /// # Errors
    ///
    /// As [`Decoder::push`].
    pub fn finish(&mut self) -> Result<(), DecodeError> {
        if self.buffer.last().is_some_and(|last| *last != b'\n') {
            self.buffer.push(b'\n');
        }
        self.parse_buffer(true)?;
        self.finish_batch()
    }

    /// Returns the next batch, of the columns of [`TableSchema::data_schema`].
    pub fn next_batch(&mut self) -> Option<RecordBatch> {
        self.ready.pop_front()
    }

    /// Returns the rows that were left out since the last call, in the order of the file.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    /// Returns whether the file has a header, once its first line was parsed.
    #[must_use]
    pub fn has_header(&self) -> Option<bool> {
        self.layout.as_ref().map(|layout| layout.has_header)
    }

    /// Parses every complete line of the buffer and keeps what is left; `is_end` says that nothing
    /// follows.
    fn parse_buffer(&mut self, is_end: bool) -> Result<(), DecodeError> {
        let mut start = 0;
        if self.at_start && self.buffer.starts_with(BYTE_ORDER_MARK) {
            start = BYTE_ORDER_MARK.len();
        }
        self.at_start = false;
        self.check_lines()?;
        if self.layout.is_none() {
            start = self.sniff(start, is_end)?;
        }
        if let Some(layout) = self.layout.take() {
            start = self.parse_rows(&layout, start)?;
            self.layout = Some(layout);
        }
        self.buffer.drain(..start);
        Ok(())
    }

    /// Recognises the layout by the first lines, as soon as enough of them are there; returns where
    /// the rows begin.
    fn sniff(&mut self, start: usize, is_end: bool) -> Result<usize, DecodeError> {
        let start = self.skip_blank_lines(start);
        let lines = self.first_lines(start);
        let is_enough = lines.len() == LINES_SNIFFED || self.buffer.len() - start >= BLOCK_SIZE;
        if !is_end && !is_enough {
            return Ok(start);
        }
        let is_whole = is_end && lines.last().is_none_or(|line| line.next == self.buffer.len());
        let Some(found) = header::sniff(&self.schema, self.market, &lines, is_whole)? else {
            return Ok(start);
        };
        let rows_start = match found.header {
            Some(header) => {
                let damaged: Vec<Reject> = lines[..header].iter().map(damaged_line).collect();
                let (number, next) = (lines[header].number, lines[header].next);
                self.rejects.extend(damaged);
                self.lines = number;
                next
            }
            None => start,
        };
        self.columns = self.new_columns(&found.layout);
        self.layout = Some(found.layout);
        Ok(rows_start)
    }

    /// Passes over complete blank lines; returns where the next line begins.
    fn skip_blank_lines(&mut self, mut start: usize) -> usize {
        while let Some(length) = memchr::memchr(b'\n', &self.buffer[start..]) {
            if !matches!(self.buffer[start..start + length], [] | [b'\r']) {
                break;
            }
            self.lines += 1;
            start += length + 1;
        }
        start
    }

    /// Returns the complete lines from `start` on that are not blank, a block of them at most, and
    /// the first one however long it is.
    fn first_lines(&self, start: usize) -> Vec<FirstLine<'_>> {
        let mut lines = Vec::new();
        let mut number = self.lines;
        let mut begin = start;
        while let Some(length) = memchr::memchr(b'\n', &self.buffer[begin..]) {
            let next = begin + length + 1;
            let is_within = lines.is_empty() || next - start <= BLOCK_SIZE;
            if lines.len() == LINES_SNIFFED || !is_within {
                break;
            }
            number += 1;
            let text = &self.buffer[begin..next - 1];
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            if !text.is_empty() {
                lines.push(FirstLine { text, number, next });
            }
            begin = next;
        }
        lines
    }

    fn new_columns(&self, layout: &FileLayout) -> Vec<ColumnBuffer> {
        let columns = self.schema.columns().iter().zip(&layout.sources);
        let new = |(column, source): (_, &header::ColumnSource)| {
            ColumnBuffer::new(column, *source, self.schema.exponents())
        };
        columns.map(new).collect()
    }

    /// Parses complete lines from `start` on, batch by batch; returns where the last of them ends.
    fn parse_rows(&mut self, layout: &FileLayout, mut start: usize) -> Result<usize, DecodeError> {
        let length = self.buffer.len();
        loop {
            let wanted = self.options.batch_rows - self.batch_rows;
            let end = self.rows.split(&mut self.buffer, start, layout.names.len(), wanted);
            self.parse_block(layout);
            self.buffer.truncate(length);
            self.batch_bytes += end - start;
            start = end;
            // Otherwise all lines were parsed.
            let is_full = self.batch_rows >= self.options.batch_rows;
            if is_full || self.batch_bytes >= self.options.batch_bytes {
                self.finish_batch()?;
            }
            if !is_full {
                return Ok(start);
            }
        }
    }

    fn parse_block(&mut self, layout: &FileLayout) {
        let mut block =
            Block { buffer: &self.buffer, rows: &self.rows, failures: &mut self.failures };
        for column in &mut self.columns {
            column.extend(&mut block);
        }
        if let (Some(check), Some(times)) = (&self.period, self.columns.get(layout.event_time)) {
            times.check_period(&mut block, check);
        }
        for (field, check) in &layout.checks {
            column::check(&mut block, *field, *check, &self.symbol);
        }
        if !self.failures.is_empty() || !self.rows.malformed().is_empty() {
            self.reject_rows(layout);
        }
        self.lines += u64::from(self.rows.lines_passed());
        self.batch_rows += self.rows.len();
    }

    /// Turns what is wrong with the block into rejects, one for each row, in the order of lines.
    #[cold]
    fn reject_rows(&mut self, layout: &FileLayout) {
        let first = self.rejects.len();
        let mut failures = std::mem::take(&mut self.failures);
        failures.sort_unstable_by_key(|failure| (failure.row, failure.field));
        failures.dedup_by_key(|failure| failure.row);
        for failure in failures.drain(..) {
            let reject = self.reject(layout, failure);
            self.rejects.push(reject);
            self.bad_rows.push(self.batch_rows + failure.row as usize);
        }
        self.failures = failures;
        for line in self.rows.malformed() {
            let reason = match line.fields {
                Some(found) => format!("expected {} fields, found {found}", layout.names.len()),
                None => "expected a closing quote".to_owned(),
            };
            let raw = shown_line(&self.buffer[line.start as usize..line.end as usize]);
            let number = self.lines + u64::from(line.line) + 1;
            self.rejects.push(Reject {
                line: number,
                column: String::new(),
                value: String::new(),
                reason,
                raw,
            });
        }
        self.rejects[first..].sort_by_key(|reject| reject.line);
    }

    fn reject(&self, layout: &FileLayout, failure: Failure) -> Reject {
        let (row, field) = (failure.row as usize, failure.field as usize);
        Reject {
            line: self.lines + u64::from(self.rows.line(row)) + 1,
            column: layout.names[field].clone(),
            value: shown_value(self.rows.field(&self.buffer, row, field)),
            reason: failure.problem.reason(&self.symbol),
            raw: shown_line(self.rows.raw(&self.buffer, row)),
        }
    }

    fn finish_batch(&mut self) -> Result<(), DecodeError> {
        self.batch_bytes = 0;
        let rows = std::mem::take(&mut self.batch_rows);
        if rows == 0 {
            return Ok(());
        }
        let columns = self.columns.iter_mut().map(ColumnBuffer::finish).collect();
        let mut batch = RecordBatch::try_new(Arc::clone(&self.arrow_schema), columns)?;
        if !self.bad_rows.is_empty() {
            let mut keep = vec![true; rows];
            for row in self.bad_rows.drain(..) {
                keep[row] = false;
            }
            batch = filter_record_batch(&batch, &BooleanArray::from(keep))?;
        }
        if batch.num_rows() > 0 {
            self.ready.push_back(batch);
        }
        Ok(())
    }

    /// Refuses lines above the limit, the one that is still to be completed among them.
    fn check_lines(&self) -> Result<(), DecodeError> {
        let limit = self.options.line_limit;
        if self.buffer.len() <= limit {
            return Ok(());
        }
        let mut lines = self.buffer.split(|byte| *byte == b'\n');
        match lines.position(|line| line.len() > limit) {
            Some(line) => {
                Err(DecodeError::LineTooLong { line: self.lines + line as u64 + 1, limit })
            }
            None => Ok(()),
        }
    }
}

/// Makes the reject of a line before the header.
fn damaged_line(line: &FirstLine<'_>) -> Reject {
    Reject {
        line: line.number,
        column: String::new(),
        value: String::new(),
        reason: "expected a known header or a row".to_owned(),
        raw: shown_line(line.text),
    }
}

#[cfg(test)]
mod tests;
