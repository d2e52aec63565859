//! Functions about the server that clients call, and that `datafusion-pg-catalog` lacks or answers
//! for another server.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::prelude::SessionContext;

use super::comments::Comments;
use super::format::format;
use crate::serve::postgres::settings::{SEARCH_PATH, Settings, VERSION};

/// What everybody has the right to: to read.
const READING: [&str; 3] = ["connect", "select", "usage"];

/// Functions that return whether somebody has a right.
const RIGHTS: [&str; 6] = [
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "has_type_privilege",
];

/// Functions that describe what there is none of.
const NOTHING: [&str; 10] = [
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_ruledef",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "shobj_description",
    "to_regtype",
];

/// What a function returns.
#[derive(Clone, Debug)]
enum Answer {
    Text(Option<String>),
    /// The setting that its first argument names.
    Setting,
    /// The schemas in which a table's name alone is looked up.
    Schemas,
    /// Whether everybody has a right, which is the last argument.
    Right,
    /// A text with places for the arguments after it.
    Format,
    /// The number of the table that its first argument names.
    TableNumber(Comments),
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
    let schema = SEARCH_PATH.split(',').next().unwrap_or_default();
    let mut functions = vec![
        ("version", Answer::Text(Some(version))),
        ("current_setting", Answer::Setting),
        ("current_schema", Answer::Text(Some(schema.to_owned()))),
        ("current_schemas", Answer::Schemas),
        ("set_config", Answer::Text(Some(String::new()))),
        ("pg_tablespace_location", Answer::Text(Some(String::new()))),
        ("pg_advisory_unlock_all", Answer::Text(Some(String::new()))),
        ("format", Answer::Format),
        ("to_regclass", Answer::TableNumber(comments.clone())),
        ("obj_description", Answer::TableComment(comments.clone())),
        ("col_description", Answer::ColumnComment(comments.clone())),
    ];
    functions.extend(RIGHTS.map(|name| (name, Answer::Right)));
    functions.extend(NOTHING.map(|name| (name, Answer::Text(None))));
    for (name, answer) in functions {
        let any = vec![TypeSignature::Nullary, TypeSignature::VariadicAny];
        let signature = Signature::one_of(any, Volatility::Stable);
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
        Ok(match &self.answer {
            Answer::Right => DataType::Boolean,
            Answer::TableNumber(_) => DataType::Int32,
            Answer::Schemas => DataType::new_list(DataType::Utf8, true),
            _ => DataType::Utf8,
        })
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let text = match &self.answer {
            Answer::Text(text) => text.clone(),
            Answer::Setting => setting(args.args.first()),
            Answer::Schemas => return Ok(schemas(args.args.first())),
            Answer::Right => return rights(&args),
            Answer::Format => return format(&args),
            Answer::TableNumber(comments) => return comments.numbers_of(&args),
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

/// Returns the schemas, with the one that needs no name where the argument is true.
fn schemas(with_own: Option<&ColumnarValue>) -> ColumnarValue {
    let is_true = ScalarValue::Boolean(Some(true));
    let with_own = matches!(with_own, Some(ColumnarValue::Scalar(value)) if *value == is_true);
    let own = with_own.then_some("pg_catalog");
    let names = own.into_iter().chain(SEARCH_PATH.split(", "));
    let names: Vec<ScalarValue> = names.map(ScalarValue::from).collect();
    ColumnarValue::Scalar(ScalarValue::List(ScalarValue::new_list_nullable(
        &names,
        &DataType::Utf8,
    )))
}

fn rights(arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let Some(rights) = arguments.args.last() else {
        return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
    };
    let rights = cast(&rights.to_array(arguments.number_rows)?, &DataType::Utf8)?;
    let has = |rights: Option<&str>| Some(rights?.split(',').any(is_right));
    let has: BooleanArray = rights.as_string::<i32>().iter().map(has).collect();
    Ok(ColumnarValue::Array(Arc::new(has)))
}

fn is_right(name: &str) -> bool {
    READING.contains(&name.trim().to_lowercase().as_str())
}
