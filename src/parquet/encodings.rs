//! How the columns of data files are encoded: by type, as `docs/encodings.md` found it to pay.

use arrow::datatypes::{DataType, Schema};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;

/// Returns how pages are compressed: at the fastest level, which is smaller than Snappy and nearly
/// as fast.
pub(super) fn compression() -> Compression {
    Compression::ZSTD(ZstdLevel::default())
}

/// Returns the properties of files with rows of a schema, sorted ascending by `sort_columns`, NULLs
/// last.
///
/// Counters, times and prices are deltas, quantities what [`super::decimals`] finds to pay, runs of
/// text are [`super::runs`]; everything else is a dictionary while it is small.
pub(super) fn writer_properties(schema: &Schema, sort_columns: &[String]) -> WriterProperties {
    let mut sorting = Vec::with_capacity(sort_columns.len());
    for column in sort_columns {
        // Partition columns are not in the files; within a partition they are all equal.
        let index = schema.index_of(column).ok().and_then(|index| i32::try_from(index).ok());
        if let Some(column_idx) = index {
            sorting.push(SortingColumn { column_idx, descending: false, nulls_first: false });
        }
    }
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_compression(compression())
        .set_sorting_columns((!sorting.is_empty()).then_some(sorting));
    for field in schema.fields() {
        if is_long(field.data_type()) {
            let column = ColumnPath::from(field.name().as_str());
            // Neighbours differ little, because rows are sorted; a dictionary would only grow.
            properties = properties
                .set_column_dictionary_enabled(column.clone(), false)
                .set_column_encoding(column, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

/// Returns whether values are INT64 in Parquet.
const fn is_long(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int64 | DataType::Timestamp(..) | DataType::Decimal128(10..=18, _)
    )
}
