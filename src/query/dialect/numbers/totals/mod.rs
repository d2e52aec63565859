//! `sum` and `avg`: exact for exact numbers, whatever the order and the parts that they are summed
//! in.
//!
//! Both add up in 256 bits, which no number of rows overflows, and look only at the end whether the
//! result is in its type. Sums of doubles, durations and intervals stay the engine's, but for those
//! over a window that moves: what leaves such a window must leave no trace.

mod distinct;
mod doubles;
mod exact;
mod groups;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, not_impl_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, Signature,
    Volatility,
};

use self::distinct::DistinctTotal;
use self::doubles::DoublesInWindow;
use self::exact::{ExactTotal, Outcome};
use self::groups::ExactTotals;
use super::types::{MAX_DIGITS, aggregated};

/// Returns the functions.
pub(super) fn functions() -> Vec<Arc<AggregateUDF>> {
    [Function::Sum, Function::Average]
        .map(|function| Arc::new(AggregateUDF::from(Total::new(function))))
        .into()
}

/// What is made of a sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Function {
    Sum,
    Average,
}

/// `sum` or `avg`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Total {
    function: Function,
    signature: Signature,
    aliases: Vec<String>,
}

impl Total {
    fn new(function: Function) -> Self {
        let aliases = match function {
            Function::Sum => Vec::new(),
            Function::Average => vec!["mean".to_owned()],
        };
        Self { function, signature: Signature::user_defined(Volatility::Immutable), aliases }
    }

    /// Returns what the engine has under the name.
    fn engines(&self) -> Arc<AggregateUDF> {
        match self.function {
            Function::Sum => sum_udaf(),
            Function::Average => avg_udaf(),
        }
    }

    /// Returns how to make the result of exact numbers, or nothing for others.
    fn outcome(&self, args: &AccumulatorArgs) -> Option<Outcome> {
        let input = args.expr_fields.first()?.data_type();
        let scale = exact_scale(input)?;
        Some(match self.function {
            Function::Sum => Outcome::sum(args),
            Function::Average => Outcome::Average { scale },
        })
    }
}

/// Returns the scale of exact numbers, or nothing for others.
const fn exact_scale(data_type: &DataType) -> Option<u8> {
    match data_type {
        DataType::Int64 | DataType::UInt64 => Some(0),
        DataType::Decimal128(_, scale) => Some(scale.unsigned_abs()),
        _ => None,
    }
}

impl AggregateUDFImpl for Total {
    fn name(&self) -> &str {
        match self.function {
            Function::Sum => "sum",
            Function::Average => "avg",
        }
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [argument] = take_function_args(self.name(), types)?;
        Ok(vec![aggregated(self.name(), argument)?])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [argument] = take_function_args(self.name(), types)?;
        let argument = aggregated(self.name(), argument)?;
        match (self.function, &argument) {
            (Function::Sum, DataType::Decimal128(_, scale)) => {
                Ok(DataType::Decimal128(MAX_DIGITS, *scale))
            }
            (Function::Average, DataType::Interval(_)) => {
                not_impl_err!("`avg` of intervals: cast them to a duration")
            }
            (Function::Average, DataType::Duration(_)) | (Function::Sum, _) => Ok(argument),
            (Function::Average, _) => Ok(DataType::Float64),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match self.outcome(&args) {
            Some(outcome) if args.is_distinct => Ok(Box::new(DistinctTotal::new(outcome))),
            Some(outcome) => Ok(Box::new(ExactTotal::new(outcome))),
            None => self.engines().accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let is_double = args.expr_fields.first().map(|field| field.data_type());
        if is_double == Some(&DataType::Float64) && !args.is_distinct {
            let is_average = self.function == Function::Average;
            return Ok(Box::new(DoublesInWindow::new(is_average)));
        }
        match self.outcome(&args) {
            Some(_) => self.accumulator(args),
            None => self.engines().create_sliding_accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let input = args.input_fields.first().map(|field| field.data_type());
        if input.and_then(exact_scale).is_none() {
            return self.engines().inner().state_fields(args);
        }
        let name = |part: &str| format_state_name(args.name, part);
        if args.is_distinct {
            let item = Field::new_list_field(distinct::ITEM, true);
            return Ok(vec![Arc::new(Field::new_list(name("distinct"), item, true))]);
        }
        Ok(vec![
            Arc::new(Field::new(name("total"), exact::TOTAL, true)),
            Arc::new(Field::new(name("count"), DataType::UInt64, true)),
        ])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        match self.outcome(&args) {
            Some(_) => !args.is_distinct,
            None => self.engines().groups_accumulator_supported(args),
        }
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match self.outcome(&args) {
            Some(outcome) => Ok(Box::new(ExactTotals::new(outcome))),
            None => self.engines().create_groups_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}
