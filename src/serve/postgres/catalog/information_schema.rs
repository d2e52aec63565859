//! `information_schema` as PostgreSQL has it: the same tables and types under PostgreSQL's names,
//! in place of the engine's own schema, whose type names no client knows.
//!
//! A view is one file of SQL over `pg_catalog`. The lake has no constraints: their views are empty.

use std::sync::Arc;

use datafusion::catalog::{CatalogProvider, MemorySchemaProvider, SchemaProvider};
use datafusion::common::Result;
use datafusion::datasource::ViewTable;
use datafusion::prelude::SessionContext;

/// The name of the schema.
pub(super) const INFORMATION_SCHEMA: &str = "information_schema";

/// The views, each after those that it reads.
const VIEWS: &[(&str, &str)] = &[
    ("schemata", include_str!("information_schema/schemata.sql")),
    ("tables", include_str!("information_schema/tables.sql")),
    ("views", include_str!("information_schema/views.sql")),
    ("columns", include_str!("information_schema/columns.sql")),
    ("table_constraints", include_str!("information_schema/table_constraints.sql")),
    ("key_column_usage", include_str!("information_schema/key_column_usage.sql")),
    ("referential_constraints", include_str!("information_schema/referential_constraints.sql")),
];

/// Adds the schema to a catalog that has `pg_catalog`.
///
/// # Errors
/// When a view cannot be planned.
pub(super) async fn register(
    context: &SessionContext,
    catalog: &dyn CatalogProvider,
) -> Result<()> {
    let schema = Arc::new(MemorySchemaProvider::new());
    catalog.register_schema(INFORMATION_SCHEMA, Arc::clone(&schema) as Arc<dyn SchemaProvider>)?;
    for (name, sql) in VIEWS {
        let plan = Box::pin(context.state().create_logical_plan(sql)).await?;
        let view = ViewTable::new(plan, Some((*sql).to_owned()));
        schema.register_table((*name).to_owned(), Arc::new(view))?;
    }
    Ok(())
}
