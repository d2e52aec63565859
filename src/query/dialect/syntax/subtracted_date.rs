//! A date without quotes, which is a subtraction: `date = 2023-01-21` compares with 2001.

use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Value};

/// Refuses a comparison with what looks like a date and is a number.
pub(super) fn refuse(expr: &Expr) -> Result<(), DataFusionError> {
    let compared: Vec<&Expr> = match expr {
        Expr::BinaryOp { left, op, right } if is_comparison(op) => vec![left, right],
        Expr::Between { low, high, .. } => vec![low, high],
        Expr::InList { list, .. } => list.iter().collect(),
        Expr::IsDistinctFrom(_, right) | Expr::IsNotDistinctFrom(_, right) => vec![right],
        _ => return Ok(()),
    };
    match compared.into_iter().find_map(date_without_quotes) {
        None => Ok(()),
        Some(date) => plan_err!(
            "{date} without quotes is a subtraction of numbers: write '{date}', or DATE '{date}'"
        ),
    }
}

const fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq, Spaceship};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | Spaceship)
}

/// Returns the date of a subtraction like `2023-01-21`.
fn date_without_quotes(expr: &Expr) -> Option<String> {
    let (year_and_month, day) = difference(expr)?;
    let (year, month) = difference(year_and_month)?;
    let parts = [digits(year, 4)?, digits(month, 2)?, digits(day, 2)?];
    Some(parts.join("-"))
}

fn difference(expr: &Expr) -> Option<(&Expr, &Expr)> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Minus, right } => Some((left, right)),
        _ => None,
    }
}

fn digits(expr: &Expr, count: usize) -> Option<&str> {
    let Expr::Value(value) = expr else { return None };
    match &value.value {
        Value::Number(text, false)
            if text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            Some(text)
        }
        _ => None,
    }
}
