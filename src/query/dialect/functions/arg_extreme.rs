//! `arg_max(x, by)` and `arg_min(x, by)`: the value of the row in which another one is the largest
//! or smallest.
//!
//! As in DuckDB, rows in which either is NULL do not count. Without OVER the planner writes them as
//! `first_value(x ORDER BY by)`, which is faster; what is here answers in windows.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef, make_comparator};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};

use super::collected::{Collected, OfAll, state_fields};

pub(super) const MAXIMUM: &str = "arg_max";
pub(super) const MINIMUM: &str = "arg_min";

/// One of the functions.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ArgExtreme {
    name: &'static str,
    aliases: Vec<String>,
    signature: Signature,
}

impl ArgExtreme {
    pub(super) fn maximum() -> Self {
        Self::new(MAXIMUM, ["max_by", "argmax"])
    }

    pub(super) fn minimum() -> Self {
        Self::new(MINIMUM, ["min_by", "argmin"])
    }

    fn new(name: &'static str, aliases: [&str; 2]) -> Self {
        let signature = Signature::any(2, Volatility::Immutable);
        Self { name, aliases: aliases.map(str::to_owned).into(), signature }
    }
}

impl AggregateUDFImpl for ArgExtreme {
    fn name(&self) -> &str {
        self.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types[0].clone())
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        Ok(state_fields(&args, 2))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let types = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let row = match self.name {
            MAXIMUM => ExtremeRow(Ordering::Greater),
            _ => ExtremeRow(Ordering::Less),
        };
        Ok(Box::new(Collected::new(row, types)))
    }
}

/// The first row that compares like this with all others.
#[derive(Debug)]
struct ExtremeRow(Ordering);

impl OfAll for ExtremeRow {
    fn answer(&self, columns: &[ArrayRef]) -> Result<ScalarValue> {
        let [values, by] = columns else { return Ok(ScalarValue::Null) };
        let nulls = [values.logical_nulls(), by.logical_nulls()];
        let is_null = |row: usize| nulls.iter().flatten().any(|nulls| nulls.is_null(row));
        let compare = make_comparator(by, by, SortOptions::default())?;
        let mut best = None;
        for row in (0..values.len()).filter(|row| !is_null(*row)) {
            if best.is_none_or(|best| compare(row, best) == self.0) {
                best = Some(row);
            }
        }
        match best {
            Some(row) => ScalarValue::try_from_array(values, row),
            None => ScalarValue::try_from(values.data_type()),
        }
    }
}
