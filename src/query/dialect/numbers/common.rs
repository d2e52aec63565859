//! Numbers that stand beside each other, as one type that loses nothing.
//!
//! Beside a DOUBLE everything is a DOUBLE: a literal as the nearest one to what is written. Exact
//! numbers stay exact. A literal counts by its value, so that a column beside `100` keeps its type
//! and can still be looked up in statistics.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{
    Between, BinaryExpr, Case, InList, InSubquery, ScalarFunction, SetComparison,
};
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, Operator as EngineOperator, Subquery, cast, lit,
};

use super::operators::call;
use super::planner::are_numbers;
use super::text;
use super::types::{Decimal, Operator, is_number, value_type};

/// What a common type is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Values are compared, and forgotten: the type may be longer than an answer's.
    Compare,
    /// One of the values is the result.
    Choose,
}

/// Functions whose result is one of their arguments.
const CHOOSING: [&str; 8] =
    ["coalesce", "greatest", "least", "nullif", "nvl", "ifnull", "nvl2", "make_array"];

/// Gives numbers of an expression, whose parts have been through here, a type in common.
pub(super) fn unify(expression: Expr, schema: &DFSchema) -> Result<Expr> {
    match expression {
        Expr::BinaryExpr(binary) => unify_binary(binary, schema),
        Expr::Negative(operand) => Ok(negate(*operand, schema)),
        Expr::Between(between) => {
            let sides = vec![*between.expr, *between.low, *between.high];
            let sides = in_common(sides, schema, Purpose::Compare)?;
            let [value, low, high] = boxed(sides)?;
            Ok(Expr::Between(Between::new(value, between.negated, low, high)))
        }
        Expr::InList(list) => {
            let mut sides = vec![*list.expr];
            sides.extend(list.list);
            let mut sides = in_common(sides, schema, Purpose::Compare)?;
            let value = Box::new(sides.remove(0));
            Ok(Expr::InList(InList::new(value, sides, list.negated)))
        }
        Expr::Case(case) => unify_case(case, schema),
        Expr::AggregateFunction(mut call) if call.func.name() == "median" => {
            call.params.args = with_halves(call.params.args, schema)?;
            Ok(Expr::AggregateFunction(call))
        }
        Expr::Cast(cast) if literal(&cast.expr).is_some_and(is_decimal) => {
            let own = cast.expr.get_type(schema)?;
            match cast.field.data_type() {
                to @ DataType::Float64 => Ok(converted(*cast.expr, &own, to)),
                _ => Ok(Expr::Cast(cast)),
            }
        }
        Expr::ScalarFunction(ScalarFunction { func, mut args }) => {
            if CHOOSING.contains(&func.name()) {
                // What nvl2 looks at first is not among its results.
                let first = args.split_off(usize::from(func.name() == "nvl2"));
                args.extend(in_common(first, schema, Purpose::Choose)?);
            }
            Ok(Expr::ScalarFunction(ScalarFunction { func, args }))
        }
        Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
            let (value, subquery) = beside_subquery(*expr, subquery, schema)?;
            Ok(Expr::InSubquery(InSubquery::new(Box::new(value), subquery, negated)))
        }
        Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
            let (value, subquery) = beside_subquery(*expr, subquery, schema)?;
            let value = Box::new(value);
            Ok(Expr::SetComparison(SetComparison::new(value, subquery, op, quantifier)))
        }
        other => Ok(other),
    }
}

fn unify_binary(binary: BinaryExpr, schema: &DFSchema) -> Result<Expr> {
    let operator = match binary.op {
        EngineOperator::Plus => Operator::Add,
        EngineOperator::Minus => Operator::Subtract,
        EngineOperator::Multiply => Operator::Multiply,
        EngineOperator::Divide => Operator::Divide,
        EngineOperator::Modulo => Operator::Remainder,
        EngineOperator::IntegerDivide => Operator::DivideWhole,
        other if other.supports_propagation() => {
            let sides = vec![*binary.left, *binary.right];
            let [left, right] = boxed(in_common(sides, schema, Purpose::Compare)?)?;
            return Ok(Expr::BinaryExpr(BinaryExpr::new(left, other, right)));
        }
        _ => return Ok(Expr::BinaryExpr(binary)),
    };
    if are_numbers(&binary.left, &binary.right, schema) {
        return Ok(call(operator, *binary.left, *binary.right));
    }
    Ok(Expr::BinaryExpr(binary))
}

/// The negative of the smallest integer is none of its type, which the engine overlooks.
fn negate(operand: Expr, schema: &DFSchema) -> Expr {
    match operand.get_type(schema) {
        Ok(data_type) if data_type.is_integer() => match ScalarValue::new_zero(&data_type) {
            Ok(zero) => call(Operator::Subtract, lit(zero), operand),
            Err(_) => Expr::Negative(Box::new(operand)),
        },
        _ => Expr::Negative(Box::new(operand)),
    }
}

fn unify_case(case: Case, schema: &DFSchema) -> Result<Expr> {
    let (whens, thens): (Vec<_>, Vec<_>) = case.when_then_expr.into_iter().unzip();
    let count = whens.len();
    let mut compared: Vec<Expr> = whens.into_iter().map(|when| *when).collect();
    let is_simple = case.expr.is_some();
    if let Some(value) = case.expr {
        compared.insert(0, *value);
        compared = in_common(compared, schema, Purpose::Compare)?;
    }
    let mut results: Vec<Expr> = thens.into_iter().map(|then| *then).collect();
    results.extend(case.else_expr.map(|other| *other));
    let mut results = in_common(results, schema, Purpose::Choose)?.into_iter().map(Box::new);
    let mut compared = compared.into_iter().map(Box::new);
    let value = if is_simple { compared.next() } else { None };
    let when_then = compared.zip(results.by_ref().take(count)).collect();
    Ok(Expr::Case(Case::new(value, when_then, results.next())))
}

/// The median may be the mean of two decimals, which has one decimal place more, and which the
/// engine cuts off.
fn with_halves(arguments: Vec<Expr>, schema: &DFSchema) -> Result<Vec<Expr>> {
    let mut wider = Vec::with_capacity(arguments.len());
    for argument in arguments {
        let data_type = argument.get_type(schema)?;
        let decimal = Decimal::of(&data_type).filter(|_| data_type.is_decimal());
        let halves = decimal.map(|own| Decimal { places: own.places + 1, ..own });
        wider.push(match halves.and_then(Decimal::capped) {
            Some(halves) => argument.cast_to(&halves, schema)?,
            None => argument,
        });
    }
    Ok(wider)
}

fn beside_subquery(value: Expr, subquery: Subquery, schema: &DFSchema) -> Result<(Expr, Subquery)> {
    let own = value.get_type(schema)?;
    let other = subquery.subquery.schema().field(0).data_type().clone();
    let Some(common) = common_type(&[&own, &other], &[None, None], Purpose::Compare) else {
        return Ok((value, subquery));
    };
    let subquery = datafusion::logical_expr::expr_schema::cast_subquery(subquery, &common)?;
    Ok((converted(value, &own, &common), subquery))
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

const fn is_decimal(value: &ScalarValue) -> bool {
    matches!(value, ScalarValue::Decimal128(Some(_), ..))
}

fn literal(expression: &Expr) -> Option<&ScalarValue> {
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
fn converted(expression: Expr, own: &DataType, to: &DataType) -> Expr {
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

/// Returns expressions in boxes, as many as there were.
fn boxed<const N: usize>(expressions: Vec<Expr>) -> Result<[Box<Expr>; N]> {
    let boxes: Vec<_> = expressions.into_iter().map(Box::new).collect();
    boxes.try_into().map_err(|_| {
        datafusion::common::internal_datafusion_err!("an expression lost one of its operands")
    })
}

/// Returns the type of each column of a plan.
pub(super) fn column_types(plan: &LogicalPlan) -> Vec<&DataType> {
    plan.schema().fields().iter().map(|field| field.data_type()).collect()
}
