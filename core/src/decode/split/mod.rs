//! Where the lines and fields of a block begin and end.
//!
//! One pass over the bytes, eight at a time, that knows nothing of what fields mean. Rows that are
//! plain end in one reused table of offsets, which is what makes parsing column by column cheap; a
//! line with real quotes takes the general path through `csv-core`, which writes its fields after
//! the block as if they had been plain.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Every byte below this one may end a field or needs a look; digits, points, minus signs and
/// letters do not.
const FIRST_PLAIN: u8 = b'-';

/// The fields of the rows of one block.
#[derive(Debug, Default)]
pub(crate) struct SplitRows {
    /// For each row: where its first field begins, then for each field one past the byte that ends
    /// it.
    bounds: Vec<u32>,
    fields: usize,
    /// The line of each row, counted from the block's first.
    lines: Vec<u32>,
    /// Rows that had quotes, with the place of the line as it was written.
    quoted: Vec<(u32, u32, u32)>,
    /// Lines that are no row of the layout.
    malformed: Vec<Malformed>,
    /// Lines seen so far.
    line: u32,
}

/// A line that has not the layout's number of fields.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Malformed {
    pub(crate) line: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    /// Number of fields, or nothing where a quote is not closed.
    pub(crate) fields: Option<usize>,
}

/// Why a pass over the block stopped.
enum ScanEnd {
    /// There is no other complete line, or there are enough rows.
    Done,
    /// A line with quotes was passed over; its start and end.
    Quoted(usize, usize),
}

impl SplitRows {
    /// Splits complete lines of `buffer` from `start` on, at most `limit` rows; returns where it
    /// stopped.
    ///
    /// Fields of lines with quotes are added at the end of `buffer`.
    pub(crate) fn split(
        &mut self,
        buffer: &mut Vec<u8>,
        start: usize,
        fields: usize,
        limit: usize,
    ) -> usize {
        let end = buffer.len();
        self.clear(fields);
        let mut position = start;
        loop {
            let (next, stop) = self.scan(&buffer[..end], position, limit);
            position = next;
            match stop {
                ScanEnd::Done => return position,
                ScanEnd::Quoted(start, end) => self.unquote(buffer, start, end),
            }
            if self.lines.len() >= limit {
                return position;
            }
        }
    }

    fn clear(&mut self, fields: usize) {
        self.bounds.clear();
        self.lines.clear();
        self.quoted.clear();
        self.malformed.clear();
        self.fields = fields;
        self.line = 0;
    }

    /// Returns how many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Returns how many lines were passed, blank and malformed ones among them.
    pub(crate) const fn lines_passed(&self) -> u32 {
        self.line
    }

    pub(crate) fn malformed(&self) -> &[Malformed] {
        &self.malformed
    }

    /// Returns the line of a row, counted from the block's first.
    pub(crate) fn line(&self, row: usize) -> u32 {
        self.lines[row]
    }

    /// Returns the column of field `field`.
    #[inline]
    pub(crate) fn column<'a>(
        &'a self,
        buffer: &'a [u8],
        field: usize,
    ) -> impl Iterator<Item = &'a [u8]> {
        self.bounds
            .chunks_exact(self.fields + 1)
            .map(move |row| &buffer[row[field] as usize..row[field + 1] as usize - 1])
    }

    pub(crate) fn field<'a>(&self, buffer: &'a [u8], row: usize, field: usize) -> &'a [u8] {
        let at = row * (self.fields + 1) + field;
        &buffer[self.bounds[at] as usize..self.bounds[at + 1] as usize - 1]
    }

    /// Returns a row's line as it was written.
    pub(crate) fn raw<'a>(&self, buffer: &'a [u8], row: usize) -> &'a [u8] {
        if let Ok(at) = self.quoted.binary_search_by_key(&(row as u32), |(row, _, _)| *row) {
            let (_, start, end) = self.quoted[at];
            return &buffer[start as usize..end as usize];
        }
        let first = row * (self.fields + 1);
        &buffer[self.bounds[first] as usize..self.bounds[first + self.fields] as usize - 1]
    }

    /// Looks at eight bytes at a time for those that may end a field.
    fn scan(&mut self, data: &[u8], start: usize, limit: usize) -> (usize, ScanEnd) {
        let mut line = OpenLine { start, first_bound: self.bounds.len(), quotes: false };
        self.bounds.push(start as u32);
        let (words, rest) = data[start..].as_chunks::<8>();
        // Most words hold one or two commas between digits: a word without a mark costs a few
        // operations instead of eight comparisons.
        for (index, word) in words.iter().enumerate() {
            let mut marks = marks(*word);
            while marks != 0 {
                // Words are little-endian, so the lowest mark is the first byte; clearing the
                // lowest bit that is set moves on to the next.
                let byte = marks.trailing_zeros() as usize / 8;
                let at = start + index * 8 + byte;
                marks &= marks - 1;
                // The comma is by far the most frequent mark and needs no call.
                if word[byte & 7] == b',' {
                    self.bounds.push(at as u32 + 1);
                } else if let Some(stop) = self.mark(data, &mut line, at, limit) {
                    return (at + 1, stop);
                }
            }
        }
        let tail = data.len() - rest.len();
        for at in tail..data.len() {
            if let Some(stop) = self.mark(data, &mut line, at, limit) {
                return (at + 1, stop);
            }
        }
        // The last line has no newline yet: it is scanned again once the rest of it has come.
        self.bounds.truncate(line.first_bound);
        (line.start, ScanEnd::Done)
    }

    /// Handles one byte; returns why to stop after it, if so.
    #[inline]
    fn mark(
        &mut self,
        data: &[u8],
        line: &mut OpenLine,
        at: usize,
        limit: usize,
    ) -> Option<ScanEnd> {
        match data[at] {
            b',' => self.bounds.push(at as u32 + 1),
            b'"' => line.quotes |= !self.is_empty_field(data, at),
            b'\n' => {
                if let Some((start, end)) = self.end_line(data, line, at) {
                    return Some(ScanEnd::Quoted(start, end));
                }
                if self.lines.len() == limit {
                    return Some(ScanEnd::Done);
                }
                *line = OpenLine { start: at + 1, first_bound: self.bounds.len(), quotes: false };
                self.bounds.push(at as u32 + 1);
            }
            _ => {}
        }
        None
    }

    /// Ends the line at its newline; returns its place if it needs the general path.
    #[inline]
    fn end_line(&mut self, data: &[u8], line: &OpenLine, newline: usize) -> Option<(usize, usize)> {
        self.line += 1;
        let carriage_return = newline > line.start && data[newline - 1] == b'\r';
        let end = newline - usize::from(carriage_return);
        let fields = self.bounds.len() - line.first_bound;
        // Nearly every line ends here; whatever is odd about one is looked into only afterwards.
        if fields == self.fields && !line.quotes && end > line.start {
            // One past the newline, or past the carriage return: a field ends one byte before the
            // next bound.
            self.bounds.push(end as u32 + 1);
            self.lines.push(self.line - 1);
            return None;
        }
        self.bounds.truncate(line.first_bound);
        if line.quotes {
            return Some((line.start, end));
        }
        if end > line.start {
            self.add_malformed(line.start, end, Some(fields));
        }
        None
    }

    /// Returns whether the quote at `at` is one of the two of a field that is `""`: those are left
    /// to the parsers.
    fn is_empty_field(&self, data: &[u8], at: usize) -> bool {
        let start = self.bounds.last().map_or(0, |start| *start as usize);
        let ends = |at: usize| matches!(data.get(at), Some(b',' | b'\n' | b'\r'));
        data.get(start..start + 2) == Some(b"\"\"") && at < start + 2 && ends(start + 2)
    }

    fn add_malformed(&mut self, start: usize, end: usize, fields: Option<usize>) {
        let line = self.line - 1;
        self.malformed.push(Malformed { line, start: start as u32, end: end as u32, fields });
    }

    /// Adds a line with quotes: its fields go to the end of `buffer`.
    #[cold]
    fn unquote(&mut self, buffer: &mut Vec<u8>, start: usize, end: usize) {
        let Some(fields) = unquoted_fields(&buffer[start..end]) else {
            return self.add_malformed(start, end, None);
        };
        if fields.len() != self.fields {
            return self.add_malformed(start, end, Some(fields.len()));
        }
        // The row's bounds point after the block, where its fields stand as if they had been plain.
        self.quoted.push((self.lines.len() as u32, start as u32, end as u32));
        self.bounds.push(buffer.len() as u32);
        for field in fields {
            buffer.extend_from_slice(&field);
            buffer.push(b',');
            self.bounds.push(buffer.len() as u32);
        }
        self.lines.push(self.line - 1);
    }
}

/// The line that a pass is in.
struct OpenLine {
    start: usize,
    first_bound: usize,
    quotes: bool,
}

/// Sets the highest bit of each byte below [`FIRST_PLAIN`].
#[inline]
fn marks(word: [u8; 8]) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(word);
    // With the highest bit set no byte borrows from its neighbour; it stays set where the byte was
    // not smaller.
    let not_below = (word | HIGH) - ONES * FIRST_PLAIN as u64;
    !(not_below | word) & HIGH
}

/// Splits a line that has quotes; nothing if a quote is not closed.
pub(crate) fn unquoted_fields(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    if memchr::memchr_iter(b'"', line).count() % 2 == 1 {
        return None;
    }
    let mut reader: Reader = ReaderBuilder::new().build();
    let (mut output, mut ends) = (vec![0; line.len() + 1], vec![0; line.len() + 2]);
    let (mut read, mut written, mut count) = (0, 0, 0);
    // The second, empty input signals the reader that the line is over.
    for input in [line, &[]] {
        let (result, used, out, fields) =
            reader.read_record(input, &mut output[written..], &mut ends[count..]);
        (read, written, count) = (read + used, written + out, count + fields);
        if result == ReadRecordResult::Record {
            break;
        }
    }
    let starts = [0].into_iter().chain(ends.iter().copied());
    let fields = starts.zip(&ends).take(count).map(|(start, end)| output[start..*end].to_vec());
    (read == line.len()).then(|| fields.collect())
}

#[cfg(test)]
mod tests;
