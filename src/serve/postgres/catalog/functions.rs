//! Functions about the server that clients call, and that `datafusion-pg-catalog` lacks.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::arrow::array::{Array, AsArray, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::prelude::SessionContext;

use crate::query::{LakeCatalog, QueryError};
use crate::serve::postgres::settings::{Settings, VERSION};
use crate::storage::lake::{Layer, TableName};

/// What a function returns.
#[derive(Clone, Debug)]
enum Answer {
    Text(Option<String>),
    /// The setting that its first argument names.
    Setting,
    /// The comment of a column: the table's number and the column's.
    Comment(Comments),
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
        ("pg_advisory_unlock_all", Answer::Text(Some(String::new()))),
        ("to_regtype", Answer::Text(None)),
        ("to_regclass", Answer::Text(None)),
        ("obj_description", Answer::Text(None)),
        ("shobj_description", Answer::Text(None)),
        ("col_description", Answer::Comment(comments.clone())),
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
            Answer::Comment(comments) => return comments.of_columns(&args),
        };
        Ok(ColumnarValue::Scalar(ScalarValue::Utf8(text)))
    }
}

fn setting(name: Option<&ColumnarValue>) -> Option<String> {
    let Some(ColumnarValue::Scalar(name)) = name else { return None };
    let name = name.try_as_str().flatten()?;
    Settings::default().get(name).map(str::to_owned)
}

/// The comments of columns by the table's number and the column's, as of the last statement that
/// reads comments.
#[derive(Clone, Debug, Default)]
pub(super) struct Comments(Arc<RwLock<HashMap<(i64, i64), String>>>);

impl Comments {
    /// Reads the comments of the tables that these rows number: number, schema, name.
    pub(super) async fn read(
        &self,
        catalog: &LakeCatalog,
        tables: &[RecordBatch],
    ) -> Result<(), QueryError> {
        let mut comments = HashMap::new();
        for batch in tables {
            let numbers = batch.column(0).as_primitive::<Int32Type>();
            let schemas = batch.column(1).as_string::<i32>();
            let names = batch.column(2).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let Some(layer) = Layer::named(schemas.value(row)) else { continue };
                let name = TableName::new(layer, names.value(row));
                let Ok(Some(table)) = Box::pin(catalog.open(&name)).await else { continue };
                for (index, comment) in table.snapshot().comments() {
                    let number = i64::from(numbers.value(row));
                    comments.insert((number, *index as i64 + 1), comment.to_owned());
                }
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = comments;
        Ok(())
    }

    fn of_columns(&self, args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [tables, columns, ..] = arrays.as_slice() else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None)));
        };
        let tables = cast(tables, &DataType::Int64)?;
        let columns = cast(columns, &DataType::Int64)?;
        let tables = tables.as_primitive::<Int64Type>();
        let columns = columns.as_primitive::<Int64Type>();
        let comments = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let comment = |row: usize| {
            let is_numbered = tables.is_valid(row) && columns.is_valid(row);
            let key = is_numbered.then(|| (tables.value(row), columns.value(row)))?;
            comments.get(&key).map(String::as_str)
        };
        let comments: StringArray = (0..tables.len()).map(comment).collect();
        Ok(ColumnarValue::Array(Arc::new(comments)))
    }
}
