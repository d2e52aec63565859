//! `mode(x)`: the value that occurs most often; of several, the smallest.

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{partition, sort};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::collected::{Collected, OfAll, state_fields};

/// The function.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Mode {
    signature: Signature,
}

impl Mode {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args, 1))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let data_type = args.expr_fields[0].data_type().clone();
        Ok(Box::new(Collected::new(MostFrequent, vec![data_type])))
    }
}

#[derive(Debug)]
struct MostFrequent;

impl OfAll for MostFrequent {
    fn answer(&self, columns: &[ArrayRef]) -> Result<ScalarValue> {
        let column = &columns[0];
        let nulls = column.logical_null_count();
        if nulls == column.len() {
            return ScalarValue::try_from(column.data_type());
        }
        // NULLs are sorted to the front.
        let sorted = sort(column, None)?.slice(nulls, column.len() - nulls);
        let runs = partition(&[ArrayRef::clone(&sorted)])?.ranges();
        let mut most = 0..0;
        for run in runs {
            if run.len() > most.len() {
                most = run;
            }
        }
        ScalarValue::try_from_array(&sorted, most.start)
    }
}
