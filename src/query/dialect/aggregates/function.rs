//! A statistic as a function of SQL: its names, its types, and which accumulator computes it.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_datafusion_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use super::accumulator::{ExactSlidingAccumulator, Task, WholeAccumulator, width};
use super::distinct::DistinctAccumulator;
use super::groups::StatisticGroups;
use super::moments::{ExactMoments, FloatMoments, MAX_EXACT_DIGITS, scales};
use super::sliding::FloatSlidingAccumulator;
use super::statistic::Statistic;

/// Digits of the largest integer.
const INTEGER_DIGITS: u8 = 20;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct StatisticFunction {
    statistic: Statistic,
    aliases: Vec<String>,
    signature: Signature,
}

/// How the rows of a call are summed.
#[derive(Clone, Copy)]
enum Sums {
    ExactOfOne,
    ExactOfTwo,
    FloatOfOne,
    FloatOfTwo,
}

impl Sums {
    fn of(types: &[DataType]) -> Self {
        let exact = types.iter().all(|data_type| matches!(data_type, DataType::Decimal128(..)));
        match (exact, types.len()) {
            (true, 1) => Self::ExactOfOne,
            (true, _) => Self::ExactOfTwo,
            (false, 1) => Self::FloatOfOne,
            (false, _) => Self::FloatOfTwo,
        }
    }
}

impl StatisticFunction {
    pub(super) fn new(statistic: Statistic) -> Self {
        let aliases = statistic.names().iter().skip(1).map(|name| (*name).to_owned()).collect();
        Self { statistic, aliases, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn task(&self, types: &[DataType]) -> Task {
        Task { statistic: self.statistic, scales: scales(types) }
    }

    fn not_distinct(&self) -> DataFusionError {
        plan_datafusion_err!("{}(DISTINCT …) is not supported here", self.name())
    }
}

impl AggregateUDFImpl for StatisticFunction {
    fn name(&self) -> &str {
        self.statistic.names()[0]
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let columns = self.statistic.columns();
        if types.len() != columns {
            return plan_err!("{} takes {columns} arguments, not {}", self.name(), types.len());
        }
        if let Some(other) = types.iter().find(|data_type| !is_number(data_type)) {
            return plan_err!("{} is a function of numbers, not of {other}", self.name());
        }
        let exact: Option<Vec<_>> = types.iter().map(exact_type).collect();
        Ok(exact.unwrap_or_else(|| vec![DataType::Float64; columns]))
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.statistic {
            Statistic::Count => DataType::UInt64,
            _ => DataType::Float64,
        })
    }

    fn default_value(&self, _: &DataType) -> Result<ScalarValue> {
        Ok(match self.statistic {
            Statistic::Count => ScalarValue::UInt64(Some(0)),
            _ => ScalarValue::Float64(None),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state = match args.is_distinct {
            true => DataType::LargeBinary,
            false => DataType::FixedSizeBinary(match Sums::of(&types(args.input_fields)) {
                Sums::ExactOfOne => width::<ExactMoments<1>, 1>()?,
                Sums::ExactOfTwo => width::<ExactMoments<2>, 2>()?,
                Sums::FloatOfOne => width::<FloatMoments<1>, 1>()?,
                Sums::FloatOfTwo => width::<FloatMoments<2>, 2>()?,
            }),
        };
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "moments"), state, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let types = types(args.expr_fields);
        let task = self.task(&types);
        Ok(match (Sums::of(&types), args.is_distinct) {
            (Sums::ExactOfOne, true) => Box::new(DistinctAccumulator::<ExactMoments<1>>::new(task)),
            (Sums::FloatOfOne, true) => Box::new(DistinctAccumulator::<FloatMoments<1>>::new(task)),
            (_, true) => return Err(self.not_distinct()),
            (Sums::ExactOfOne, _) => Box::new(WholeAccumulator::<ExactMoments<1>, 1>::new(task)),
            (Sums::ExactOfTwo, _) => Box::new(WholeAccumulator::<ExactMoments<2>, 2>::new(task)),
            (Sums::FloatOfOne, _) => Box::new(WholeAccumulator::<FloatMoments<1>, 1>::new(task)),
            (Sums::FloatOfTwo, _) => Box::new(WholeAccumulator::<FloatMoments<2>, 2>::new(task)),
        })
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(self.not_distinct());
        }
        let types = types(args.expr_fields);
        let task = self.task(&types);
        Ok(match Sums::of(&types) {
            Sums::ExactOfOne => Box::new(ExactSlidingAccumulator::<1>::new(task)),
            Sums::ExactOfTwo => Box::new(ExactSlidingAccumulator::<2>::new(task)),
            Sums::FloatOfOne => Box::new(FloatSlidingAccumulator::<1>::new(task)),
            Sums::FloatOfTwo => Box::new(FloatSlidingAccumulator::<2>::new(task)),
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let types = types(args.expr_fields);
        let task = self.task(&types);
        Ok(match Sums::of(&types) {
            Sums::ExactOfOne => Box::new(StatisticGroups::<ExactMoments<1>, 1>::new(task)),
            Sums::ExactOfTwo => Box::new(StatisticGroups::<ExactMoments<2>, 2>::new(task)),
            Sums::FloatOfOne => Box::new(StatisticGroups::<FloatMoments<1>, 1>::new(task)),
            Sums::FloatOfTwo => Box::new(StatisticGroups::<FloatMoments<2>, 2>::new(task)),
        })
    }
}

fn types(fields: &[FieldRef]) -> Vec<DataType> {
    fields.iter().map(|field| field.data_type().clone()).collect()
}

fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric() || data_type.is_null()
}

/// Returns the decimal as which a type is summed exactly, if there is one.
fn exact_type(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
            if *digits <= MAX_EXACT_DIGITS =>
        {
            Some(DataType::Decimal128(*digits, *scale))
        }
        integer if integer.is_integer() => Some(DataType::Decimal128(INTEGER_DIGITS, 0)),
        _ => None,
    }
}
