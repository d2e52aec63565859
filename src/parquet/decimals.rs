//! Wide decimals, encoded as the twelve bytes that they are.
//!
//! In Parquet a DECIMAL(28, 8) is a fixed-length array of twelve bytes. The general writer
//! allocates a reference-counted slice for every value, which costs more than all else that is done
//! to an archive. The pages of an INT96 column also have twelve bytes a value, and its writer
//! treats them as plain numbers. So the writer of INT96 makes the pages here, and the footer, by
//! which readers decode them, declares the type that the values have.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::Decimal128Type;
use bytes::Bytes;
use parquet::basic::{Repetition, Type as PhysicalType};
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::{FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor, Type};

use super::encodings::compression;

/// Bytes of a value.
const WIDTH: usize = 12;
/// Values by which it is decided whether a dictionary pays.
const SAMPLE: usize = 16 << 10;

/// One column chunk of decimals of twelve bytes.
pub(super) struct DecimalEncoder {
    column: ColumnDescPtr,
    pages: PageSink,
    writer: Option<ColumnWriter<'static>>,
    /// The values of the batch that is being written, NULLs left out.
    values: Vec<Int96>,
    /// For each row of that batch 1, or 0 if it is NULL; empty if the column cannot be NULL.
    levels: Vec<i16>,
    rows: usize,
    nulls: u64,
    /// The least and the greatest value so far.
    bounds: Option<(i128, i128)>,
}

impl std::fmt::Debug for DecimalEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecimalEncoder")
            .field("column", &self.column.name())
            .finish_non_exhaustive()
    }
}

impl DecimalEncoder {
    /// Returns an encoder, or nothing if a column is of another kind.
    pub(super) fn of(column: ColumnDescPtr) -> Option<Self> {
        // Narrow decimals are INT32 or INT64, which the general writer treats as numbers too, and
        // wider ones are rare. Values inside lists would need levels of repetition.
        let wide = column.physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY
            && usize::try_from(column.type_length()) == Ok(WIDTH)
            && column.max_rep_level() == 0;
        wide.then(|| Self {
            column,
            pages: PageSink::default(),
            writer: None,
            values: Vec::new(),
            levels: Vec::new(),
            rows: 0,
            nulls: 0,
            bounds: None,
        })
    }

    pub(super) fn write(&mut self, array: &ArrayRef) -> Result<(), ParquetError> {
        let Some(decimals) = array.as_primitive_opt::<Decimal128Type>() else {
            return Err(ParquetError::General(format!(
                "`{}` is no decimal of 128 bits",
                self.column.name()
            )));
        };
        // A batch without rows has no levels, by which the writer would find them missing.
        if decimals.is_empty() {
            return Ok(());
        }
        self.convert(decimals);
        self.rows += decimals.len();
        self.nulls += decimals.null_count() as u64;
        let levels = (!self.levels.is_empty()).then_some(self.levels.as_slice());
        // Whether a dictionary pays is decided on the first batch, because the writer cannot be
        // given one later.
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(self.pages.writer(&self.column, repeats(&self.values))?),
        };
        match writer {
            ColumnWriter::Int96ColumnWriter(writer) => {
                writer.write_batch(&self.values, levels, None).map(|_| ())
            }
            // Otherwise rows would be missing without a word.
            _ => Err(ParquetError::General("the writer of INT96 is of another type".to_owned())),
        }
    }

    /// Makes values and levels of a batch, and moves the bounds.
    fn convert(&mut self, decimals: &Decimal128Array) {
        self.values.clear();
        self.levels.clear();
        match decimals.nulls() {
            // Without NULLs the loop over plain numbers is several times as fast.
            None => self.convert_values(decimals.values().iter().copied()),
            Some(_) => self.convert_values(decimals.iter().flatten()),
        }
        if self.column.max_def_level() > 0 {
            match decimals.nulls() {
                None => self.levels.resize(decimals.len(), 1),
                Some(nulls) => self.levels.extend(nulls.iter().map(i16::from)),
            }
        }
    }

    fn convert_values(&mut self, decimals: impl Iterator<Item = i128>) {
        // The writer's own statistics would order the values as INT96, which is meaningless here.
        let (mut least, mut greatest) = self.bounds.unwrap_or((i128::MAX, i128::MIN));
        for decimal in decimals {
            least = least.min(decimal);
            greatest = greatest.max(decimal);
            self.values.push(in_words(decimal));
        }
        // Still crossed when there were nothing but NULLs, which have no bounds.
        self.bounds = (least <= greatest).then_some((least, greatest));
    }

    /// Returns the bytes in memory, about.
    pub(super) const fn memory_size(&self) -> usize {
        self.rows * WIDTH
    }

    /// Returns the bytes in the file, about: half of each value is zeros.
    pub(super) const fn encoded_size(&self) -> usize {
        self.rows * WIDTH / 2
    }

    /// Ends the column chunk: its bytes, and what the footer says of them.
    pub(super) fn finish(self) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        let Some(writer) = self.writer else {
            return Err(ParquetError::General("a column without rows".to_owned()));
        };
        let mut close = writer.close()?;
        let bytes = self.pages.take();
        // What was counted of the pages holds for the real column too: sizes, offsets, encodings.
        // Its type and its statistics are replaced.
        let pages = close.metadata;
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(&self.column))
            .set_compression(compression())
            .set_encodings_mask(*pages.encodings_mask())
            .set_num_values(pages.num_values())
            .set_total_compressed_size(pages.compressed_size())
            .set_total_uncompressed_size(pages.uncompressed_size())
            .set_data_page_offset(pages.data_page_offset())
            .set_dictionary_page_offset(pages.dictionary_page_offset())
            .set_statistics(statistics(self.bounds, self.nulls));
        if let Some(stats) = pages.page_encoding_stats() {
            metadata = metadata.set_page_encoding_stats(stats.clone());
        }
        close.metadata = metadata.build()?;
        Ok((bytes, close))
    }
}

/// Returns whether values repeat so often that a dictionary of them pays: on average, each of the
/// first ones at least twice.
fn repeats(values: &[Int96]) -> bool {
    let sample = &values[..values.len().min(SAMPLE)];
    let distinct: HashSet<&[u32]> = sample.iter().map(Int96::data).collect();
    distinct.len() * 2 <= sample.len()
}

/// Puts the lower twelve bytes, the highest first, into the words of which an INT96 is written.
///
/// The bytes above them only repeat the sign: the precision of the column sees to that.
fn in_words(decimal: i128) -> Int96 {
    // A word is written with its lowest byte first, and a decimal has its highest byte first, so
    // the bytes are swapped here to stand right in the file.
    let word = |shift: u32| ((decimal >> shift) as u32).swap_bytes();
    let mut words = Int96::new();
    words.set_data(word(64), word(32), word(0));
    words
}

fn statistics(bounds: Option<(i128, i128)>, nulls: u64) -> Statistics {
    let bytes = |bound: i128| FixedLenByteArray::from(bound.to_be_bytes()[16 - WIDTH..].to_vec());
    let (least, greatest) = bounds.map(|(least, greatest)| (bytes(least), bytes(greatest))).unzip();
    Statistics::FixedLenByteArray(ValueStatistics::new(least, greatest, None, Some(nulls), false))
}

/// The pages of a column chunk, one after the other.
///
/// Shared, because the column writer owns its sink and does not give it back.
#[derive(Clone, Debug, Default)]
struct PageSink(Arc<Mutex<Vec<u8>>>);

impl PageSink {
    /// Returns a writer of INT96 pages for a column.
    fn writer(
        &self,
        column: &ColumnDescriptor,
        dictionary: bool,
    ) -> Result<ColumnWriter<'static>, ParquetError> {
        let optional = column.max_def_level() > 0;
        let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let int96 = Type::primitive_type_builder(column.name(), PhysicalType::INT96)
            .with_repetition(repetition);
        let int96 = Arc::new(int96.build()?);
        let int96 = ColumnDescriptor::new(int96, column.max_def_level(), 0, column.path().clone());
        let properties = WriterProperties::builder()
            .set_writer_version(WriterVersion::PARQUET_2_0)
            .set_compression(compression())
            .set_dictionary_enabled(dictionary)
            .set_statistics_enabled(EnabledStatistics::None);
        Ok(get_column_writer(Arc::new(int96), Arc::new(properties.build()), Box::new(self.clone())))
    }

    fn take(&self) -> Bytes {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl PageWriter for PageSink {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        let mut written = TrackedWrite::new(Vec::new());
        let mut spec = SerializedPageWriter::new(&mut written).write_page(page)?;
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Each page was written to a separate buffer, where it begins at zero.
        spec.offset = pages.len() as u64;
        pages.extend_from_slice(&written.into_inner()?);
        Ok(spec)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(())
    }
}
