//! Casts that lose decimal places: they round, and comparisons with them stay what they are.
//!
//! The engine cuts a number off when it casts it to an integer. What it rounds it compares without
//! rounding: `CAST(x AS DECIMAL(10, 0)) = 5` becomes `x = 5.00`. So a function rounds first, behind
//! which the engine does not look, and the cast that follows loses nothing.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, lit,
};

/// `number_rounded(number, places)`: a decimal rounded half away from zero, a double half to even.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Rounded {
    signature: Signature,
}

/// Rounds what is cast to a type, if the cast would lose decimal places.
pub(super) fn before_cast(value: Expr, to: &DataType, schema: &DFSchema) -> Expr {
    // What has no type is an error that the engine reports better.
    let places = value.get_type(schema).ok().and_then(|from| lost_places(&from, to));
    match places {
        Some(places) => ScalarUDF::from(Rounded::new()).call(vec![value, lit(places)]),
        None => value,
    }
}

/// Returns how many decimal places a cast leaves, if a number can have more.
fn lost_places(from: &DataType, to: &DataType) -> Option<i8> {
    let places = match to {
        to if to.is_integer() => 0,
        DataType::Decimal128(_, scale) if from.is_decimal() => *scale,
        _ => return None,
    };
    match from {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            (*scale > places && places >= 0).then_some(places)
        }
        from => from.is_floating().then_some(places),
    }
}

impl Rounded {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Rounded {
    fn name(&self) -> &str {
        "number_rounded"
    }

    /// A name does not mention that its expression is converted.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [value, _] = take_function_args(self.name(), args)?;
        Ok(value.schema_name().to_string())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [value, _] = take_function_args(self.name(), types)?;
        let value = match value {
            DataType::Decimal128(..) | DataType::Decimal256(..) => value.clone(),
            number if number.is_numeric() => DataType::Float64,
            other => return plan_err!("`{}` rounds numbers, not {other}", self.name()),
        };
        Ok(vec![value, DataType::Int8])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("the type depends on the number of decimal places")
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value, _] = take_function_args(self.name(), args.arg_fields)?;
        let [_, Some(ScalarValue::Int8(Some(places)))] = args.scalar_arguments else {
            return plan_err!("`{}` needs a number of decimal places", self.name());
        };
        let data_type = match value.data_type() {
            DataType::Decimal128(digits, scale) => {
                DataType::Decimal128(digits_left(*digits, *scale, *places), *places)
            }
            DataType::Decimal256(digits, scale) => {
                DataType::Decimal256(digits_left(*digits, *scale, *places), *places)
            }
            other => other.clone(),
        };
        Ok(Arc::new(Field::new(value.name(), data_type, value.is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, _] = take_function_args(self.name(), &args.args)?;
        let to = args.return_field.data_type();
        match value {
            ColumnarValue::Array(values) => Ok(ColumnarValue::Array(rounded(values, to)?)),
            ColumnarValue::Scalar(value) => {
                let rounded = rounded(&value.to_array()?, to)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&rounded, 0)?))
            }
        }
    }
}

/// Returns how many digits are left with fewer places; rounding up may add one before the point.
fn digits_left(digits: u8, scale: i8, places: i8) -> u8 {
    digits.saturating_sub((scale - places).unsigned_abs()) + u8::from(scale > places)
}

fn rounded(values: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    match values.data_type() {
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>();
            let rounded: Float64Array = values.unary(f64::round_ties_even);
            Ok(Arc::new(rounded))
        }
        // Between decimals a cast rounds half away from zero.
        _ => Ok(cast(values, to)?),
    }
}
