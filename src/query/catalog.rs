//! The lake as a catalog of SQL: one schema per layer of tables, each table at its newest version.
//!
//! A name is resolved against the lake's folders on every look-up, so that an open session sees
//! what a running ingest has just committed. Bronze holds archives and has no schema.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::TableType;
use futures::{StreamExt, TryStreamExt, stream};
use lakehouse_core::names::table::ALL_SCHEMA;
use object_store::path::Path;

use super::all::AllTables;
use super::error::QueryError;
use super::provider::TableScan;
use super::snapshot::{At, TableSnapshot};
use super::views::{SCHEMA as VIEWS, ViewTables};
use crate::storage::lake::{Lake, Layer, TableName};

/// Folders that are looked into at a time when tables are listed.
const PARALLEL_LISTINGS: usize = 16;

/// The tables of one lake.
#[derive(Debug)]
pub struct LakeCatalog {
    lake: Lake,
    layers: BTreeMap<Layer, Arc<LayerTables>>,
    views: Option<Arc<ViewTables>>,
}

impl LakeCatalog {
    /// Makes the catalog of a lake, whose tables are read at the version meant by `at`.
    #[must_use]
    pub fn new(lake: &Lake, at: At) -> Self {
        let tables = |layer| LayerTables {
            lake: lake.clone(),
            layer,
            at,
            max_age: Duration::ZERO,
            listed: RwLock::default(),
            views: None,
            others: Vec::new(),
        };
        Self {
            lake: lake.clone(),
            layers: Layer::ALL.map(|layer| (layer, Arc::new(tables(layer)))).into(),
            views: None,
        }
    }

    /// Lets tables be read at a version that was the newest up to this long ago.
    #[must_use]
    pub(super) fn with_max_age(mut self, max_age: Duration) -> Self {
        for tables in self.layers.values_mut().filter_map(Arc::get_mut) {
            tables.max_age = max_age;
        }
        self
    }

    /// Adds views: a schema, whose names alone are found where silver has no such table.
    #[must_use]
    pub(super) fn with_views(mut self, views: ViewTables) -> Self {
        let views = Arc::new(views);
        if let Some(silver) = self.layers.get_mut(&Layer::Silver).and_then(Arc::get_mut) {
            silver.views = Some(Arc::clone(&views));
        }
        Self { views: Some(views), ..self }
    }

    /// Lets the name alone of a table mean one of gold or meta, where silver has none of the name.
    #[must_use]
    pub(super) fn with_search_path(mut self) -> Self {
        let others = [Layer::Gold, Layer::Meta];
        let others = others.iter().filter_map(|layer| self.layers.get(layer).map(Arc::clone));
        let others = others.collect();
        if let Some(silver) = self.layers.get_mut(&Layer::Silver).and_then(Arc::get_mut) {
            silver.others = others;
        }
        self
    }

    /// Returns whether there is a view of this name.
    pub(super) fn has_view(&self, name: &str) -> bool {
        self.views.as_ref().is_some_and(|views| views.has(name))
    }

    /// Lists the lake's tables in the order of their names, and remembers them for
    /// `information_schema`.
    ///
    /// # Errors
    /// When the lake cannot be listed.
    pub async fn list(&self) -> Result<Vec<TableName>, QueryError> {
        self.check_format().await?;
        let mut all = Vec::new();
        for (layer, tables) in &self.layers {
            let names = self.list_layer(*layer).await?;
            all.extend(names.iter().map(|name| TableName::new(*layer, name)));
            *tables.listed.write().unwrap_or_else(PoisonError::into_inner) = names;
        }
        Ok(all)
    }

    /// Lists the names of a layer's tables in their order.
    ///
    /// # Errors
    /// When the layer cannot be listed.
    pub(crate) async fn list_layer(&self, layer: Layer) -> Result<Vec<String>, QueryError> {
        list_layer(&self.lake, layer).await
    }

    /// Opens all tables of the lake in the order of their names. One that cannot be read is left
    /// out; a statement that names it says why.
    ///
    /// # Errors
    /// When the lake cannot be listed.
    pub(crate) async fn open_all(&self) -> Result<Vec<(TableName, TableScan)>, QueryError> {
        let mut tables = Vec::new();
        for name in self.list().await? {
            if let Ok(Some(table)) = self.open(&name).await {
                tables.push((name, table));
            }
        }
        Ok(tables)
    }

    /// Makes sure that this program knows the lake's format.
    ///
    /// # Errors
    /// When it is newer, or cannot be read.
    pub(super) async fn check_format(&self) -> Result<(), QueryError> {
        self.lake.check_format().await.map_err(QueryError::Lake)
    }

    /// Returns the versions of tables of a layer; nothing for one that does not exist.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub(crate) async fn versions_of<const N: usize>(
        &self,
        layer: Layer,
        tables: [&str; N],
    ) -> Result<[Option<u64>; N], QueryError> {
        let mut versions = [None; N];
        for (version, name) in versions.iter_mut().zip(tables) {
            let table = Box::pin(self.open(&TableName::new(layer, name))).await?;
            *version = table.map(|table| table.snapshot().version());
        }
        Ok(versions)
    }

    /// Opens a table, or returns nothing when there is none.
    ///
    /// # Errors
    /// When there is one that cannot be read.
    pub async fn open(&self, name: &TableName) -> Result<Option<TableScan>, QueryError> {
        match self.layers.get(&name.layer) {
            Some(tables) => tables.open(&name.name).await,
            None => Ok(None),
        }
    }
}

impl CatalogProvider for LakeCatalog {
    fn schema_names(&self) -> Vec<String> {
        let views = self.views.iter().filter(|views| !views.names().is_empty());
        let layers = Layer::ALL.iter().map(|layer| layer.as_str().to_owned());
        let all = [ALL_SCHEMA.to_owned()];
        layers.chain(all).chain(views.map(|_| VIEWS.to_owned())).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == VIEWS {
            return self.views.as_ref().map(|views| Arc::clone(views) as Arc<dyn SchemaProvider>);
        }
        if name == ALL_SCHEMA {
            let tables = |layer| self.layers.get(&layer).map(Arc::clone);
            let silver = tables(Layer::Silver)?;
            let recent = tables(Layer::Recent)?;
            return Some(Arc::new(AllTables { silver, recent }));
        }
        let (_, tables) = self.layers.iter().find(|(layer, _)| layer.as_str() == name)?;
        Some(Arc::clone(tables) as Arc<dyn SchemaProvider>)
    }
}

/// One layer's tables.
#[derive(Debug)]
pub(super) struct LayerTables {
    lake: Lake,
    layer: Layer,
    at: At,
    /// How long a look at a table's log counts.
    max_age: Duration,
    /// The names as of the last listing; only what cannot wait for a listing uses them.
    listed: RwLock<Vec<String>>,
    /// Views that are read where there is no table of their name.
    views: Option<Arc<ViewTables>>,
    /// Layers in which a table is looked for that is nowhere else.
    others: Vec<Arc<Self>>,
}

impl LayerTables {
    /// Opens a table, or returns nothing when there is none.
    pub(super) async fn open(&self, name: &str) -> Result<Option<TableScan>, QueryError> {
        self.open_within(name, self.max_age).await
    }

    /// Opens a table as it was no longer ago than this.
    pub(super) async fn open_within(
        &self,
        name: &str,
        max_age: Duration,
    ) -> Result<Option<TableScan>, QueryError> {
        if !is_folder_name(name) {
            return Ok(None);
        }
        self.lake.check_format().await.map_err(QueryError::Lake)?;
        let name = TableName::new(self.layer, name);
        let url = self.lake.table_url(&name).map_err(QueryError::Lake)?;
        let snapshot = TableSnapshot::open_within(&url, self.at, max_age).await?;
        Ok(snapshot.map(|snapshot| TableScan::new(name, snapshot)))
    }
}

#[async_trait]
impl SchemaProvider for LayerTables {
    fn table_names(&self) -> Vec<String> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let failed = |error| DataFusionError::External(Box::new(error));
        if let Some(table) = self.open(name).await.map_err(failed)? {
            return Ok(Some(Arc::new(table)));
        }
        if let Some(views) = &self.views
            && let Some(view) = views.open(name).await?
        {
            return Ok(Some(view));
        }
        for other in &self.others {
            if let Some(table) = other.open(name).await.map_err(failed)? {
                return Ok(Some(Arc::new(table)));
            }
        }
        Ok(None)
    }

    /// Listing tables needs none of them opened.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.listed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|listed| listed == name)
    }
}

/// A quoted name may hold anything; only what is one folder below the layer is a table of the lake.
fn is_folder_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    !name.is_empty() && name.chars().all(plain)
}

/// A folder is a table when it holds a log.
async fn list_layer(lake: &Lake, layer: Layer) -> Result<Vec<String>, QueryError> {
    let listing = |source| QueryError::List { layer: layer.as_str(), source };
    let store = lake.storage().store();
    let folders =
        store.list_with_delimiter(Some(&Path::from(layer.as_str()))).await.map_err(listing)?;
    let names =
        folders.common_prefixes.iter().filter_map(|folder| folder.filename().map(str::to_owned));
    let with_log =
        stream::iter(names.filter(|name| is_folder_name(name)).collect::<Vec<_>>()).map(|name| {
            let log = Path::from_iter([layer.as_str(), &name, "_delta_log"]);
            let mut entries = store.list(Some(&log));
            async move { Ok::<_, object_store::Error>(entries.try_next().await?.map(|_| name)) }
        });
    let found: Vec<_> =
        with_log.buffered(PARALLEL_LISTINGS).try_collect().await.map_err(listing)?;
    let mut names: Vec<String> = found.into_iter().flatten().collect();
    names.sort();
    Ok(names)
}
