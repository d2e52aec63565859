//! Decimals that are too long for those who read an answer.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;

use super::types::MAX_DIGITS;

/// Refuses an answer with a decimal of more than 38 digits, which most readers lack.
#[derive(Debug)]
pub(super) struct ShortDecimals;

impl AnalyzerRule for ShortDecimals {
    fn name(&self) -> &str {
        "short_decimals"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let too_long = |data_type: &DataType| matches!(data_type, DataType::Decimal256(..));
        match plan.schema().fields().iter().find(|field| too_long(field.data_type())) {
            None => Ok(plan),
            Some(field) => plan_err!(
                "the column `{}` has more than the {MAX_DIGITS} digits of a decimal: cast it to \
                 DOUBLE, or to a shorter decimal",
                field.name()
            ),
        }
    }
}
