//! The arithmetic operators as functions of the engine.
//!
//! The engine's own operators wrap, cut off decimal places or give types that do not hold the
//! result. What a statement's operators mean for numbers is a function here instead; for times,
//! dates and intervals they stay the engine's.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::common::{DataFusionError, Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::kernels;
use super::text;
use super::types::Operator;

/// Makes the expression of an operator between two operands.
pub(super) fn call(operator: Operator, left: Expr, right: Expr) -> Expr {
    ScalarUDF::from(Arithmetic::new(operator)).call(vec![left, right])
}

/// Returns the functions of all operators.
pub(super) fn functions() -> Vec<Arc<ScalarUDF>> {
    Operator::ALL.map(|operator| Arc::new(ScalarUDF::from(Arithmetic::new(operator)))).into()
}

/// An operator between two numbers.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Arithmetic {
    operator: Operator,
    signature: Signature,
    aliases: Vec<String>,
}

impl Arithmetic {
    fn new(operator: Operator) -> Self {
        let aliases = match operator {
            Operator::Remainder => vec!["mod".to_owned()],
            _ => Vec::new(),
        };
        Self { operator, signature: Signature::user_defined(Volatility::Immutable), aliases }
    }

    pub(super) const fn operator(&self) -> Operator {
        self.operator
    }
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &str {
        match self.operator {
            Operator::Add => "number_add",
            Operator::Subtract => "number_subtract",
            Operator::Multiply => "number_multiply",
            Operator::Divide => "number_divide",
            Operator::Remainder => "number_remainder",
            Operator::DivideWhole => "div",
        }
    }

    /// A column is named as it would be with the engine's operator, with parentheses where the text
    /// needs them.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [left, right] = args else {
            return internal_err!("`{}` has two operands", self.operator.sign());
        };
        let mut name = String::new();
        write_name(&mut name, self.operator, [left, right], 0);
        Ok(name)
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [left, right] = take_function_args(self.name(), types)?;
        self.operator.operands(left, right).map(Vec::from)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [left, right] = take_function_args(self.name(), types)?;
        let [left, right] = self.operator.operands(left, right)?;
        self.operator.result(&left, &right)
    }

    /// The field has the expression as its name, which is what a message about a value names.
    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<_> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let divides =
            matches!(self.operator, Operator::Divide | Operator::Remainder | Operator::DivideWhole);
        let is_nullable = divides || args.arg_fields.iter().any(|field| field.is_nullable());
        let operands = std::iter::zip(args.arg_fields, args.scalar_arguments);
        let operands: Vec<_> =
            operands.map(|(field, value)| text::operand(field, *value)).collect();
        let name = operands.join(&format!(" {} ", self.operator.sign()));
        Ok(Arc::new(Field::new(name, self.return_type(&types)?, is_nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = take_function_args(self.name(), &args.args)?;
        let [left_field, right_field] = take_function_args(self.name(), &args.arg_fields)?;
        let result = args.return_field.data_type();
        kernels::compute(self.operator, left, right, result).map_err(|problem| {
            let operands = [text::argument(left_field, left), text::argument(right_field, right)];
            let message = text::overflow(&operands, self.operator, result, &problem);
            // An error of the statement, though only its values show it.
            DataFusionError::Plan(message)
        })
    }
}

/// Returns whether an expression is an operator between numbers.
pub(super) fn is_arithmetic(expression: &Expr) -> bool {
    matches!(expression, Expr::ScalarFunction(_)) && operation(expression).is_some()
}

/// Returns the operator and the operands of an expression that is one between numbers.
fn operation(expression: &Expr) -> Option<(Operator, [&Expr; 2])> {
    match expression {
        Expr::ScalarFunction(call) => {
            let arithmetic = call.func.inner().downcast_ref::<Arithmetic>()?;
            let [left, right] = call.args.as_slice() else { return None };
            Some((arithmetic.operator(), [left, right]))
        }
        // A name does not mention that its expression is converted.
        Expr::Cast(cast) => operation(&cast.expr),
        _ => None,
    }
}

/// Operators in a name, from the last one inwards; a sum of thousands has no more.
const NAMED: usize = 100;

fn write_name(name: &mut String, operator: Operator, operands: [&Expr; 2], depth: usize) {
    write_operand(name, operator, operands[0], false, depth);
    name.push(' ');
    name.push_str(operator.sign());
    name.push(' ');
    write_operand(name, operator, operands[1], true, depth);
}

fn write_operand(
    name: &mut String,
    operator: Operator,
    operand: &Expr,
    is_right: bool,
    depth: usize,
) {
    let Some((inner, operands)) = operation(operand) else {
        name.push_str(&operand.schema_name().to_string());
        return;
    };
    if depth == NAMED {
        name.push('…');
        return;
    }
    let needs_parentheses = match is_right {
        true => operator.binds_tightly() >= inner.binds_tightly(),
        false => operator.binds_tightly() && !inner.binds_tightly(),
    };
    if needs_parentheses {
        name.push('(');
    }
    write_name(name, inner, operands, depth + 1);
    if needs_parentheses {
        name.push(')');
    }
}
