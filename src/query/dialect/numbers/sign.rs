//! `sign(x)`: -1, 0 or 1. The engine has it for doubles alone.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::one_number::{computed, taken_as};

/// The function: a `BIGINT` for exact numbers, a double for doubles.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Sign {
    signature: Signature,
}

impl Sign {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Sign {
    fn name(&self) -> &str {
        "sign"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        taken_as(self.name(), types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [number] = take_function_args(self.name(), types)?;
        Ok(if number.is_floating() { DataType::Float64 } else { DataType::Int64 })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        computed(self.name(), &args, signs)
    }
}

fn signs(numbers: &ArrayRef) -> Result<ArrayRef> {
    Ok(match numbers.data_type() {
        DataType::Decimal128(..) => {
            let numbers = numbers.as_primitive::<Decimal128Type>();
            let signs: Int64Array = numbers.unary(|digits| digits.signum() as i64);
            Arc::new(signs)
        }
        DataType::Float64 => {
            let numbers = numbers.as_primitive::<Float64Type>();
            let signs: Float64Array = numbers.unary(sign_of_double);
            Arc::new(signs)
        }
        DataType::Int64 => {
            let numbers = numbers.as_primitive::<Int64Type>();
            let signs: Int64Array = numbers.unary(i64::signum);
            Arc::new(signs)
        }
        other => return plan_err!("`sign` is of a number, not of {other}"),
    })
}

/// Zero has no sign, and NaN stays what it is.
fn sign_of_double(number: f64) -> f64 {
    if number == 0.0 { 0.0 } else { number.signum() }
}
