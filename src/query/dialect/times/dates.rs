//! Dates beside lengths of time: `date + INTERVAL '17 minutes'` is a time, not a date.
//!
//! The engine gives a date, and loses the part of the length that is shorter than a day.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, cast};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::parts::is_length;

/// Makes dates times where a length is added or subtracted.
#[derive(Debug)]
pub(super) struct MovedDates;

impl ExprPlanner for MovedDates {
    fn plan_binary_op(
        &self,
        mut expression: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let is_sum = matches!(expression.op, BinaryOperator::Plus | BinaryOperator::Minus);
        // What has no type is left to the engine.
        let left = expression.left.get_type(schema).ok().filter(|_| is_sum);
        let right = expression.right.get_type(schema).ok().filter(|_| is_sum);
        if let (Some(left), Some(right)) = (left, right) {
            if is_date(&left) && is_length(&right) {
                expression.left = midnight(expression.left);
            } else if is_length(&left) && is_date(&right) {
                expression.right = midnight(expression.right);
            }
        }
        // Other planners may know what the operator means; here only the operand changes.
        Ok(PlannerResult::Original(expression))
    }
}

const fn is_date(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Date32 | DataType::Date64)
}

fn midnight(date: Expr) -> Expr {
    cast(date, DataType::Timestamp(TimeUnit::Microsecond, None))
}
