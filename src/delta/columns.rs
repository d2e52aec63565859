//! Arrow types as Delta column types: the few that the lake's tables use.

use arrow::datatypes::{DataType, TimeUnit};
use deltalake::kernel::{DataType as DeltaType, PrimitiveType, StructField};

use super::TableError;
use super::table::TableSpec;

/// Returns the columns of a table as its log describes them, in their order and with comments.
///
/// # Errors
/// When a column has a type that is not among the few.
pub(super) fn delta_columns(spec: &TableSpec) -> Result<Vec<StructField>, TableError> {
    let mut columns = Vec::with_capacity(spec.schema.fields().len());
    for field in spec.schema.fields() {
        let unsupported =
            || TableError::unsupported_column(&spec.name, field.data_type().to_string());
        let data_type = delta_type(field.data_type()).ok_or_else(unsupported)?;
        let column = StructField::new(field.name(), data_type, field.is_nullable());
        columns.push(spec.descriptions.comment_on(column));
    }
    Ok(columns)
}

/// Returns whether a column may be named in the table's data-skipping property.
///
/// Decimals may not: the log has their bounds as JSON numbers, which writers and readers pass
/// through floating point (delta-rs issue 3905), and readers then skip files that hold matching
/// rows. Our own statistics have no such bounds either; other writers honour the property.
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
