//! Operators between numbers, as they are planned from the text.
//!
//! They are replaced this early because the types of everything around them are decided next. What
//! has no type yet, such as a parameter, is replaced later by `common`.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use super::operators::{call, is_arithmetic};
use super::types::{Operator, is_number};

/// Plans what the operators of numbers mean.
#[derive(Debug)]
pub(super) struct Numbers;

impl ExprPlanner for Numbers {
    fn plan_binary_op(
        &self,
        expression: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        match operator(&expression.op) {
            Some(operator) if are_numbers(&expression.left, &expression.right, schema) => {
                let call = call(operator, expression.left, expression.right);
                Ok(PlannerResult::Planned(call))
            }
            _ => Ok(PlannerResult::Original(expression)),
        }
    }
}

/// Returns whether both are numbers, or one is and the other NULL.
pub(super) fn are_numbers(left: &Expr, right: &Expr, schema: &DFSchema) -> bool {
    let (Some(left), Some(right)) = (kind(left, schema), kind(right, schema)) else {
        return false;
    };
    left.max(right) == Kind::Number && left.min(right) != Kind::Other
}

/// What an operand is, as far as arithmetic is concerned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Other,
    Null,
    Number,
}

fn kind(operand: &Expr, schema: &DFSchema) -> Option<Kind> {
    // The types of a long sum are not looked up again for each of its parts.
    if is_arithmetic(operand) {
        return Some(Kind::Number);
    }
    let data_type = operand.get_type(schema).ok()?;
    Some(match data_type {
        DataType::Null => Kind::Null,
        kind if is_number(&kind) => Kind::Number,
        _ => Kind::Other,
    })
}

const fn operator(written: &BinaryOperator) -> Option<Operator> {
    match written {
        BinaryOperator::Plus => Some(Operator::Add),
        BinaryOperator::Minus => Some(Operator::Subtract),
        BinaryOperator::Multiply => Some(Operator::Multiply),
        BinaryOperator::Divide => Some(Operator::Divide),
        BinaryOperator::Modulo => Some(Operator::Remainder),
        BinaryOperator::DuckIntegerDivide | BinaryOperator::MyIntegerDivide => {
            Some(Operator::DivideWhole)
        }
        _ => None,
    }
}
