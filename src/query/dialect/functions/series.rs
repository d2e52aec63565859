//! Window functions of time series: `ema(x, n)` and `log_return(x)`, both in the order of OVER.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDFImpl};

/// `ema(x, n)`: the exponential moving average with the factor 2 / (n + 1).
///
/// It begins with the first value. A row whose value is NULL has the average before it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Ema {
    signature: Signature,
}

impl Ema {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl WindowUDFImpl for Ema {
    fn name(&self) -> &str {
        "ema"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [value, length] if is_number(value) && length.is_integer() => {
                Ok(vec![DataType::Float64, DataType::Int64])
            }
            _ => plan_err!("ema expects a number and how many rows: ema(close, 20) OVER (…)"),
        }
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Float64, true)))
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::<Average>::default())
    }
}

#[derive(Debug, Default)]
struct Average {
    current: Option<f64>,
}

impl Average {
    fn next(&mut self, value: Option<f64>, length: Option<i64>) -> Result<Option<f64>> {
        let Some(length) = length.filter(|length| *length > 0) else {
            return plan_err!("ema expects a number of rows from 1: ema(close, 20) OVER (…)");
        };
        if let Some(value) = value {
            let factor = 2.0 / (length as f64 + 1.0);
            let average = self.current.map_or(value, |before| before + factor * (value - before));
            self.current = Some(average);
        }
        Ok(self.current)
    }
}

impl PartitionEvaluator for Average {
    fn is_causal(&self) -> bool {
        true
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        let numbers = values[0].as_primitive::<Float64Type>();
        let lengths = values[1].as_primitive::<Int64Type>();
        let averages =
            numbers.iter().zip(lengths).map(|(number, length)| self.next(number, length));
        Ok(Arc::new(averages.collect::<Result<Float64Array>>()?))
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let number = at::<Float64Type>(&values[0], range.start);
        let length = at::<Int64Type>(&values[1], range.start);
        Ok(ScalarValue::Float64(self.next(number, length)?))
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }
}

/// `log_return(x)`: the natural logarithm of a value divided by the one of the row before.
///
/// NULL where either is NULL or not positive.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct LogReturn {
    signature: Signature,
}

impl LogReturn {
    pub(super) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl WindowUDFImpl for LogReturn {
    fn name(&self) -> &str {
        "log_return"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [value] if is_number(value) => Ok(vec![DataType::Float64]),
            _ => plan_err!("log_return expects one number: log_return(close) OVER (…)"),
        }
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), DataType::Float64, true)))
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::<Change>::default())
    }
}

#[derive(Debug, Default)]
struct Change {
    before: Option<f64>,
}

impl Change {
    fn next(&mut self, value: Option<f64>) -> Option<f64> {
        let before = std::mem::replace(&mut self.before, value).filter(|before| *before > 0.0)?;
        let value = value.filter(|value| *value > 0.0)?;
        // A difference of near values is exact, and its logarithm keeps all digits.
        let is_near = value < 2.0 * before && before < 2.0 * value;
        Some(if is_near { ((value - before) / before).ln_1p() } else { (value / before).ln() })
    }
}

impl PartitionEvaluator for Change {
    fn is_causal(&self) -> bool {
        true
    }

    fn evaluate_all(&mut self, values: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        let numbers = values[0].as_primitive::<Float64Type>();
        let changes: Float64Array = numbers.iter().map(|number| self.next(number)).collect();
        Ok(Arc::new(changes))
    }

    fn evaluate(&mut self, values: &[ArrayRef], range: &Range<usize>) -> Result<ScalarValue> {
        let number = at::<Float64Type>(&values[0], range.start);
        Ok(ScalarValue::Float64(self.next(number)))
    }

    fn supports_bounded_execution(&self) -> bool {
        true
    }
}

fn is_number(given: &DataType) -> bool {
    given.is_numeric() || given.is_null()
}

fn at<T: datafusion::arrow::array::ArrowPrimitiveType>(
    column: &ArrayRef,
    row: usize,
) -> Option<T::Native> {
    let column = column.as_primitive::<T>();
    column.is_valid(row).then(|| column.value(row))
}
