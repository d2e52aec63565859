//! Functions about the server that clients call, and that `datafusion-pg-catalog` lacks.

use std::hash::{Hash, Hasher};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::prelude::SessionContext;

use super::comments::Comments;
use crate::serve::postgres::settings::{Settings, VERSION};

/// What a function returns.
#[derive(Clone, Debug)]
enum Answer {
    Text(Option<String>),
    /// The setting that its first argument names.
    Setting,
    /// The comment on a column: the table's number and the column's.
    ColumnComment(Comments),
    /// The comment on a table: its number.
    TableComment(Comments),
}

#[derive(Clone, Debug)]
struct Function {
    name: &'static str,
    signature: Signature,
    answer: Answer,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// Makes the functions known.
pub(super) fn register(context: &SessionContext, comments: &Comments) {
    let version = format!("PostgreSQL {VERSION}");
    let functions = [
        ("version", Answer::Text(Some(version))),
        ("current_setting", Answer::Setting),
        ("set_config", Answer::Text(Some(String::new()))),
        ("pg_tablespace_location", Answer::Text(Some(String::new()))),
        ("pg_advisory_unlock_all", Answer::Text(Some(String::new()))),
        ("to_regtype", Answer::Text(None)),
        ("to_regclass", Answer::Text(None)),
        ("pg_get_indexdef", Answer::Text(None)),
        ("obj_description", Answer::TableComment(comments.clone())),
        ("shobj_description", Answer::Text(None)),
        ("col_description", Answer::ColumnComment(comments.clone())),
    ];
    for (name, answer) in functions {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        let signature = Signature::one_of(any, Volatility::Volatile);
        let function = ScalarUDF::from(Function { name, signature, answer });
        context.register_udf(function);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let text = match &self.answer {
            Answer::Text(text) => text.clone(),
            Answer::Setting => setting(args.args.first()),
            Answer::ColumnComment(comments) => return comments.on_columns(&args.args),
            Answer::TableComment(comments) => return comments.on_tables(&args.args),
        };
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(text)))
    }
}

fn setting(name: Option<&ColumnarValue>) -> Option<String> {
    let Some(ColumnarValue::Scalar(name)) = name else { return None };
    let name = name.try_as_str().flatten()?;
    Settings::default().get(name).map(str::to_owned)
}
