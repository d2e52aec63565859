//! Which parts of an expression must have a type in common, where they are numbers.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::expr::{
    Between, BinaryExpr, Case, Cast, InList, InSubquery, ScalarFunction, SetComparison, TryCast,
};
use datafusion::logical_expr::expr_schema::cast_subquery;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator as EngineOperator, Subquery, lit};

use super::common::{Purpose, common_type, converted, in_common, literal};
use super::operators::call;
use super::planner::are_numbers;
use super::rounded::before_cast;
use super::types::{Decimal, Operator};

/// Functions whose result is one of their arguments.
const CHOOSING: [&str; 8] =
    ["coalesce", "greatest", "least", "nullif", "nvl", "ifnull", "nvl2", "make_array"];

/// Functions whose result has as many places as a literal says.
const ROUNDING: [&str; 2] = ["round", "trunc"];

/// Gives numbers of an expression, whose parts have been through here, a type in common.
pub(super) fn unify(expression: Expr, schema: &DFSchema) -> Result<Expr> {
    match expression {
        Expr::BinaryExpr(binary) => unify_binary(binary, schema),
        Expr::Negative(operand) => Ok(negate(*operand, schema)),
        Expr::Between(between) => unify_between(between, schema),
        Expr::InList(list) => unify_list(list, schema),
        Expr::Case(case) => unify_case(case, schema),
        Expr::Cast(cast) => unify_cast(cast, schema),
        Expr::TryCast(TryCast { expr, field }) => {
            let expr = Box::new(before_cast(*expr, field.data_type(), schema));
            Ok(Expr::TryCast(TryCast { expr, field }))
        }
        Expr::ScalarFunction(call) => unify_arguments(call, schema),
        Expr::AggregateFunction(mut call) if call.func.name() == "median" => {
            call.params.args = with_halves(call.params.args, schema)?;
            Ok(Expr::AggregateFunction(call))
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

fn unify_between(between: Between, schema: &DFSchema) -> Result<Expr> {
    let sides = vec![*between.expr, *between.low, *between.high];
    let [value, low, high] = boxed(in_common(sides, schema, Purpose::Compare)?)?;
    Ok(Expr::Between(Between::new(value, between.negated, low, high)))
}

fn unify_list(list: InList, schema: &DFSchema) -> Result<Expr> {
    let mut sides = vec![*list.expr];
    sides.extend(list.list);
    let mut sides = in_common(sides, schema, Purpose::Compare)?;
    let value = Box::new(sides.remove(0));
    Ok(Expr::InList(InList::new(value, sides, list.negated)))
}

fn unify_arguments(mut call: ScalarFunction, schema: &DFSchema) -> Result<Expr> {
    if CHOOSING.contains(&call.func.name()) {
        // What nvl2 looks at first is not among its results.
        let results = call.args.split_off(usize::from(call.func.name() == "nvl2"));
        call.args.extend(in_common(results, schema, Purpose::Choose)?);
    }
    if ROUNDING.contains(&call.func.name())
        && let Some(Expr::Literal(places, _)) = call.args.get_mut(1)
        && places.data_type().is_integer()
    {
        // The engine would convert the literal, and not know the result's type while it does.
        *places = places.cast_to(&DataType::Int32)?;
    }
    Ok(Expr::ScalarFunction(call))
}

fn unify_cast(cast: Cast, schema: &DFSchema) -> Result<Expr> {
    match convert_literal(cast, schema)? {
        Expr::Cast(Cast { expr, field }) => {
            let expr = Box::new(before_cast(*expr, field.data_type(), schema));
            Ok(Expr::Cast(Cast { expr, field }))
        }
        other => Ok(other),
    }
}

/// The engine rounds a decimal twice when it makes it a double.
fn convert_literal(cast: Cast, schema: &DFSchema) -> Result<Expr> {
    let is_decimal = |value| matches!(value, &ScalarValue::Decimal128(Some(_), ..));
    let to = cast.field.data_type();
    if to != &DataType::Float64 || !literal(&cast.expr).is_some_and(is_decimal) {
        return Ok(Expr::Cast(cast));
    }
    let own = cast.expr.get_type(schema)?;
    Ok(converted(*cast.expr, &own, &DataType::Float64))
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
    let subquery = cast_subquery(subquery, &common)?;
    Ok((converted(value, &own, &common), subquery))
}

/// Returns expressions in boxes, as many as there were.
fn boxed<const N: usize>(expressions: Vec<Expr>) -> Result<[Box<Expr>; N]> {
    let boxes: Vec<_> = expressions.into_iter().map(Box::new).collect();
    boxes.try_into().map_err(|_| internal_datafusion_err!("an expression lost an operand"))
}
