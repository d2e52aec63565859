//! Data files: how rows are encoded as Parquet, read back, and rewritten without some of them.
//!
//! Files are sorted, carry exact statistics, and list in their footers the archives that their rows
//! come from. Which files belong to a table is a matter of its log, which does not know what is
//! inside of them (`crate::delta`).

mod decimals;
mod encode;
mod encodings;
pub(crate) mod reader;
pub(crate) mod rewrite;
pub(crate) mod row_hash;
mod runs;
mod statistics;
pub(crate) mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use self::writer::{DataFileWriter, FileTarget};
use crate::delta::TableError;
use crate::delta::descriptions::Descriptions;
use crate::delta::table::TableSpec;
use crate::storage::Storage;
use crate::storage::lake::{Layer, TableName};

/// Writes rows into one data file below `folder`, a row group for each inner list; returns the
/// file's path and its statistics as they stand in Delta's log.
///
/// For tests, which read back with the general reader what the encoders here have written.
///
/// # Errors
/// When the file cannot be written, or a batch does not have this schema.
#[doc(hidden)]
pub fn write_data_file(
    folder: &Path,
    schema: SchemaRef,
    row_groups: &[Vec<RecordBatch>],
) -> Result<(PathBuf, String), TableError> {
    let spec = TableSpec {
        name: TableName::new(Layer::Silver, "written"),
        schema,
        partition_columns: Vec::new(),
        sort_columns: Vec::new(),
        descriptions: Descriptions::default(),
    };
    let storage = Storage::open(&folder.display().to_string())?;
    let target = Arc::new(FileTarget::of(&spec, storage));
    let mut writer = DataFileWriter::create(&target, Vec::new())?;
    for batches in row_groups {
        writer.write(batches)?;
        writer.end_row_group()?;
    }
    let written = writer.finish(None)?;
    Ok((folder.join(written.file.path), written.file.stats))
}
