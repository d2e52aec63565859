//! Hashes of rows, by which rows are compared without keeping them.
//!
//! A row is written in Arrow's row encoding, which no two different rows share, and 128 bits of its
//! SHA-256 are its hash.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{FieldRef, Schema};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use sha2::{Digest, Sha256};

/// Hashes rows by some of their columns.
#[derive(Debug)]
pub(crate) struct RowHasher {
    columns: Vec<FieldRef>,
    converter: RowConverter,
}

impl RowHasher {
    /// Hashes rows by all columns of `schema`; whatever type a batch has them in, their values are
    /// what counts.
    pub(crate) fn new(schema: &Schema) -> Result<Self, ArrowError> {
        Self::of(schema.fields().iter().cloned().collect())
    }

    /// Hashes rows by these columns of `schema`.
    pub(crate) fn by<S: AsRef<str>>(schema: &Schema, columns: &[S]) -> Result<Self, ArrowError> {
        let column =
            |name: &S| schema.field_with_name(name.as_ref()).map(|field| field.clone().into());
        Self::of(columns.iter().map(column).collect::<Result<_, _>>()?)
    }

    fn of(columns: Vec<FieldRef>) -> Result<Self, ArrowError> {
        let fields =
            columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        Ok(Self { columns, converter: RowConverter::new(fields)? })
    }

    /// Returns the hash of every row; the same rows have other hashes under another `place`.
    pub(crate) fn hashes(&self, place: &str, batch: &RecordBatch) -> Result<Vec<u128>, ArrowError> {
        let columns = self
            .columns
            .iter()
            .map(|column| cast(found(batch, column.name())?, column.data_type()));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, ArrowError>>()?;
        let rows = self.converter.convert_columns(&columns)?;
        let place = Sha256::new().chain_update(place);
        let hash = |row: arrow::row::Row<'_>| {
            let mut half = [0; 16];
            half.copy_from_slice(&place.clone().chain_update(row).finalize()[..16]);
            u128::from_le_bytes(half)
        };
        Ok(rows.iter().map(hash).collect())
    }
}

fn found<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ArrowError> {
    let found = batch.column_by_name(name);
    found.ok_or_else(|| ArrowError::SchemaError(format!("the data file has no column `{name}`")))
}
