//! Arrow types as Delta column types: the few that the lake's tables use.

use arrow::datatypes::{DataType, Schema, TimeUnit};
use deltalake::kernel::{DataType as DeltaType, PrimitiveType, StructField};

use super::TableError;
use crate::storage::lake::TableName;

/// Returns the Delta columns of an Arrow schema, in its order.
pub(super) fn delta_columns(
    table: &TableName,
    schema: &Schema,
) -> Result<Vec<StructField>, TableError> {
    let columns = schema.fields().iter().map(|field| {
        let unsupported = || TableError::Column {
            table: table.clone(),
            data_type: field.data_type().to_string(),
        };
        let data_type = delta_type(field.data_type()).ok_or_else(unsupported)?;
        Ok(StructField::new(field.name(), data_type, field.is_nullable()))
    });
    columns.collect()
}

/// Returns whether a column may be named in the table's data-skipping property.
///
/// Decimals may not: writers of the library round their statistics through floating point (delta-rs
/// issue 3905), and readers then skip files that hold matching rows. Our own statistics carry all
/// digits, and stray writers honour the property.
pub(super) fn may_skip_data(data_type: &DataType) -> bool {
    !matches!(data_type, DataType::Decimal128(..) | DataType::Boolean)
}

fn delta_type(data_type: &DataType) -> Option<DeltaType> {
    let primitive = match data_type {
        DataType::Utf8 | DataType::Utf8View => PrimitiveType::String,
        DataType::Dictionary(_, values) => return delta_type(values),
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Int16 => PrimitiveType::Short,
        DataType::Int32 => PrimitiveType::Integer,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Float64 => PrimitiveType::Double,
        DataType::Date32 => PrimitiveType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => PrimitiveType::Timestamp,
        DataType::Decimal128(precision, scale) => {
            PrimitiveType::decimal(*precision, u8::try_from(*scale).ok()?).ok()?
        }
        _ => return None,
    };
    Some(DeltaType::Primitive(primitive))
}
