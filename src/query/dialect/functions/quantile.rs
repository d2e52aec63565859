//! `quantile(x, q)`, also `quantile_disc`: the smallest value that is not below a share `q` of all.
//!
//! The answer is one of the values, for any type that has an order. What lies between two values is
//! `quantile_cont`.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{SortOptions, sort_to_indices};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, DecimalType, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Signature, Volatility,
};
use datafusion::physical_expr::PhysicalExpr;

use super::collected::{Collected, OfAll, state_fields};

const NAME: &str = "quantile";

/// Digits of a share after the point that are read exactly.
pub(super) const DIGITS: u32 = 18;

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Quantile {
    signature: Signature,
    aliases: Vec<String>,
}

impl Quantile {
    pub(super) fn new() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature, aliases: vec!["quantile_disc".to_owned()] }
    }
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &str {
        NAME
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [value, share] if share.is_numeric() => {
                let share = DataType::Decimal128(Decimal128Type::MAX_PRECISION, DIGITS as i8);
                Ok(vec![value.clone(), share])
            }
            _ => plan_err!("{NAME} expects a value and a share from 0 to 1: {NAME}(price, 0.95)"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args, 1))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let share = Share::of(args.exprs[1].as_ref(), NAME)?;
        let data_type = args.expr_fields[0].data_type().clone();
        Ok(Box::new(Collected::new(share, vec![data_type])))
    }
}

/// A share of all values, in units of its last digit.
#[derive(Debug)]
pub(super) struct Share(u64);

impl Share {
    pub(super) const WHOLE: u64 = 10_u64.pow(DIGITS);

    /// Reads the share that is an argument of a function.
    pub(super) fn of(expression: &dyn PhysicalExpr, function: &str) -> Result<Self> {
        let nothing = RecordBatch::new_empty(Schema::empty().into());
        if let Ok(ColumnarValue::Scalar(ScalarValue::Decimal128(Some(share), ..))) =
            expression.evaluate(&nothing)
            && let Ok(share) = u64::try_from(share)
            && share <= Self::WHOLE
        {
            return Ok(Self(share));
        }
        plan_err!("the share of {function} must be a constant from 0 to 1: {function}(price, 0.95)")
    }

    /// Returns the share that is as far from the end as this one from the start.
    pub(super) const fn reversed(&self) -> Self {
        Self(Self::WHOLE - self.0)
    }

    /// Returns how many of some steps the share has passed, and its way to the next in units.
    pub(super) fn between(&self, steps: usize) -> (usize, u64) {
        let whole = u128::from(Self::WHOLE);
        let way = u128::from(self.0) * steps as u128;
        let passed = usize::try_from(way / whole).unwrap_or(steps);
        (passed, u64::try_from(way % whole).unwrap_or(0))
    }

    /// Returns the place of the value among `values` sorted ones.
    fn place(&self, values: usize) -> usize {
        let before = (u128::from(self.0) * values as u128).div_ceil(Self::WHOLE.into());
        usize::try_from(before).unwrap_or(values).saturating_sub(1)
    }
}

impl OfAll for Share {
    fn answer(&self, columns: &[ArrayRef]) -> Result<ScalarValue> {
        let column = &columns[0];
        let values = column.len() - column.logical_null_count();
        if values == 0 {
            return ScalarValue::try_from(column.data_type());
        }
        let nulls_last = SortOptions { descending: false, nulls_first: false };
        let place = self.place(values);
        let order = sort_to_indices(column, Some(nulls_last), Some(place + 1))?;
        ScalarValue::try_from_array(column, order.value(place) as usize)
    }
}
