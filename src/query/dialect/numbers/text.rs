//! Messages about values that do not fit: which expression it is, and the cast that helps.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::fmt_sql;

use super::operators::Arithmetic;
use super::types::{MAX_DIGITS, Operator};

/// Says that the result of an operator is not in its type.
pub(super) fn overflow(
    [left, right]: &[String; 2],
    operator: Operator,
    data_type: &DataType,
    problem: &ArrowError,
) -> String {
    let sign = operator.sign();
    if operator == Operator::Subtract && left == "0" && data_type.is_integer() {
        return negation_overflow(right, data_type);
    }
    match data_type {
        DataType::Decimal128(_, places) => format!(
            "`{left} {sign} {right}` needs more than the {MAX_DIGITS} digits of a decimal, \
             {places} of which are decimal places: write CAST({left} AS DOUBLE) {sign} {right}, \
             or cast to a decimal with fewer places"
        ),
        kind if kind.is_integer() => format!(
            "`{left} {sign} {right}` does not fit in {}: write CAST({left} AS \
             DECIMAL({MAX_DIGITS}, 0)) {sign} {right}",
            integer_name(kind)
        ),
        _ => format!("`{left} {sign} {right}` cannot be computed: {problem}"),
    }
}

/// A negative is computed as a difference from zero.
fn negation_overflow(operand: &str, data_type: &DataType) -> String {
    format!(
        "`-{operand}` does not fit in {}: write -CAST({operand} AS DECIMAL({MAX_DIGITS}, 0))",
        integer_name(data_type)
    )
}

/// Says that a sum is not in its type.
pub(super) fn sum_overflow(argument: &str, data_type: &DataType) -> String {
    match data_type {
        DataType::Decimal128(_, places) => format!(
            "`sum({argument})` needs more than the {MAX_DIGITS} digits of a decimal, {places} of \
             which are decimal places: write sum(CAST({argument} AS DOUBLE)), or cast to a decimal \
             with fewer places"
        ),
        kind => format!(
            "`sum({argument})` does not fit in {}: write sum(CAST({argument} AS \
             DECIMAL({MAX_DIGITS}, 0)))",
            integer_name(kind)
        ),
    }
}

const fn integer_name(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::UInt64 => "BIGINT UNSIGNED",
        _ => "BIGINT",
    }
}

/// Bytes of an expression that is named in a message; a longer one is left out.
const LONGEST: usize = 200;

/// Operators in an expression that is named.
const DEEPEST: usize = 20;

/// Returns the text of an operand: a value, the name of a column, or an expression in parentheses.
pub(super) fn operand(field: &Field, value: Option<&ScalarValue>) -> String {
    match value {
        Some(value) => literal(value),
        None if field.name().len() > LONGEST => "…".to_owned(),
        None if field.name().contains(' ') => format!("({})", field.name()),
        None => field.name().clone(),
    }
}

/// Does the same for an operand that has been computed.
pub(super) fn argument(field: &Field, value: &ColumnarValue) -> String {
    match value {
        ColumnarValue::Scalar(value) => operand(field, Some(value)),
        ColumnarValue::Array(_) => operand(field, None),
    }
}

/// Returns the text of an expression as one would write it.
pub(super) fn expression(expression: &Arc<dyn PhysicalExpr>) -> String {
    part(expression, 0)
}

fn part(expression: &Arc<dyn PhysicalExpr>, depth: usize) -> String {
    if depth == DEEPEST {
        return "…".to_owned();
    }
    if let Some(column) = expression.downcast_ref::<Column>() {
        return column.name().to_owned();
    }
    if let Some(value) = expression.downcast_ref::<Literal>() {
        return literal(value.value());
    }
    if let Some(cast) = expression.downcast_ref::<CastExpr>() {
        return part(cast.expr(), depth + 1);
    }
    let call = expression.downcast_ref::<ScalarFunctionExpr>();
    let operator = call.and_then(|call| call.fun().inner().downcast_ref::<Arithmetic>());
    match (call.map(ScalarFunctionExpr::args), operator) {
        (Some([left, right]), Some(operator)) => {
            let side = |side| in_parentheses(part(side, depth + 1));
            let [left, right] = [left, right].map(side);
            format!("{left} {} {right}", operator.operator().sign())
        }
        _ => shortened(fmt_sql(expression.as_ref()).to_string()),
    }
}

fn shortened(text: String) -> String {
    if text.len() > LONGEST { "…".to_owned() } else { text }
}

fn in_parentheses(text: String) -> String {
    if text.contains(' ') { format!("({text})") } else { text }
}

fn literal(value: &ScalarValue) -> String {
    match value {
        ScalarValue::Decimal128(Some(digits), _, scale) => decimal(*digits, *scale),
        other => other.to_string(),
    }
}

/// Writes a decimal without the zeros at its end.
pub(super) fn decimal(digits: i128, scale: i8) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let number = digits.unsigned_abs().to_string();
    let Ok(places) = usize::try_from(scale) else {
        return format!("{sign}{number}{}", "0".repeat(scale.unsigned_abs().into()));
    };
    let number = format!("{number:0>width$}", width = places + 1);
    let (whole, fraction) = number.split_at(number.len() - places);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{whole}"),
        fraction => format!("{sign}{whole}.{fraction}"),
    }
}
