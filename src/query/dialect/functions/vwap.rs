//! `vwap(price, quantity)`: the average price, weighted by quantity.
//!
//! Decimals and whole numbers are summed exactly, and the quotient is rounded once. DOUBLEs are
//! summed with twice their precision. Rows in which either is NULL do not count; where the
//! quantities add up to zero there is no price, and the answer is NULL.

mod doubles;
mod exact;
mod groups;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use self::doubles::DoubleSums;
use self::exact::{DIGITS, ExactSums};
use self::groups::ExactGroups;

const NAME: &str = "vwap";

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Vwap {
    signature: Signature,
}

impl Vwap {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Vwap {
    fn name(&self) -> &str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let [price, quantity] = given else {
            return plan_err!("{NAME} expects a price and a quantity: {NAME}(price, quantity)");
        };
        let types = [exact_type(price), exact_type(quantity)];
        if let [Some(price), Some(quantity)] = types {
            return Ok(vec![price, quantity]);
        }
        match [price, quantity].into_iter().find(|given| !is_number(given)) {
            Some(given) => plan_err!("{NAME} expects numbers, not {given}"),
            None => Ok(vec![DataType::Float64; 2]),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let types = match args.input_fields[0].data_type() {
            DataType::Decimal128(..) => vec![DataType::Decimal256(DIGITS, 0); 2],
            _ => vec![
                DataType::Float64,
                DataType::Float64,
                DataType::Int64,
                DataType::Float64,
                DataType::Float64,
                DataType::Int64,
            ],
        };
        let field = |(index, data_type)| {
            let name = format_state_name(args.name, &format!("sum{index}"));
            Arc::new(Field::new(name, data_type, true))
        };
        Ok(types.into_iter().enumerate().map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        match price_scale(&args) {
            Some(scale) => Ok(Box::new(ExactSums::new(scale))),
            None => Ok(Box::<DoubleSums>::default()),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        price_scale(&args).is_some()
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(ExactGroups::new(price_scale(&args).unwrap_or_default())))
    }
}

/// Returns how many digits prices have after the point, if they are decimals.
fn price_scale(args: &AccumulatorArgs<'_>) -> Option<u32> {
    match args.expr_fields[0].data_type() {
        DataType::Decimal128(_, scale) => Some(u32::try_from(*scale).unwrap_or_default()),
        _ => None,
    }
}

/// Returns the decimal that holds all values of a type exactly.
fn exact_type(given: &DataType) -> Option<DataType> {
    match given {
        DataType::Decimal128(_, scale) if *scale >= 0 => Some(given.clone()),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) if *scale >= 0 => {
            Some(DataType::Decimal128(*digits, *scale))
        }
        given if given.is_integer() => Some(DataType::Decimal128(20, 0)),
        DataType::Null => Some(DataType::Decimal128(1, 0)),
        _ => None,
    }
}

fn is_number(given: &DataType) -> bool {
    given.is_numeric() || given.is_null()
}
