//! What a table is at one version: its columns and its active files, with what the log says of
//! each.
//!
//! Opened tables are kept for the whole process, because reading a long log costs far more than
//! looking for newer commits; the version is looked up on every call all the same. How files are
//! pruned is not in here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DataFusionError, ScalarValue};
use deltalake::kernel::LogicalFileView;
use deltalake::{DeltaTable, DeltaTableBuilder, DeltaTableError};
use object_store::path::Path;
use url::Url;

use super::error::QueryError;
use super::statistics::{ColumnBounds, FileStatistics};
use crate::delta::commit_time::{VersionAt, version_at};
use crate::delta::damage::LogError;
use crate::delta::open::{open_log, update_log};
use crate::delta::table::SORT_PROPERTY;
use crate::storage::location_of;

/// Which version of a table is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// The newest at the moment of looking.
    #[default]
    Newest,
    /// A version by its number.
    Version(u64),
    /// The newest that had been committed by this time.
    Time(DateTime<Utc>),
}

/// One active Parquet file of a table.
#[derive(Debug)]
pub struct ScanFile {
    /// Where the file is in the store of the table's whole scheme and host.
    pub path: Path,
    /// Bytes.
    pub size: u64,
    /// One value per partition column of the snapshot, in its order.
    pub partition_values: Vec<ScalarValue>,
    /// The number of rows, if the log has it.
    pub rows: Option<usize>,
    pub(super) statistics: FileStatistics,
}

/// A table's columns and active files at one version.
#[derive(Debug)]
pub struct TableSnapshot {
    url: Url,
    id: String,
    version: u64,
    schema: SchemaRef,
    partition_columns: Vec<String>,
    sort_columns: Vec<String>,
    files: Vec<ScanFile>,
    pub(super) bounds: ColumnBounds,
}

impl TableSnapshot {
    /// Opens the table at a URL; returns nothing if there is none.
    ///
    /// # Errors
    /// When the log cannot be read, or the version does not exist, or the table did not exist at
    /// the time.
    pub async fn open(url: &Url, at: At) -> Result<Option<Arc<Self>>, QueryError> {
        let opened = match at {
            At::Newest => newest(url).await,
            At::Version(version) => {
                refuse_beyond_newest(url, version).await?;
                at_version(url, version).await
            }
            At::Time(time) => match version_by(url, time).await? {
                Some(version) => at_version(url, version).await,
                None => Ok(None),
            },
        };
        opened.map_err(|source| QueryError::table(url, source))
    }

    /// Returns the URL of the table's folder.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the identity of the table, which another table in its place does not have.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the version of the table.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Returns all columns in the table's order, partition columns included.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Returns the names of the partition columns.
    #[must_use]
    pub fn partition_columns(&self) -> &[String] {
        &self.partition_columns
    }

    /// Returns the columns by which each file's rows are sorted, ascending with NULLs last; empty
    /// when they are not.
    #[must_use]
    pub fn sort_columns(&self) -> &[String] {
        &self.sort_columns
    }

    /// Returns the active files.
    #[must_use]
    pub fn files(&self) -> &[ScanFile] {
        &self.files
    }

    fn read(url: &Url, table: &DeltaTable) -> Result<Self, DeltaTableError> {
        let state = table.snapshot()?;
        let schema = read_schema(state.snapshot().arrow_schema().as_ref());
        let partition_columns = state.metadata().partition_columns().to_vec();
        let sort_columns = sort_columns(state.metadata().configuration(), &schema);
        let root = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
        let files = state
            .log_data()
            .iter()
            .map(|file| read_file(&file, &root, &partition_columns, &schema))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            url: url.clone(),
            id: state.metadata().id().to_owned(),
            version: state.version(),
            schema,
            partition_columns,
            sort_columns,
            files,
            bounds: ColumnBounds::default(),
        })
    }
}

struct OpenedTable {
    table: DeltaTable,
    snapshot: Arc<TableSnapshot>,
}

type CacheEntry = Arc<tokio::sync::Mutex<Option<OpenedTable>>>;

/// Returns the table's place in the cache of the process; its lock makes callers share one read of
/// the log.
fn cache_entry(url: &Url) -> CacheEntry {
    static OPENED: OnceLock<Mutex<HashMap<Url, CacheEntry>>> = OnceLock::new();
    let mut opened =
        OPENED.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(opened.entry(url.clone()).or_default())
}

async fn newest(url: &Url) -> Result<Option<Arc<TableSnapshot>>, LogError> {
    let cache_entry = cache_entry(url);
    let mut cache_entry = cache_entry.lock().await;
    let opened = match cache_entry.take() {
        Some(opened) => refresh(url, opened).await?,
        None => match open(url).await? {
            Some(opened) => opened,
            None => return Ok(None),
        },
    };
    Ok(Some(Arc::clone(&cache_entry.insert(opened).snapshot)))
}

/// Refuses a version that is still to come, before the engine does in its own words.
async fn refuse_beyond_newest(url: &Url, version: u64) -> Result<(), QueryError> {
    let snapshot = newest(url).await.map_err(|source| QueryError::table(url, source))?;
    match snapshot.map(|snapshot| snapshot.version) {
        Some(newest) if newest < version => {
            Err(QueryError::NoVersion { location: location_of(url), version, newest })
        }
        _ => Ok(()),
    }
}

async fn open(url: &Url) -> Result<Option<OpenedTable>, LogError> {
    let Some(table) = open_log(url, None).await? else { return Ok(None) };
    let snapshot = Arc::new(TableSnapshot::read(url, &table)?);
    Ok(Some(OpenedTable { table, snapshot }))
}

async fn refresh(url: &Url, mut opened: OpenedTable) -> Result<OpenedTable, LogError> {
    update_log(&mut opened.table).await?;
    if opened.table.version() != Some(opened.snapshot.version) {
        opened.snapshot = Arc::new(TableSnapshot::read(url, &opened.table)?);
    }
    Ok(opened)
}

/// Returns the newest version that had been committed by a time; nothing if there is no table.
async fn version_by(url: &Url, time: DateTime<Utc>) -> Result<Option<u64>, QueryError> {
    let failed = |source: LogError| QueryError::table(url, source);
    let builder = DeltaTableBuilder::from_url(url.clone()).map_err(|error| failed(error.into()))?;
    let log = builder.build_storage().map_err(|error| failed(error.into()))?;
    let found = version_at(&log.object_store(None), time).await;
    match found.map_err(|error| failed(error.into()))? {
        VersionAt::Version(version) => Ok(Some(version)),
        VersionAt::NoCommits => Ok(None),
        VersionAt::Before(first) => {
            Err(QueryError::NotThere { location: location_of(url), time, first })
        }
    }
}

async fn at_version(url: &Url, version: u64) -> Result<Option<Arc<TableSnapshot>>, LogError> {
    let Some(table) = open_log(url, Some(version)).await? else { return Ok(None) };
    Ok(Some(Arc::new(TableSnapshot::read(url, &table)?)))
}

fn read_file(
    file: &LogicalFileView,
    root: &Path,
    partition_columns: &[String],
    schema: &Schema,
) -> Result<ScanFile, DeltaTableError> {
    let path = Path::from_iter(root.parts().chain(file.object_store_path().parts()));
    if file.deletion_vector_descriptor().is_some() {
        let message =
            format!("file `{path}` has a deletion vector, which this program does not read");
        return Err(DeltaTableError::generic(message));
    }
    let texts = file.partition_values_map();
    let mut partition_values = Vec::with_capacity(partition_columns.len());
    for column in partition_columns {
        let data_type = schema.field_with_name(column)?.data_type();
        let value = match texts.get(column).and_then(Option::as_ref) {
            Some(text) => ScalarValue::try_from_string(text.clone(), data_type),
            None => ScalarValue::try_from(data_type),
        };
        // The library's errors have no room for a text with a source, so the cause is text here.
        let unreadable = |error: DataFusionError| {
            DeltaTableError::generic(format!(
                "partition column `{column}` of file `{path}`: {error}"
            ))
        };
        partition_values.push(value.map_err(unreadable)?);
    }
    let statistics = file.stats().map(|text| FileStatistics::parse(&text)).unwrap_or_default();
    let size = u64::try_from(file.size()).unwrap_or_default();
    Ok(ScanFile { path, size, partition_values, rows: statistics.rows(), statistics })
}

/// Text and bytes become views, the form in which scans are cheapest, whatever the files hold.
pub(crate) fn read_schema(declared: &Schema) -> SchemaRef {
    let fields = declared.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            other => other.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A property that names an unknown column promises nothing that could be relied on, so it counts
/// as absent.
fn sort_columns(properties: &HashMap<String, String>, schema: &Schema) -> Vec<String> {
    let Some(names) = properties.get(SORT_PROPERTY) else { return Vec::new() };
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().all(|name| schema.field_with_name(name).is_ok()) { names } else { Vec::new() }
}
