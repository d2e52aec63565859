//! Columns of the lake's own tables as Arrow arrays: made from values, and read back by name.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use chrono::{DateTime, Utc};

/// The type of all times: UTC microseconds.
pub(super) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

pub(super) fn texts<T>(entries: &[T], value: impl Fn(&T) -> Option<String>) -> ArrayRef {
    Arc::new(entries.iter().map(value).collect::<StringArray>())
}

pub(super) fn numbers<T>(entries: &[T], value: impl Fn(&T) -> Option<i64>) -> ArrayRef {
    Arc::new(entries.iter().map(value).collect::<Int64Array>())
}

pub(super) fn times<T>(entries: &[T], value: impl Fn(&T) -> Option<DateTime<Utc>>) -> ArrayRef {
    let micros = entries.iter().map(|entry| value(entry).map(|time| time.timestamp_micros()));
    Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

/// The columns of a batch by name, each of the type that a schema gives it.
pub(super) struct Columns(RecordBatch);

impl Columns {
    pub(super) fn new(batch: &RecordBatch, schema: SchemaRef) -> Result<Self, ArrowError> {
        let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
            let found = batch.column_by_name(field.name());
            match found {
                Some(found) => cast(found, field.data_type()),
                // Files that were written before the table had the column.
                None if field.is_nullable() => {
                    Ok(new_null_array(field.data_type(), batch.num_rows()))
                }
                None => Err(ArrowError::SchemaError(format!("no column `{}`", field.name()))),
            }
        };
        let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(RecordBatch::try_new(schema, columns)?))
    }

    /// Returns all columns, each of the type that the schema gives it.
    pub(super) const fn batch(&self) -> &RecordBatch {
        &self.0
    }

    fn present(&self, name: &str, row: usize) -> Option<&ArrayRef> {
        self.0.column_by_name(name).filter(|column| column.is_valid(row))
    }

    pub(super) fn text(&self, name: &str, row: usize) -> Option<String> {
        Some(self.present(name, row)?.as_string_opt::<i32>()?.value(row).to_owned())
    }

    pub(super) fn number(&self, name: &str, row: usize) -> Option<i64> {
        Some(self.present(name, row)?.as_primitive_opt::<Int64Type>()?.value(row))
    }

    pub(super) fn time(&self, name: &str, row: usize) -> Option<DateTime<Utc>> {
        let column = self.present(name, row)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        DateTime::from_timestamp_micros(column.value(row))
    }
}
