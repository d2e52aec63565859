//! The lake as a database of PostgreSQL: its layers and views, `pg_catalog` and
//! `information_schema`.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::datasource::MemTable;

use super::columns;
use super::comments::Comments;
use super::information_schema::INFORMATION_SCHEMA;
use crate::query::LakeCatalog;
use crate::serve::postgres::settings::Settings;

/// The schema that is added to the lake's.
const PG_CATALOG: &str = "pg_catalog";

/// The table of `pg_catalog` that has the comments.
const PG_DESCRIPTION: &str = "pg_description";

/// The table of `pg_catalog` that has the settings.
const PG_SETTINGS: &str = "pg_settings";

/// The lake's schemas, and two more.
#[derive(Debug)]
pub(super) struct PgLake {
    lake: Arc<LakeCatalog>,
    pg_catalog: OnceLock<Arc<dyn SchemaProvider>>,
    information_schema: OnceLock<Arc<dyn SchemaProvider>>,
    comments: Comments,
}

impl PgLake {
    pub(super) const fn new(lake: Arc<LakeCatalog>, comments: Comments) -> Self {
        let pg_catalog = OnceLock::new();
        let information_schema = OnceLock::new();
        Self { lake, pg_catalog, information_schema, comments }
    }
}

impl CatalogProvider for PgLake {
    fn schema_names(&self) -> Vec<String> {
        let mut names = self.lake.schema_names();
        names.push(PG_CATALOG.to_owned());
        names.push(INFORMATION_SCHEMA.to_owned());
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        match name {
            PG_CATALOG => self.pg_catalog.get().map(Arc::clone),
            INFORMATION_SCHEMA => self.information_schema.get().map(Arc::clone),
            _ => self.lake.schema(name),
        }
    }

    /// Takes the two schemas, each once, from whoever makes the catalog.
    fn register_schema(
        &self,
        name: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> Result<Option<Arc<dyn SchemaProvider>>> {
        if name == INFORMATION_SCHEMA {
            let _ = self.information_schema.set(schema);
            return Ok(None);
        }
        let own = ServerCatalog { tables: schema, comments: self.comments.clone() };
        let _ = self.pg_catalog.set(Arc::new(own));
        Ok(None)
    }
}

/// `pg_catalog` with the lake's comments in place of those on PostgreSQL's own functions, this
/// server's settings, and all columns.
#[derive(Debug)]
struct ServerCatalog {
    tables: Arc<dyn SchemaProvider>,
    comments: Comments,
}

#[async_trait]
impl SchemaProvider for ServerCatalog {
    fn table_names(&self) -> Vec<String> {
        self.tables.table_names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let rows = match name {
            PG_DESCRIPTION => self.comments.rows()?,
            PG_SETTINGS => settings()?,
            _ => {
                let Some(table) = self.tables.table(name).await? else { return Ok(None) };
                return columns::complete(name, table).map(Some);
            }
        };
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]])?;
        Ok(Some(Arc::new(table)))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.table_exist(name)
    }
}

/// Returns the rows of `pg_settings`: what no client can change.
fn settings() -> Result<RecordBatch> {
    let settings = Settings::fixed();
    let text = |value: fn(&(&'static str, &'static str)) -> Option<&'static str>| -> ArrayRef {
        Arc::new(settings.iter().map(value).collect::<StringArray>())
    };
    let columns = [
        ("name", text(|setting| Some(setting.0))),
        ("setting", text(|setting| Some(setting.1))),
        ("unit", text(|_| None)),
        ("category", text(|_| Some("Preset Options"))),
        ("short_desc", text(|_| Some("Is the same for every connection."))),
        ("extra_desc", text(|_| None)),
        ("context", text(|_| Some("internal"))),
        ("vartype", text(|_| Some("string"))),
        ("source", text(|_| Some("default"))),
        ("min_val", text(|_| None)),
        ("max_val", text(|_| None)),
        ("boot_val", text(|setting| Some(setting.1))),
        ("reset_val", text(|setting| Some(setting.1))),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}
