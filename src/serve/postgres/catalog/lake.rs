//! The lake as a database of PostgreSQL: its layers and views, and a place for `pg_catalog`.

use std::sync::{Arc, OnceLock};

use datafusion::catalog::{CatalogProvider, SchemaProvider};
use datafusion::common::Result;

use crate::query::LakeCatalog;

/// The schema that is added to the lake's.
const PG_CATALOG: &str = "pg_catalog";

/// The lake's schemas, and one more.
#[derive(Debug)]
pub(super) struct PgLake {
    lake: Arc<LakeCatalog>,
    pg_catalog: OnceLock<Arc<dyn SchemaProvider>>,
}

impl PgLake {
    pub(super) const fn new(lake: Arc<LakeCatalog>) -> Self {
        Self { lake, pg_catalog: OnceLock::new() }
    }
}

impl CatalogProvider for PgLake {
    fn schema_names(&self) -> Vec<String> {
        let mut names = self.lake.schema_names();
        names.push(PG_CATALOG.to_owned());
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == PG_CATALOG {
            return self.pg_catalog.get().map(Arc::clone);
        }
        self.lake.schema(name)
    }

    fn register_schema(
        &self,
        _: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> Result<Option<Arc<dyn SchemaProvider>>> {
        // It is registered once, by whoever makes the catalog.
        let _ = self.pg_catalog.set(schema);
        Ok(None)
    }
}
