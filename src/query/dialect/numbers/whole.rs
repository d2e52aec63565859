//! `floor(x)` and `ceil(x)`. The engine's keep the type of a decimal, into which the next whole
//! number need not fit, and make doubles of integers.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type};
use datafusion::common::Result;
use datafusion::common::utils::take_function_args;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::one_number::{computed, taken_as};
use super::types::MAX_DIGITS;

/// The whole number next to a number, below or above it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Whole {
    is_above: bool,
    aliases: Vec<String>,
    signature: Signature,
}

impl Whole {
    pub(super) fn below() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { is_above: false, aliases: Vec::new(), signature }
    }

    pub(super) fn above() -> Self {
        let aliases = vec!["ceiling".to_owned()];
        Self { is_above: true, aliases, ..Self::below() }
    }

    fn of(&self, numbers: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
        Ok(match (numbers.data_type(), result) {
            (DataType::Decimal128(_, places), DataType::Decimal128(digits, _)) if *places > 0 => {
                let unit = 10_i128.pow(u32::from(places.unsigned_abs()));
                let whole = |number: i128| {
                    let below = number.div_euclid(unit);
                    let is_next = self.is_above && number.rem_euclid(unit) > 0;
                    below + i128::from(is_next)
                };
                let numbers = numbers.as_primitive::<Decimal128Type>();
                let whole: Decimal128Array = numbers.unary(whole);
                Arc::new(whole.with_precision_and_scale(*digits, 0)?)
            }
            (DataType::Float64, _) => {
                let numbers = numbers.as_primitive::<Float64Type>();
                let round = if self.is_above { f64::ceil } else { f64::floor };
                let whole: Float64Array = numbers.unary(round);
                Arc::new(whole)
            }
            _ => Arc::clone(numbers),
        })
    }
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &str {
        if self.is_above { "ceil" } else { "floor" }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
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
        Ok(match number {
            DataType::Decimal128(digits, places) if *places > 0 => {
                // One digit more: the number above 9.9 has two before its point.
                let before = digits.saturating_sub(places.unsigned_abs());
                DataType::Decimal128((before + 1).min(MAX_DIGITS), 0)
            }
            other => other.clone(),
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        computed(self.name(), &args, |numbers| self.of(numbers, args.return_type()))
    }
}
