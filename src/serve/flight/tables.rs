//! The lake's tables and views as clients list them, with their columns if they want these.
//!
//! A table's columns are in its log, so that only the tables that are wanted are opened.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Field, Schema};
use arrow_flight::sql::CommandGetTables;
use datafusion::catalog::CatalogProvider;
use tonic::Status;

use super::columns::plain;
use super::status::{failed, not_sendable};
use crate::query::{CATALOG, LakeCatalog, QueryError, Session};
use crate::serve::engine::StatementEngine;
use crate::storage::lake::{Layer, TableName};

/// The words for the two kinds of tables.
pub(super) const TABLE: &str = "TABLE";
pub(super) const VIEW: &str = "VIEW";

/// What a column holds, in the metadata of its field, as the protocol names it.
const REMARKS: &str = "ARROW:FLIGHT:SQL:REMARKS";

/// A table by its schema and name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    schema: String,
    table: String,
}

impl Name {
    /// The layer of a table; nothing for a view.
    fn layer(&self) -> Option<Layer> {
        Layer::named(&self.schema)
    }
}

/// Lists the tables that a client wants to see.
pub(super) async fn list(
    command: CommandGetTables,
    engine: &StatementEngine,
    session: &Session,
) -> Result<RecordBatch, Status> {
    let catalog = Arc::clone(session.catalog());
    let names = async move { names(&catalog).await };
    let names = engine.compute(names).await.map_err(|error| failed(&error))?;
    let with_columns = command.include_schema;
    let unopened = CommandGetTables { include_schema: false, ..command.clone() };
    let without_columns: Vec<_> = names.into_iter().map(|name| (name, Schema::empty())).collect();
    let listed = rows(unopened, &without_columns)?;
    if !with_columns {
        return Ok(listed);
    }
    let wanted = listed_names(&listed);
    let catalog = Arc::clone(session.catalog());
    let columns = async move { Ok(columns(&catalog, wanted).await) };
    let columns = engine.compute(columns).await.map_err(|error| failed(&error))?;
    rows(command, &columns)
}

fn rows(command: CommandGetTables, tables: &[(Name, Schema)]) -> Result<RecordBatch, Status> {
    let mut rows = command.into_builder();
    for (name, columns) in tables {
        let kind = if name.layer().is_some() { TABLE } else { VIEW };
        rows.append(CATALOG, &name.schema, &name.table, kind, columns).map_err(not_sendable)?;
    }
    rows.build().map_err(not_sendable)
}

/// Returns the names in an answer that has no columns of tables.
fn listed_names(listed: &RecordBatch) -> Vec<Name> {
    let schemas = listed.column(1).as_string::<i32>();
    let tables = listed.column(2).as_string::<i32>();
    let name =
        |row| Name { schema: schemas.value(row).to_owned(), table: tables.value(row).to_owned() };
    (0..listed.num_rows()).map(name).collect()
}

/// Returns the names of all tables and views.
async fn names(catalog: &LakeCatalog) -> Result<Vec<Name>, QueryError> {
    // Remembers the names for the schemas.
    catalog.list().await?;
    let mut names = Vec::new();
    for schema in catalog.schema_names() {
        let tables = catalog.schema(&schema).map(|tables| tables.table_names());
        for table in tables.unwrap_or_default() {
            names.push(Name { schema: schema.clone(), table });
        }
    }
    Ok(names)
}

/// Opens tables and views. One that cannot be read is left out; a statement that names it says why.
async fn columns(catalog: &LakeCatalog, names: Vec<Name>) -> Vec<(Name, Schema)> {
    let mut tables = Vec::with_capacity(names.len());
    for name in names {
        let columns = match name.layer() {
            Some(layer) => table_columns(catalog, TableName::new(layer, &name.table)).await,
            None => view_columns(catalog, &name).await,
        };
        tables.extend(columns.map(|columns| (name, columns)));
    }
    tables
}

async fn table_columns(catalog: &LakeCatalog, name: TableName) -> Option<Schema> {
    let table = Box::pin(catalog.open(&name)).await.ok().flatten()?;
    let snapshot = table.snapshot();
    let mut fields = plain_fields(snapshot.schema());
    for (index, comment) in snapshot.comments() {
        if let Some(field) = fields.get_mut(*index) {
            let remarks = HashMap::from([(REMARKS.to_owned(), comment.clone())]);
            field.set_metadata(remarks);
        }
    }
    Some(Schema::new(fields))
}

async fn view_columns(catalog: &LakeCatalog, name: &Name) -> Option<Schema> {
    let views = catalog.schema(&name.schema)?;
    let view = Box::pin(views.table(&name.table)).await.ok().flatten()?;
    Some(Schema::new(plain_fields(&view.schema())))
}

/// Returns columns in the types in which their values are sent.
fn plain_fields(schema: &Schema) -> Vec<Field> {
    let field = |field: &Arc<Field>| {
        Field::new(field.name(), plain(field.data_type()), field.is_nullable())
    };
    schema.fields().iter().map(field).collect()
}
