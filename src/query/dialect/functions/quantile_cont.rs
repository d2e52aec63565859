//! `quantile_cont(x, q)`, also `percentile_cont`: the value at a share `q` of all, interpolated.
//!
//! The engine rounds how far the answer is from one value to the next to a millionth. Here that of
//! integers and decimals is exact, and the answer rounded once to a double.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, DecimalType, FieldRef, Float64Type, Int64Type, i256,
};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::collected::{Collected, OfAll, state_fields};
use super::quantile::{DIGITS, Share};
use crate::query::dialect::numbers::mean;

const NAME: &str = "quantile_cont";

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct QuantileCont {
    signature: Signature,
    aliases: Vec<String>,
}

impl QuantileCont {
    pub(super) fn new() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature, aliases: vec![NAME.to_owned()] }
    }
}

impl AggregateUDFImpl for QuantileCont {
    fn name(&self) -> &str {
        "percentile_cont"
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [value, share] = given else {
            return plan_err!("{NAME} expects a value and a share from 0 to 1");
        };
        let value = match value {
            DataType::Decimal128(..) => value.clone(),
            DataType::UInt64 => DataType::Decimal128(Decimal128Type::MAX_PRECISION, 0),
            integer if integer.is_integer() => DataType::Int64,
            number if number.is_numeric() || number.is_null() => DataType::Float64,
            other => return plan_err!("{NAME} is of numbers, not of {other}"),
        };
        if !share.is_numeric() {
            return plan_err!("the share of {NAME} must be a constant from 0 to 1");
        }
        let share = DataType::Decimal128(Decimal128Type::MAX_PRECISION, DIGITS as i8);
        Ok(vec![value, share])
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args, 1))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let share = Share::of(args.exprs[1].as_ref(), NAME)?;
        let is_descending = args.order_bys.first().is_some_and(|order| order.options.descending);
        let share = if is_descending { share.reversed() } else { share };
        let between = Between { share, is_distinct: args.is_distinct };
        let data_type = args.expr_fields[0].data_type().clone();
        Ok(Box::new(Collected::new(between, vec![data_type])))
    }

    fn supports_within_group_clause(&self) -> bool {
        true
    }
}

/// What lies at a share of all values.
#[derive(Debug)]
struct Between {
    share: Share,
    is_distinct: bool,
}

impl OfAll for Between {
    fn answer(&self, columns: &[ArrayRef]) -> Result<ScalarValue> {
        let column = &columns[0];
        let quantile = match column.data_type() {
            DataType::Decimal128(_, scale) => {
                let digits = column.as_primitive::<Decimal128Type>().iter().flatten().collect();
                self.of_exact(digits, scale.unsigned_abs())
            }
            DataType::Int64 => {
                let numbers = column.as_primitive::<Int64Type>().iter().flatten();
                self.of_exact(numbers.map(i128::from).collect(), 0)
            }
            _ => self.of_doubles(column.as_primitive::<Float64Type>().iter().flatten().collect()),
        };
        Ok(ScalarValue::Float64(quantile))
    }
}

impl Between {
    fn of_exact(&self, digits: Vec<i128>, scale: u8) -> Option<f64> {
        let (lower, upper, rest) = self.neighbours(digits, i128::cmp)?;
        let wide = |number: i128| i256::from_i128(number);
        let whole = Share::WHOLE;
        let below = wide(lower).wrapping_mul(i256::from_parts(whole.into(), 0));
        let step = wide(upper).wrapping_sub(wide(lower));
        let sum = below.wrapping_add(step.wrapping_mul(i256::from_parts(rest.into(), 0)));
        Some(mean(sum, whole, scale))
    }

    fn of_doubles(&self, numbers: Vec<f64>) -> Option<f64> {
        let (lower, upper, rest) = self.neighbours(numbers, f64::total_cmp)?;
        if rest == 0 || lower == upper {
            return Some(lower);
        }
        let weight = rest as f64 / Share::WHOLE as f64;
        Some(lower + (upper - lower) * weight)
    }

    /// Returns the values below and above the share, and how far it is from one to the next.
    fn neighbours<T: Copy>(
        &self,
        mut values: Vec<T>,
        compare: fn(&T, &T) -> Ordering,
    ) -> Option<(T, T, u64)> {
        if self.is_distinct {
            values.sort_unstable_by(compare);
            values.dedup_by(|one, other| compare(one, other).is_eq());
        }
        let (place, rest) = self.share.between(values.len().checked_sub(1)?);
        let (_, lower, above) = values.select_nth_unstable_by(place, compare);
        let lower = *lower;
        let upper = above.iter().copied().min_by(compare).filter(|_| rest > 0);
        Some((lower, upper.unwrap_or(lower), rest))
    }
}
