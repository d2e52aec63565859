//! Values of parameters: from Arrow into the statement as literals.
//!
//! So a statement with parameters is the statement that the client would write without them, is
//! planned with its values known, and leaves out the same files.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use arrow::util::display::array_value_to_string;
use thiserror::Error;

use crate::query::text_literal;

/// Why a value cannot be one of a parameter.
#[derive(Debug, Error)]
pub(super) enum ValueError {
    #[error("a parameter cannot be of the type {0}")]
    Type(DataType),
    #[error("a parameter has no form as text: {0}")]
    Form(#[from] ArrowError),
}

/// Writes the values of the first row as expressions.
///
/// # Errors
/// When one is of a type that has no literals.
pub(super) fn literals(row: &RecordBatch) -> Result<Vec<String>, ValueError> {
    row.columns().iter().map(|column| literal(column, 0)).collect()
}

fn literal(column: &ArrayRef, row: usize) -> Result<String, ValueError> {
    let text = || array_value_to_string(column, row);
    let cast_text = |name: &str| Ok(format!("CAST({} AS {name})", text_literal(&text()?)));
    let data_type = column.data_type();
    if column.is_null(row) || data_type.is_null() {
        return null(data_type);
    }
    match data_type {
        DataType::Boolean => Ok(text()?.to_uppercase()),
        DataType::Float16 | DataType::Float32 | DataType::Float64 => cast_text("DOUBLE"),
        // A number keeps all its digits, however many a column has.
        data_type if data_type.is_numeric() => Ok(format!("({})", text()?)),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Ok(text_literal(&text()?)),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Ok(format!("X'{}'", text()?)),
        DataType::Date32 => cast_text("DATE"),
        DataType::Date64 => literal(&cast(column, &DataType::Date32)?, row),
        DataType::Timestamp(_, None) => cast_text("TIMESTAMP"),
        DataType::Timestamp(_, Some(_)) => cast_text("TIMESTAMP WITH TIME ZONE"),
        DataType::Dictionary(_, values) => literal(&cast(column, values)?, row),
        DataType::List(_) => array(&column.as_list::<i32>().value(row)),
        DataType::LargeList(_) => array(&column.as_list::<i64>().value(row)),
        data_type => Err(ValueError::Type(data_type.clone())),
    }
}

fn array(items: &ArrayRef) -> Result<String, ValueError> {
    let mut literals = Vec::with_capacity(items.len());
    for row in 0..items.len() {
        literals.push(literal(items, row)?);
    }
    Ok(format!("make_array({})", literals.join(", ")))
}

/// Writes NULL with the type that it was given with, where SQL has a name for it.
fn null(data_type: &DataType) -> Result<String, ValueError> {
    let name = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Float16 | DataType::Float32 | DataType::Float64 => "DOUBLE",
        DataType::Decimal128(precision, scale) => {
            return Ok(format!("CAST(NULL AS DECIMAL({precision}, {scale}))"));
        }
        data_type if data_type.is_integer() => "BIGINT",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Date32 | DataType::Date64 => "DATE",
        DataType::Timestamp(_, None) => "TIMESTAMP",
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        _ => return Ok("NULL".to_owned()),
    };
    Ok(format!("CAST(NULL AS {name})"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        ListArray, NullArray, StringArray, TimestampMicrosecondArray,
    };
    use arrow::datatypes::Int64Type;

    use super::*;

    fn written(array: impl Array + 'static) -> String {
        literal(&(Arc::new(array) as ArrayRef), 0).unwrap()
    }

    #[test]
    fn a_value_is_written_exactly_and_cannot_leave_its_literal() {
        assert_eq!(written(StringArray::from(vec!["a' OR '1'='1"])), "'a'' OR ''1''=''1'");
        assert_eq!(written(Int64Array::from(vec![-5])), "(-5)");
        let decimal = Decimal128Array::from(vec![-1_i128]).with_precision_and_scale(38, 18);
        assert_eq!(written(decimal.unwrap()), "(-0.000000000000000001)");
        assert_eq!(written(Float64Array::from(vec![1e-7])), "CAST('1e-7' AS DOUBLE)");
        assert_eq!(written(BooleanArray::from(vec![true])), "TRUE");
        assert_eq!(written(BinaryArray::from(vec![b"\0'".as_slice()])), "X'0027'");
        assert_eq!(written(Date32Array::from(vec![19_782])), "CAST('2024-02-29' AS DATE)");
        let time = TimestampMicrosecondArray::from(vec![1_704_164_645_000_006]);
        let expected = "CAST('2024-01-02T03:04:05.000006' AS TIMESTAMP)";
        assert_eq!(written(time.clone()), expected);
        let expected = "CAST('2024-01-02T03:04:05.000006Z' AS TIMESTAMP WITH TIME ZONE)";
        assert_eq!(written(time.with_timezone("UTC")), expected);
        assert_eq!(written(NullArray::new(1)), "NULL");
        assert_eq!(written(Int64Array::from(vec![None])), "CAST(NULL AS BIGINT)");
        let items = vec![Some(vec![Some(1), None])];
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>(items);
        assert_eq!(written(list), "make_array((1), CAST(NULL AS BIGINT))");
    }
}
