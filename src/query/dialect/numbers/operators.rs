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
        let left = operand_name(left, self.operator, false);
        let right = operand_name(right, self.operator, true);
        Ok(format!("{left} {} {right}", self.operator.sign()))
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

/// Returns the operator of an expression that is one between numbers.
fn operator_of(expression: &Expr) -> Option<Operator> {
    match expression {
        Expr::ScalarFunction(call) => {
            call.func.inner().downcast_ref::<Arithmetic>().map(Arithmetic::operator)
        }
        // A name does not mention that its expression is converted.
        Expr::Cast(cast) => operator_of(&cast.expr),
        _ => None,
    }
}

fn operand_name(operand: &Expr, operator: Operator, is_right: bool) -> String {
    let name = operand.schema_name();
    match operator_of(operand) {
        Some(inner) if is_right && operator.binds_tightly() >= inner.binds_tightly() => {
            format!("({name})")
        }
        Some(inner) if operator.binds_tightly() && !inner.binds_tightly() => format!("({name})"),
        _ => name.to_string(),
    }
}
