//! The numbers that the catalog gives to tables, and by these the comments on tables and columns,
//! which are the descriptions in the tables' logs. Clients read them by functions or as a table.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use datafusion::arrow::array::{Array, AsArray, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs};
use datafusion::sql::sqlparser::tokenizer::Token;

use crate::query::{LakeCatalog, QueryError, TableSnapshot};
use crate::serve::postgres::words::Words;
use crate::storage::lake::{Layer, TableName};

/// The number of `pg_class` in PostgreSQL, for a catalog that does not list it.
const PG_CLASS: i32 = 1259;

/// The number of a column that stands for the table itself. Columns count from 1.
const TABLE: i32 = 0;

/// Where a table is looked up by its name alone, in this order.
const SCHEMAS: [&str; 4] = ["pg_catalog", "silver", "gold", "meta"];

/// The numbers and comments as of the last statement that reads some.
#[derive(Clone, Debug, Default)]
pub(super) struct Comments(Arc<RwLock<Known>>);

#[derive(Debug, Default)]
struct Known {
    /// By the numbers of table and column.
    comments: ByNumbers,
    /// By the names of schema and table.
    numbers: BTreeMap<(String, String), i32>,
}

type ByNumbers = BTreeMap<(i32, i32), String>;

impl Comments {
    /// Reads the comments of the tables that these rows number: number, schema, name.
    pub(super) async fn read(
        &self,
        catalog: &LakeCatalog,
        tables: &[RecordBatch],
    ) -> Result<(), QueryError> {
        let mut known = Known::default();
        for batch in tables {
            let numbers = batch.column(0).as_primitive::<Int32Type>();
            let schemas = batch.column(1).as_string::<i32>();
            let names = batch.column(2).as_string::<i32>();
            for row in 0..batch.num_rows() {
                let name = (schemas.value(row).to_owned(), names.value(row).to_owned());
                known.numbers.insert(name, numbers.value(row));
                let Some(layer) = Layer::named(schemas.value(row)) else { continue };
                let name = TableName::new(layer, names.value(row));
                // A table that cannot be read has no comments; reading it says why.
                let Ok(Some(table)) = Box::pin(catalog.open(&name)).await else { continue };
                add(&mut known.comments, numbers.value(row), table.snapshot());
            }
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// Returns the comment on each column: the first argument is the table, the second the column.
    pub(super) fn on_columns(&self, arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [tables, columns, ..] = arrays.as_slice() else { return Ok(no_comment()) };
        self.at(&numbers(tables)?, &numbers(columns)?)
    }

    /// Returns the comment on each table, which is the first argument.
    pub(super) fn on_tables(&self, arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [tables, ..] = arrays.as_slice() else { return Ok(no_comment()) };
        let column = Int64Array::from(vec![i64::from(TABLE); tables.len()]);
        self.at(&numbers(tables)?, &column)
    }

    /// Returns the number of each table, whose name is the first argument.
    pub(super) fn numbers_of(&self, arguments: &ScalarFunctionArgs) -> Result<ColumnarValue> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(names) = arguments.args.first() else { return exec_err!("which table is meant?") };
        let names = cast(&names.to_array(arguments.number_rows)?, &DataType::Utf8)?;
        let find = |name: Option<&str>| known.number_of(name?);
        let numbers: Int32Array = names.as_string::<i32>().iter().map(find).collect();
        Ok(ColumnarValue::Array(Arc::new(numbers)))
    }

    fn at(&self, tables: &Int64Array, columns: &Int64Array) -> Result<ColumnarValue> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = Vec::with_capacity(tables.len());
        for numbers in tables.iter().zip(columns) {
            found.push(find(&known.comments, numbers));
        }
        Ok(ColumnarValue::Array(Arc::new(StringArray::from(found))))
    }

    /// Returns the comments as rows of `pg_description`.
    pub(super) fn rows(&self) -> Result<RecordBatch> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let comments = &known.comments;
        let tables: Int32Array = comments.keys().map(|numbers| Some(numbers.0)).collect();
        let class = known.number("pg_catalog", "pg_class").unwrap_or(PG_CLASS);
        let classes = Int32Array::from(vec![class; comments.len()]);
        let columns: Int32Array = comments.keys().map(|numbers| Some(numbers.1)).collect();
        let texts: StringArray = comments.values().map(Some).collect();
        let schema = Schema::new(vec![
            Field::new("objoid", DataType::Int32, false),
            Field::new("classoid", DataType::Int32, false),
            Field::new("objsubid", DataType::Int32, false),
            Field::new("description", DataType::Utf8, false),
        ]);
        let arrays: Vec<Arc<dyn Array>> =
            vec![Arc::new(tables), Arc::new(classes), Arc::new(columns), Arc::new(texts)];
        Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
    }
}

impl Known {
    fn number(&self, schema: &str, table: &str) -> Option<i32> {
        self.numbers.get(&(schema.to_owned(), table.to_owned())).copied()
    }

    /// Returns the number of a table by its name as statements have it.
    fn number_of(&self, name: &str) -> Option<i32> {
        let mut words = Words::of(name)?;
        let mut parts = vec![words.name()?];
        while words.skip_token(&Token::Period) {
            parts.push(words.name()?);
        }
        if !words.is_at_end() {
            return None;
        }
        match parts.as_slice() {
            [table] => SCHEMAS.iter().find_map(|schema| self.number(schema, table)),
            [.., schema, table] => self.number(schema, table),
            [] => None,
        }
    }
}

fn add(comments: &mut ByNumbers, table: i32, snapshot: &TableSnapshot) {
    if let Some(description) = snapshot.description() {
        comments.insert((table, TABLE), description.to_owned());
    }
    for (index, comment) in snapshot.comments() {
        let Ok(index) = i32::try_from(*index) else { continue };
        comments.insert((table, index + 1), comment.to_owned());
    }
}

fn find(comments: &ByNumbers, numbers: (Option<i64>, Option<i64>)) -> Option<&str> {
    let table = i32::try_from(numbers.0?).ok()?;
    let column = i32::try_from(numbers.1?).ok()?;
    comments.get(&(table, column)).map(String::as_str)
}

fn numbers(array: &Arc<dyn Array>) -> Result<Int64Array> {
    Ok(cast(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

const fn no_comment() -> ColumnarValue {
    ColumnarValue::Scalar(ScalarValue::Utf8(None))
}
