//! Columns that repeat one value for a whole archive, encoded run by run.
//!
//! The general writer hashes and compares every row's text. Here a row costs nothing, and a run a
//! few bytes. Pages are as short as those of other columns, so that readers can skip them by
//! symbol.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::Int32Type;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, PageType, Type};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// Rows of a page, as the general writer has them.
const PAGE_ROWS: usize = 20_000;

/// One column chunk of a text column without NULLs.
#[derive(Debug)]
pub(super) struct RunEncoder {
    column: ColumnDescPtr,
    /// The place of each value in the dictionary, in the order in which they came.
    places: HashMap<Box<str>, u32>,
    values: Vec<Box<str>>,
    runs: Vec<Run>,
}

/// Rows, one after the other, with the same value.
#[derive(Clone, Copy, Debug)]
struct Run {
    place: u32,
    rows: usize,
}

impl RunEncoder {
    pub(super) fn new(column: ColumnDescPtr) -> Self {
        Self { column, places: HashMap::new(), values: Vec::new(), runs: Vec::new() }
    }

    /// Adds the rows of a dictionary array.
    pub(super) fn write(&mut self, array: &ArrayRef) -> Result<(), ParquetError> {
        let rows = array.as_dictionary_opt::<Int32Type>().filter(|rows| rows.null_count() == 0);
        let texts = rows.and_then(|rows| rows.values().as_string_opt::<i32>());
        let (Some(rows), Some(texts)) = (rows, texts) else {
            return Err(ParquetError::General(format!(
                "`{}` is no dictionary of texts",
                self.column.name()
            )));
        };
        // The rows of an archive come with a dictionary of one text, and nothing of them need be
        // read.
        if texts.len() == 1 {
            self.add(texts.value(0), rows.len());
            return Ok(());
        }
        for run in rows.keys().values().chunk_by(|left, right| left == right) {
            self.add(texts.value(run[0] as usize), run.len());
        }
        Ok(())
    }

    fn add(&mut self, value: &str, rows: usize) {
        let place = match self.places.get(value) {
            Some(place) => *place,
            None => {
                let place = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
                self.places.insert(value.into(), place);
                self.values.push(value.into());
                place
            }
        };
        // Batches end in the middle of runs, so a run goes on with the next one.
        match self.runs.last_mut() {
            Some(last) if last.place == place => last.rows += rows,
            _ if rows > 0 => self.runs.push(Run { place, rows }),
            _ => {}
        }
    }

    /// Returns the bytes in memory, about.
    pub(super) fn memory_size(&self) -> usize {
        let texts: usize = self.values.iter().map(|value| 2 * value.len() + 64).sum();
        texts + self.runs.len() * size_of::<Run>()
    }

    /// Ends the column chunk: its bytes, dictionary first, and what the footer says of them.
    pub(super) fn finish(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let mut sink = TrackedWrite::new(Vec::new());
        let mut pages = SerializedPageWriter::new(&mut sink);
        let dictionary = pages.write_page(self.dictionary_page())?;
        let mut columns = ColumnIndexBuilder::new(Type::BYTE_ARRAY);
        let mut offsets = OffsetIndexBuilder::new();
        let mut rows = 0;
        let mut uncompressed = dictionary.uncompressed_size;
        let runs_of_pages = paged(&self.runs);
        for runs in &runs_of_pages {
            let page_rows: usize = runs.iter().map(|run| run.rows).sum();
            let written = pages.write_page(self.data_page(runs, page_rows))?;
            // By these bounds and offsets, readers find the pages of a symbol without the others.
            let (least, greatest) = self.bounds(runs);
            columns.append(false, least.as_bytes().to_vec(), greatest.as_bytes().to_vec(), 0);
            offsets.append_row_count(page_rows as i64);
            offsets.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
            rows += page_rows;
            uncompressed += written.uncompressed_size;
        }
        let bytes = Bytes::from(sink.into_inner()?);
        // Offsets count from the start of the chunk. The file's writer moves them to where the
        // chunk comes to stand.
        let metadata = ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(Compression::UNCOMPRESSED)
            .set_encodings_mask(EncodingMask::new_from_encodings(
                [Encoding::PLAIN, Encoding::RLE_DICTIONARY].iter(),
            ))
            .set_page_encoding_stats(page_encodings(runs_of_pages.len()))
            .set_num_values(rows as i64)
            .set_total_compressed_size(bytes.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_dictionary_page_offset(Some(0))
            .set_data_page_offset(dictionary.bytes_written as i64)
            .set_statistics(self.statistics())
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(columns.build()?),
            offset_index: Some(offsets.build()),
        };
        Ok((bytes, close))
    }

    fn dictionary_page(&self) -> CompressedPage {
        let mut plain = Vec::new();
        for value in &self.values {
            plain.extend_from_slice(&(value.len() as u32).to_le_bytes());
            plain.extend_from_slice(value.as_bytes());
        }
        let size = plain.len();
        let page = Page::DictionaryPage {
            buf: plain.into(),
            num_values: self.values.len() as u32,
            encoding: Encoding::PLAIN,
            is_sorted: false,
        };
        CompressedPage::new(page, size)
    }

    /// Makes a page in the RLE encoding of Parquet: the number of bits of a place, then for each
    /// run its length and its value's place.
    fn data_page(&self, runs: &[Run], rows: usize) -> CompressedPage {
        // The bits of the greatest place; none if there is one value, whose place is zero.
        let bits = u32::BITS - (self.values.len().saturating_sub(1) as u32).leading_zeros();
        let mut encoded = vec![bits as u8];
        for run in runs {
            // The lowest bit is 0 for a run of one value, and 1 for values that are packed.
            write_varint((run.rows as u64) << 1, &mut encoded);
            encoded.extend_from_slice(&run.place.to_le_bytes()[..bits.div_ceil(8) as usize]);
        }
        let size = encoded.len();
        let page = Page::DataPageV2 {
            buf: encoded.into(),
            num_values: rows as u32,
            encoding: Encoding::RLE_DICTIONARY,
            num_nulls: 0,
            num_rows: rows as u32,
            def_levels_byte_len: 0,
            rep_levels_byte_len: 0,
            is_compressed: false,
            statistics: None,
        };
        CompressedPage::new(page, size)
    }

    fn bounds(&self, runs: &[Run]) -> (&str, &str) {
        // Only values that rows have: a dictionary may also hold others.
        let values = runs.iter().filter_map(|run| self.values.get(run.place as usize));
        let values = values.map(AsRef::as_ref);
        (values.clone().min().unwrap_or_default(), values.max().unwrap_or_default())
    }

    fn statistics(&self) -> Statistics {
        let (least, greatest) = self.bounds(&self.runs);
        Statistics::ByteArray(ValueStatistics::new(
            Some(ByteArray::from(least)),
            Some(ByteArray::from(greatest)),
            None,
            Some(0),
            false,
        ))
    }
}

/// Returns how the pages of a chunk are encoded, as its footer lists it.
fn page_encodings(data_pages: usize) -> Vec<PageEncodingStats> {
    vec![
        PageEncodingStats {
            page_type: PageType::DICTIONARY_PAGE,
            encoding: Encoding::PLAIN,
            count: 1,
        },
        PageEncodingStats {
            page_type: PageType::DATA_PAGE_V2,
            encoding: Encoding::RLE_DICTIONARY,
            count: data_pages as i32,
        },
    ]
}

/// Cuts runs into those of pages.
fn paged(runs: &[Run]) -> Vec<Vec<Run>> {
    let mut pages = Vec::new();
    let mut page = Vec::new();
    let mut room = PAGE_ROWS;
    for run in runs {
        // A long run goes through several pages.
        let mut left = run.rows;
        while left > 0 {
            let rows = left.min(room);
            page.push(Run { place: run.place, rows });
            left -= rows;
            room -= rows;
            if room == 0 {
                pages.push(std::mem::take(&mut page));
                room = PAGE_ROWS;
            }
        }
    }
    pages.extend((!page.is_empty()).then_some(page));
    pages
}

/// Writes seven bits a byte, the lowest first; the highest bit of a byte says that more follow.
fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
