//! Parameters: `$name` in a statement, and the values that stand for them.
//!
//! A value is never written into the text. Where a parameter is compared with something, it takes
//! the type of that; elsewhere the form of the value decides: a number, a truth value, or a text.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, ParamValues, ScalarValue};
use datafusion::logical_expr::{Expr as LogicalExpr, LogicalPlan};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Statement as SqlStatement, UnaryOperator, Value, VisitMut, VisitorMut,
};

use super::error::QueryError;

/// Values by the names of parameters.
pub(super) type Parameters = BTreeMap<String, String>;

/// Digits that a decimal has at most.
const DIGITS: usize = 38;

/// What happens to `$1`, `$2`, … in a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Positional {
    /// They are like other parameters, and have no value.
    Refused,
    /// They stay, for a plan that only describes.
    Left,
}

/// What is known of a statement before it runs.
#[derive(Clone, Debug)]
pub(crate) struct Description {
    pub(crate) columns: SchemaRef,
    /// The types of `$1`, `$2`, … where something decides them.
    pub(crate) parameters: BTreeMap<usize, DataType>,
}

impl Description {
    /// Describes a plan.
    pub(crate) fn of(plan: &LogicalPlan) -> Result<Self, DataFusionError> {
        let mut parameters = BTreeMap::new();
        for (id, field) in plan.get_parameter_fields()? {
            let number = id.trim_start_matches('$').parse();
            if let (Ok(number), Some(field)) = (number, field) {
                parameters.insert(number, field.data_type().clone());
            }
        }
        plan.apply_with_subqueries(|node| {
            node.apply_expressions(|expr| expr.apply(|part| Ok(add_cast(&mut parameters, part))))
        })?;
        Ok(Self { columns: Arc::new(plan.schema().as_arrow().clone()), parameters })
    }
}

/// Adds a parameter that is cast, whose type the engine leaves open: it is the type of the cast.
fn add_cast(parameters: &mut BTreeMap<usize, DataType>, part: &LogicalExpr) -> TreeNodeRecursion {
    if let LogicalExpr::Cast(cast) = part
        && let LogicalExpr::Placeholder(placeholder) = cast.expr.as_ref()
        && let Ok(number) = placeholder.id.trim_start_matches('$').parse()
    {
        parameters.entry(number).or_insert_with(|| cast.field.data_type().clone());
    }
    TreeNodeRecursion::Continue
}

/// Puts values in place of parameters, except where one is compared: these are left for [`bind`],
/// each under a name of its own.
///
/// # Errors
/// When a parameter has no value.
pub(super) fn prepare(
    statement: &mut Statement,
    parameters: &Parameters,
    positional: Positional,
) -> Result<(), QueryError> {
    match statement {
        Statement::Statement(statement) => prepare_tree(statement, parameters, positional),
        Statement::Explain(explain) => prepare(&mut explain.statement, parameters, positional),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => Ok(()),
    }
}

fn prepare_tree(
    statement: &mut SqlStatement,
    parameters: &Parameters,
    positional: Positional,
) -> Result<(), QueryError> {
    match statement.visit(&mut Replacer { parameters, positional, compared: 0 }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Replacer<'a> {
    parameters: &'a Parameters,
    positional: Positional,
    /// Parameters that are compared, so far.
    compared: usize,
}

impl VisitorMut for Replacer<'_> {
    type Break = QueryError;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        match expr {
            Expr::BinaryOp { left, op, right } if is_comparison(op) => {
                self.leave(left);
                self.leave(right);
            }
            Expr::Between { low, high, .. } => {
                self.leave(low);
                self.leave(high);
            }
            Expr::InList { list, .. } => list.iter_mut().for_each(|item| self.leave(item)),
            _ => {}
        }
        let Some(name) = placeholder(expr) else { return ControlFlow::Continue(()) };
        if self.stays(name) {
            return ControlFlow::Continue(());
        }
        let is_left = name.contains(COMPARED);
        match self.parameters.get(own_name(name)) {
            None => ControlFlow::Break(QueryError::NoValue { name: own_name(name).to_owned() }),
            Some(_) if is_left => ControlFlow::Continue(()),
            Some(value) => {
                *expr = literal(value);
                ControlFlow::Continue(())
            }
        }
    }
}

/// Stands between the number of a parameter that is left and its name: `$3:symbol`.
const COMPARED: char = ':';

impl Replacer<'_> {
    fn stays(&self, name: &str) -> bool {
        self.positional == Positional::Left && name.bytes().all(|digit| digit.is_ascii_digit())
    }

    /// Leaves a parameter for the plan, in which its type is known.
    fn leave(&mut self, expr: &mut Expr) {
        if let Some(name) = placeholder(expr)
            && !self.stays(name)
        {
            let numbered = format!("${}{COMPARED}{name}", self.compared);
            *expr = Expr::Value(Value::Placeholder(numbered).with_empty_span());
            self.compared += 1;
        }
    }
}

/// Returns the name of a parameter, without its dollar.
fn placeholder(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Placeholder(name) => name.strip_prefix('$'),
            _ => None,
        },
        _ => None,
    }
}

fn own_name(name: &str) -> &str {
    name.split_once(COMPARED).map_or(name, |(_, name)| name)
}

const fn is_comparison(op: &BinaryOperator) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}

/// Writes a value as the literal that its form says.
fn literal(value: &str) -> Expr {
    let node = |value: Value| Expr::Value(value.with_empty_span());
    if let Some(positive) = value.strip_prefix('-').filter(|positive| is_number(positive)) {
        let number = Box::new(node(Value::Number(positive.to_owned(), false)));
        return Expr::UnaryOp { op: UnaryOperator::Minus, expr: number };
    }
    match value.to_ascii_lowercase().as_str() {
        _ if is_number(value) => node(Value::Number(value.to_owned(), false)),
        "true" => node(Value::Boolean(true)),
        "false" => node(Value::Boolean(false)),
        _ => node(Value::SingleQuotedString(value.to_owned())),
    }
}

/// Returns whether a value is a number without a sign, as SQL writes it.
fn is_number(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    digits(whole) && digits(fraction) && whole.len() + fraction.len() <= DIGITS
}

/// Gives the parameters of a plan their values.
///
/// # Errors
/// When a value does not fit what it is compared with.
pub(super) fn bind(
    plan: LogicalPlan,
    parameters: &Parameters,
) -> Result<LogicalPlan, DataFusionError> {
    let fields = plan.get_parameter_fields()?;
    if fields.is_empty() {
        return Ok(plan);
    }
    let mut values = HashMap::new();
    for (id, field) in fields {
        let id = id.trim_start_matches('$');
        let name = own_name(id);
        let text = parameters.get(name).map(String::as_str).unwrap_or_default();
        let data_type = field.map_or(DataType::Null, |field| field.data_type().clone());
        values.insert(id.to_owned(), scalar(name, text, &data_type)?.into());
    }
    plan.with_param_values(ParamValues::Map(values))
}

/// Reads a value as the type of what it is compared with. A number keeps all its digits, however
/// many a column has.
fn scalar(name: &str, text: &str, data_type: &DataType) -> Result<ScalarValue, DataFusionError> {
    let no_value = |_| {
        DataFusionError::Plan(format!(
            "the value `{text}` of `${name}` is compared with {data_type}"
        ))
    };
    match data_type {
        data_type if data_type.is_numeric() || data_type.is_null() => match number(text) {
            Some(number) => Ok(number),
            None if data_type.is_null() => Ok(ScalarValue::from(text)),
            None => Err(no_value(DataFusionError::Plan(String::new()))),
        },
        _ => ScalarValue::from(text).cast_to(data_type).map_err(no_value),
    }
}

fn number(text: &str) -> Option<ScalarValue> {
    let positive = text.strip_prefix('-').unwrap_or(text);
    if !is_number(positive) {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(ScalarValue::from(whole));
    }
    let scale = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let digits: i128 = text.replace('.', "").parse().ok()?;
    let scale = i8::try_from(scale).ok()?;
    Some(ScalarValue::Decimal128(Some(digits), DIGITS as u8, scale))
}
