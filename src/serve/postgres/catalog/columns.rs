//! Columns of PostgreSQL's tables that those of `datafusion-pg-catalog` lack, or have as text.
//!
//! No value of them is known here: the lake has no lists of rights, keys or indexes.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableType, lit};
use datafusion::physical_plan::ExecutionPlan;

/// Returns the columns of which nothing is known, with their types.
fn unknown(table: &str) -> Vec<(&'static str, DataType)> {
    let numbers = DataType::new_list(DataType::Int16, true);
    match table {
        "pg_attribute" => vec![("attacl", DataType::Utf8)],
        "pg_class" => vec![("relacl", DataType::Utf8)],
        "pg_constraint" => vec![("conkey", numbers.clone()), ("confkey", numbers)],
        _ => Vec::new(),
    }
}

/// Returns a table of `pg_catalog` with all of its columns.
pub(super) fn complete(
    name: &str,
    table: Arc<dyn TableProvider>,
) -> Result<Arc<dyn TableProvider>> {
    let unknown = unknown(name);
    if unknown.is_empty() {
        return Ok(table);
    }
    let mut columns = Vec::new();
    for field in table.schema().fields() {
        if !unknown.iter().any(|(column, _)| column == field.name()) {
            columns.push(Expr::Column(Column::new(Some(name), field.name())));
        }
    }
    for (column, data_type) in unknown {
        columns.push(lit(ScalarValue::try_from(data_type)?).alias(column));
    }
    let scan = LogicalPlanBuilder::scan(name, provider_as_source(table), None)?;
    let plan = scan.project(columns)?.build()?;
    Ok(Arc::new(Completed(ViewTable::new(plan, None))))
}

/// What is a view to the engine and a table to clients.
#[derive(Debug)]
struct Completed(ViewTable);

#[async_trait]
impl TableProvider for Completed {
    fn schema(&self) -> SchemaRef {
        self.0.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        self.0.get_logical_plan()
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.scan(session, projection, filters, limit).await
    }
}
