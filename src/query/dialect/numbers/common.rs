//! Numbers that stand beside each other, as one type that loses nothing.
//!
//! Beside a DOUBLE everything is a DOUBLE: a literal as the nearest one to what is written. Exact
//! numbers stay exact. A literal counts by its value, so that a column beside `100` keeps its type
//! and can still be looked up in statistics.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast, lit};

use super::text;
use super::types::{Decimal, is_number, value_type};

/// What a common type is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Values are compared, and forgotten: the type may be longer than an answer's.
    Compare,
    /// One of the values is the result.
    Choose,
}

/// Gives expressions a type in common if all of them are numbers and some differ.
pub(super) fn in_common(
    expressions: Vec<Expr>,
    schema: &DFSchema,
    purpose: Purpose,
) -> Result<Vec<Expr>> {
    let types: Result<Vec<_>> = expressions.iter().map(|one| one.get_type(schema)).collect();
    // What has no type is an error that the engine reports better.
    let Ok(types) = types else { return Ok(expressions) };
    let values: Vec<_> = expressions.iter().map(literal).collect();
    let common = common_type(&types.iter().collect::<Vec<_>>(), &values, purpose);
    let Some(common) = common else { return Ok(expressions) };
    let pairs = expressions.into_iter().zip(&types);
    Ok(pairs.map(|(expression, own)| converted(expression, own, &common)).collect())
}

/// Returns the value of an expression that is one.
pub(super) const fn literal(expression: &Expr) -> Option<&ScalarValue> {
    match expression {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

/// Returns the type that numbers of some types, of which some are known values, are converted to;
/// nothing when they have one already, when there is none, or when some are no numbers.
pub(super) fn common_type(
    types: &[&DataType],
    values: &[Option<&ScalarValue>],
    purpose: Purpose,
) -> Option<DataType> {
    let mut numbers = types.iter().zip(values).filter(|(kind, _)| !kind.is_null()).peekable();
    let first = numbers.peek()?.0;
    let is_same = numbers.clone().all(|(kind, _)| kind == first);
    if is_same || !numbers.clone().all(|(kind, _)| is_number(kind)) {
        return None;
    }
    let is = |test: fn(&DataType) -> bool| numbers.clone().any(|(kind, _)| test(value_type(kind)));
    if is(DataType::is_floating) {
        let is_double = is(|kind| matches!(kind, DataType::Float64));
        let is_exact = is(|kind| !kind.is_floating());
        return Some(if is_double || is_exact { DataType::Float64 } else { DataType::Float32 });
    }
    if !is(DataType::is_decimal) {
        // The engine compares integers exactly.
        return (purpose == Purpose::Choose).then_some(DataType::Int64);
    }
    let mut all = None;
    for (kind, value) in numbers {
        let own = match value {
            Some(value) => Decimal::of_value(value)?,
            None => Decimal::of(value_type(kind))?,
        };
        all = Some(all.map_or(own, |all: Decimal| all.union(own)));
    }
    match purpose {
        Purpose::Compare => all?.lossless(),
        Purpose::Choose => all?.capped(),
    }
}

/// Converts an expression to another type of numbers, a literal at once.
pub(super) fn converted(expression: Expr, own: &DataType, to: &DataType) -> Expr {
    if own == to {
        return expression;
    }
    let value = literal(&expression).and_then(|value| match (value, to) {
        (ScalarValue::Decimal128(Some(digits), _, scale), DataType::Float64) => {
            // The text of a number is rounded once to a double, its digits and scale twice.
            Some(ScalarValue::Float64(Some(text::decimal(*digits, *scale).parse().ok()?)))
        }
        _ => value.cast_to(to).ok(),
    });
    match value {
        Some(value) => lit(value),
        None => cast(expression, to.clone()),
    }
}

/// Returns the type of each column of a plan.
pub(super) fn column_types(plan: &LogicalPlan) -> Vec<&DataType> {
    plan.schema().fields().iter().map(|field| field.data_type()).collect()
}
