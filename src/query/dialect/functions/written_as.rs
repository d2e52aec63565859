//! `written_as(value, text)`: the value, whose column is named by the text.
//!
//! No statement has to write it: `syntax::equal_names` does.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::utils::take_function_args;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use super::super::syntax::WRITTEN_AS;

/// The function. It is gone when the plan is optimised.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct WrittenAs {
    signature: Signature,
}

impl WrittenAs {
    pub(super) fn new() -> Self {
        Self { signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for WrittenAs {
    fn name(&self) -> &str {
        WRITTEN_AS
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [value, _] = take_function_args(self.name(), types)?;
        Ok(value.clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let [value, _] = take_function_args(self.name(), args.arg_fields)?;
        Ok(Arc::clone(value))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let [value, text] = take_function_args(self.name(), args)?;
        Ok(match text {
            Expr::Literal(ScalarValue::Utf8(Some(text)), _) => text.clone(),
            _ => value.schema_name().to_string(),
        })
    }

    fn simplify(&self, args: Vec<Expr>, _: &SimplifyContext) -> Result<ExprSimplifyResult> {
        let [value, _] = take_function_args(self.name(), args)?;
        Ok(ExprSimplifyResult::Simplified(value))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value, _] = take_function_args(self.name(), args.args)?;
        Ok(value)
    }
}
