//! One table of the lake: created when it is missing, opened at its newest version, its active
//! files listed.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use deltalake::kernel::{Metadata, MetadataExt, StructType, new_metadata};
use deltalake::{DeltaTable, DeltaTableError};
use object_store::ObjectStore;

use super::columns::{delta_columns, may_skip_data};
use super::create::create;
use super::descriptions::{Descriptions, without_comments};
use super::file::ActiveFile;
use super::open::{open_log, update_log};
use super::{TableError, Verb};
use crate::storage::Storage;
use crate::storage::lake::{Lake, TableName};

/// The table property that names the columns, comma-separated, by which the rows of every file are
/// sorted.
pub(crate) const SORT_PROPERTY: &str = "lakehouse.sortColumns";

/// What a table is, before it exists.
#[derive(Clone, Debug)]
pub(crate) struct TableSpec {
    pub(crate) name: TableName,
    /// All columns, the partition columns first.
    pub(crate) schema: SchemaRef,
    pub(crate) partition_columns: Vec<String>,
    /// The columns by which the rows of each file are sorted; none when they are not.
    pub(crate) sort_columns: Vec<String>,
    pub(crate) descriptions: Descriptions,
}

impl TableSpec {
    /// Returns the columns that are in the data files: all but the partition columns.
    pub(crate) fn file_schema(&self) -> SchemaRef {
        let stored = self
            .schema
            .fields()
            .iter()
            .filter(|field| !self.partition_columns.contains(field.name()));
        Arc::new(Schema::new(stored.cloned().collect::<Vec<_>>()))
    }

    /// Returns the table's properties.
    ///
    /// Commits are kept, because they say which archives each version holds; checkpoints are
    /// written by maintenance and not by any writer; and the columns with statistics are named, so
    /// that other writers do not choose them by position.
    pub(super) fn properties(&self) -> HashMap<String, Option<String>> {
        let stored = self.file_schema();
        let skippable = stored.fields().iter().filter(|field| may_skip_data(field.data_type()));
        let skippable: Vec<&str> = skippable.map(|field| field.name().as_str()).collect();
        let properties = [
            ("delta.dataSkippingStatsColumns", skippable.join(",")),
            ("delta.enableExpiredLogCleanup", "false".to_owned()),
            ("delta.logRetentionDuration", "interval 3650 days".to_owned()),
            (SORT_PROPERTY, self.sort_columns.join(",")),
        ];
        properties.into_iter().map(|(key, value)| (key.to_owned(), Some(value))).collect()
    }
}

/// A table, as it was at its newest version when it was last refreshed.
#[derive(Clone, Debug)]
pub(crate) struct WritableTable {
    pub(crate) spec: TableSpec,
    pub(crate) storage: Storage,
    pub(super) delta: DeltaTable,
}

impl WritableTable {
    /// Opens the table to write to it, and creates it first when it is missing; several processes
    /// may do so at once.
    pub(crate) async fn open_or_create(lake: &Lake, spec: TableSpec) -> Result<Self, TableError> {
        lake.prepare_write().await?;
        if let Some(table) = Self::open(lake, spec.clone()).await? {
            return Ok(table);
        }
        let failure = create(lake, &spec).await.err();
        // Another process may have been faster, or the answer was lost: what counts is whether the
        // table is there.
        if let Some(table) = Self::open(lake, spec.clone()).await? {
            return Ok(table);
        }
        let failure = failure.unwrap_or_else(|| DeltaTableError::NotATable(spec.name.to_string()));
        Err(TableError::cannot(Verb::Create, &spec.name, "the table")(failure))
    }

    /// Opens the table at its newest version, or returns nothing when there is none.
    pub(crate) async fn open(lake: &Lake, spec: TableSpec) -> Result<Option<Self>, TableError> {
        let loaded = load(lake, &spec.name).await?;
        Ok(loaded.map(|(storage, delta)| Self { spec, storage, delta }))
    }

    /// Opens a table as its own log describes it, or returns nothing when there is none.
    pub(crate) async fn open_as_is(
        lake: &Lake,
        name: &TableName,
    ) -> Result<Option<Self>, TableError> {
        let Some((storage, delta)) = load(lake, name).await? else { return Ok(None) };
        let state = delta.snapshot().map_err(TableError::delta(name))?;
        let properties = state.metadata().configuration();
        let sort_columns = properties.get(SORT_PROPERTY).map(String::as_str).unwrap_or_default();
        let sort_columns =
            sort_columns.split(',').filter(|column| !column.is_empty()).map(str::to_owned);
        let spec = TableSpec {
            name: name.clone(),
            schema: without_field_metadata(&state.snapshot().arrow_schema()),
            partition_columns: state.metadata().partition_columns().to_vec(),
            sort_columns: sort_columns.collect(),
            descriptions: Descriptions::default(),
        };
        Ok(Some(Self { spec, storage, delta }))
    }

    /// Returns the metadata that the log has to have from now on, if the table's columns,
    /// partitions or properties are others than those in the log; descriptions are not compared.
    ///
    /// # Errors
    /// When a column cannot be stored.
    pub(crate) fn changed_metadata(&self) -> Result<Option<Metadata>, TableError> {
        let failed = TableError::delta(&self.spec.name);
        let state = self.delta.snapshot().map_err(&failed)?;
        let known = state.metadata();
        let columns = StructType::try_new(delta_columns(&self.spec)?);
        let columns = columns.map_err(|error| failed(error.into()))?;
        let properties =
            self.spec.properties().into_iter().filter_map(|(key, value)| Some((key, value?)));
        let properties: HashMap<String, String> = properties.collect();
        let bare_columns = without_comments(&columns).map_err(&failed)?;
        let same_columns = without_comments(&state.schema()).map_err(&failed)? == bare_columns;
        let same_partitions = known.partition_columns() == self.spec.partition_columns.as_slice();
        if same_partitions && same_columns && *known.configuration() == properties {
            return Ok(None);
        }
        let made = new_metadata(&columns, &self.spec.partition_columns, properties)
            .and_then(|metadata| metadata.with_table_id(known.id().to_owned()))
            .and_then(|metadata| metadata.with_description(self.spec.descriptions.table().into()));
        made.map(Some).map_err(|error| failed(error.into()))
    }

    /// Returns the table's own identity, which another table in its place does not have.
    ///
    /// # Errors
    /// When the table's metadata cannot be read.
    pub(crate) fn id(&self) -> Result<String, TableError> {
        let state = self.delta.snapshot().map_err(TableError::delta(&self.spec.name))?;
        Ok(state.metadata().id().to_owned())
    }

    /// Returns a property of the table as its log has it.
    pub(crate) fn property(&self, key: &str) -> Option<String> {
        let state = self.delta.snapshot().ok()?;
        state.metadata().configuration().get(key).cloned()
    }

    /// Returns the metadata that the log has to have so that these are among the properties;
    /// nothing if they are.
    ///
    /// # Errors
    /// When the table's metadata cannot be read.
    pub(crate) fn with_properties(
        &self,
        properties: &BTreeMap<String, String>,
    ) -> Result<Option<Metadata>, TableError> {
        let failed = TableError::delta(&self.spec.name);
        let known = self.delta.snapshot().map_err(failed)?.metadata();
        let mut metadata = self.missing_descriptions()?.unwrap_or_else(|| known.clone());
        let mut changed = false;
        for (key, value) in properties {
            if metadata.configuration().get(key) != Some(value) {
                let added = metadata.add_config_key(key.clone(), value.clone());
                metadata = added.map_err(|error| failed(error.into()))?;
                changed = true;
            }
        }
        Ok(changed.then_some(metadata))
    }

    /// Returns a handle on the same version, for operations of the library.
    pub(crate) fn delta(&self) -> DeltaTable {
        self.delta.clone()
    }

    /// Moves on to the newest version.
    pub(crate) async fn refresh(&mut self) -> Result<(), TableError> {
        update_log(&mut self.delta).await.map_err(TableError::log(&self.spec.name))
    }

    /// Returns the version at the last refresh.
    pub(crate) fn version(&self) -> i64 {
        self.delta.version().and_then(|version| i64::try_from(version).ok()).unwrap_or(-1)
    }

    /// Returns the files of that version.
    pub(crate) fn active_files(&self) -> Result<Vec<ActiveFile>, TableError> {
        self.each_file().map(Iterator::collect)
    }

    /// Returns the files of that version one by one, for tables that have many.
    pub(crate) fn each_file(&self) -> Result<impl Iterator<Item = ActiveFile>, TableError> {
        let snapshot = self.delta.snapshot().map_err(TableError::delta(&self.spec.name))?;
        Ok(snapshot.log_data().into_iter().map(|file| ActiveFile {
            path: file.path().into_owned(),
            size: u64::try_from(file.size()).unwrap_or_default(),
            partition_values: file.partition_values_map(),
            stats: file.stats(),
        }))
    }

    /// Returns those of the paths that are files of that version.
    pub(crate) fn active_among<'a>(
        &self,
        paths: impl Iterator<Item = &'a str>,
    ) -> Result<HashSet<&'a str>, TableError> {
        let snapshot = self.delta.snapshot().map_err(TableError::delta(&self.spec.name))?;
        let wanted: HashSet<&str> = paths.collect();
        let files = snapshot.log_data().into_iter();
        Ok(files.filter_map(|file| wanted.get(file.path().as_ref()).copied()).collect())
    }

    /// Returns the store whose root is the table's folder.
    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        self.storage.store()
    }
}

/// Every table that is opened to be written or maintained comes through here, so this is where a
/// lake of an unknown format is refused.
async fn load(lake: &Lake, name: &TableName) -> Result<Option<(Storage, DeltaTable)>, TableError> {
    lake.check_format().await?;
    let storage = lake.storage().join(&format!("{}/{}", name.layer.as_str(), name.name))?;
    let opened = open_log(storage.engine_url(), None).await.map_err(TableError::log(name))?;
    Ok(opened.map(|delta| (storage, delta)))
}

/// Returns columns without the comments of the log, which data files do not repeat.
fn without_field_metadata(schema: &Schema) -> SchemaRef {
    let bare = |field: &FieldRef| field.as_ref().clone().with_metadata(HashMap::new());
    Arc::new(Schema::new(schema.fields().iter().map(bare).collect::<Vec<_>>()))
}
