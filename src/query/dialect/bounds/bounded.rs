//! A function of the engine with a bound on what it makes.

use std::sync::Arc;

use bytesize::ByteSize;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature,
};

use super::estimate::{Growth, bytes};

/// Longest name of a type, and largest number in one, that `arrow_cast` takes.
const MAX_TYPE_NAME: usize = 200;
const MAX_TYPE_SIZE: u64 = 10_000;

#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Bounded {
    function: Arc<ScalarUDF>,
    growth: Growth,
    /// Bytes.
    limit: usize,
}

impl Bounded {
    pub(super) const fn new(function: Arc<ScalarUDF>, growth: Growth, limit: usize) -> Self {
        Self { function, growth, limit }
    }

    fn check(&self, args: &ScalarFunctionArgs) -> Result<()> {
        let bytes = bytes(self.growth, &args.args, args.number_rows)?;
        if bytes > self.limit as u128 {
            let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
            return exec_err!(
                "`{}` would make about {} at once, and may make {}: ask for less of it, or raise \
                 the memory limit",
                self.name(),
                ByteSize(bytes),
                ByteSize(self.limit as u64)
            );
        }
        Ok(())
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.function.name()
    }

    fn aliases(&self) -> &[String] {
        self.function.aliases()
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.function.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        if self.growth == Growth::NamedType {
            check_type(args.scalar_arguments.get(1).copied().flatten())?;
        }
        self.function.return_field_from_args(args)
    }

    fn is_strict(&self) -> bool {
        self.function.inner().is_strict()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&args)?;
        self.function.invoke_with_args(args)
    }

    /// What a function is simplified to has no bound, so it stays as it is. A cast to a named type
    /// is nothing but what it is simplified to.
    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        match self.growth {
            Growth::NamedType => self.function.simplify(args, context),
            _ => Ok(ExprSimplifyResult::Original(args)),
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.function.output_ordering(inputs)
    }

    fn preserves_lex_ordering(&self, inputs: &[ExprProperties]) -> Result<bool> {
        self.function.preserves_lex_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.function.documentation()
    }
}

/// Refuses names of types that are nested deeply, or whose values are large in themselves.
fn check_type(name: Option<&ScalarValue>) -> Result<()> {
    let Some(name) = name.and_then(|name| name.try_as_str().flatten()) else { return Ok(()) };
    let mut numbers = name.split(|letter: char| !letter.is_ascii_digit());
    let is_large = |digits: &str| {
        !digits.is_empty() && digits.parse().is_ok_and(|number: u64| number > MAX_TYPE_SIZE)
            || digits.len() > 19
    };
    if name.len() > MAX_TYPE_NAME || numbers.any(is_large) {
        return plan_err!("the type that is named in a cast is too large");
    }
    Ok(())
}
