//! Numbers as they are written in a statement.
//!
//! The parser of the engine takes a number with an exponent for a decimal, and gives up on those
//! that no decimal holds.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{self, CastKind, DataType, ExactNumberInfo, Value};

use super::types::MAX_DIGITS;

/// Writes out numbers with an exponent; those that no decimal holds become doubles.
pub(in super::super) fn correct(statement: &mut Statement) {
    match statement {
        Statement::Statement(statement) => correct_all(statement.as_mut()),
        Statement::Explain(explain) => correct(&mut explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => {}
    }
}

fn correct_all(statement: &mut ast::Statement) {
    let _ = ast::visit_expressions_mut(statement, |expression| {
        if let ast::Expr::Value(value) = expression
            && let Value::Number(text, _) = &mut value.value
            && text.contains(['e', 'E'])
        {
            match written_out(text) {
                Some(plain) => *text = plain,
                None => *expression = double(text),
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

fn double(text: &str) -> ast::Expr {
    ast::Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(ast::Expr::value(Value::SingleQuotedString(text.replace('_', "")))),
        data_type: DataType::Double(ExactNumberInfo::None),
        array: false,
        format: None,
    }
}

/// Writes a number without its exponent, with a point, if a decimal holds it.
fn written_out(text: &str) -> Option<String> {
    let (number, exponent) = text.split_once(['e', 'E'])?;
    let number = number.replace('_', "");
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    let limit = i32::from(MAX_DIGITS);
    let places = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let length = i32::try_from(digits.len()).ok()?;
    // A whole number gets a decimal place below.
    let needed = length.max(places) - places.min(0) + i32::from(places <= 0);
    if places > limit || needed > limit {
        return None;
    }
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    let digits = format!("{}{digits}{}", zeros(places - length), zeros(-places));
    let (whole, fraction) = digits.split_at(digits.len() - usize::try_from(places).unwrap_or(0));
    let whole = if whole.is_empty() { "0" } else { whole };
    // A point keeps what was written as a fraction from being an integer.
    Some(format!("{whole}.{}", if fraction.is_empty() { "0" } else { fraction }))
}
