//! What a table is at one version: its columns and its active files, with what the log says of
//! each.
//!
//! Opened tables are kept for the whole process, because reading a long log costs far more than
//! looking for newer commits; the version is looked up on every call all the same. How files are
//! pruned is not in here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use deltalake::kernel::Snapshot;
use deltalake::logstore::LogStoreRef;
use deltalake::{DeltaTableBuilder, DeltaTableError};
use object_store::path::Path;
use url::Url;

use super::error::QueryError;
use super::files::FileList;
use super::replay::{follow_commits, read_files};
use crate::delta::commit_time::{VersionAt, version_at};
use crate::delta::damage::LogError;
use crate::delta::open::{FromLog, check_version, name_torn_commit, open_log};
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

/// A table's columns and active files at one version.
#[derive(Debug)]
pub struct TableSnapshot {
    url: Url,
    id: String,
    version: u64,
    schema: SchemaRef,
    partition_columns: Vec<String>,
    partition_fields: Vec<Field>,
    sort_columns: Vec<String>,
    description: Option<String>,
    /// Comments on columns, by the column's place.
    comments: Vec<(usize, String)>,
    files: FileList,
}

impl TableSnapshot {
    /// Opens the table at a URL; returns nothing if there is none.
    ///
    /// # Errors
    /// When the log cannot be read, or the version does not exist, or the table did not exist at
    /// the time.
    pub async fn open(url: &Url, at: At) -> Result<Option<Arc<Self>>, QueryError> {
        Self::open_within(url, at, Duration::ZERO).await
    }

    /// Does the same, where the newest version may be what it was up to `max_age` ago.
    ///
    /// # Errors
    /// Like [`TableSnapshot::open`].
    pub(super) async fn open_within(
        url: &Url,
        at: At,
        max_age: Duration,
    ) -> Result<Option<Arc<Self>>, QueryError> {
        let opened = match at {
            At::Newest => newest(url, max_age).await,
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

    /// Returns the partition columns.
    pub(super) fn partition_fields(&self) -> &[Field] {
        &self.partition_fields
    }

    /// Returns the columns by which each file's rows are sorted, ascending with NULLs last; empty
    /// when they are not.
    #[must_use]
    pub fn sort_columns(&self) -> &[String] {
        &self.sort_columns
    }

    /// Returns the description of the table, if it has one.
    pub(crate) fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// Returns the comments on columns that have one, by the column's place.
    pub(crate) fn comments(&self) -> &[(usize, String)] {
        &self.comments
    }

    /// Returns the last day of which there are rows, where the table is partitioned by day.
    pub(crate) fn last_day(&self) -> Option<NaiveDate> {
        let column = self.partition_columns.iter().position(|name| name == "date")?;
        self.files.last_day(column)
    }

    /// Returns the active files.
    #[must_use]
    pub const fn files(&self) -> &FileList {
        &self.files
    }

    /// Reads what the table is at a version, and its files.
    async fn read(log: &LogStoreRef, state: &Snapshot) -> Result<Self, DeltaTableError> {
        let url = log.root_url().clone();
        let schema = read_schema(state.arrow_schema().as_ref());
        let partition_columns = state.metadata().partition_columns().to_vec();
        let mut partition_fields = Vec::with_capacity(partition_columns.len());
        for column in &partition_columns {
            partition_fields.push(schema.field_with_name(column)?.clone());
        }
        let root = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
        Ok(Self {
            url,
            id: state.metadata().id().to_owned(),
            version: state.version(),
            sort_columns: sort_columns(state.metadata().configuration(), &schema),
            description: state.metadata().description().map(str::to_owned),
            comments: comments(state.arrow_schema().as_ref()),
            schema,
            partition_columns,
            files: read_files(log, state, root, partition_fields.clone()).await?,
            partition_fields,
        })
    }

    /// Returns the table at a newer version, read from the commits in between where these leave
    /// what the table is.
    async fn follow(&self, log: &LogStoreRef, state: &Snapshot) -> Result<Self, DeltaTableError> {
        let columns = &self.partition_fields;
        let to = state.version();
        let followed = follow_commits(log, &self.files, columns, self.version, to).await?;
        let Some(files) = followed else { return Self::read(log, state).await };
        Ok(Self {
            url: self.url.clone(),
            id: self.id.clone(),
            version: to,
            schema: Arc::clone(&self.schema),
            partition_columns: self.partition_columns.clone(),
            partition_fields: self.partition_fields.clone(),
            sort_columns: self.sort_columns.clone(),
            description: self.description.clone(),
            comments: self.comments.clone(),
            files,
        })
    }
}

/// A table with the handle by which newer versions of it are found.
struct OpenedTable {
    log: LogStoreRef,
    state: Arc<Snapshot>,
    snapshot: Arc<TableSnapshot>,
    /// When the log was last looked at.
    seen: Instant,
}

impl FromLog for OpenedTable {
    async fn from_log(log: LogStoreRef, version: Option<u64>) -> Result<Self, LogError> {
        // The library's own table would keep the whole log in memory, twice.
        let seen = Instant::now();
        let state = Snapshot::try_new(log.as_ref(), version).await?;
        let snapshot = TableSnapshot::read(&log, &state).await?;
        Ok(Self { log, state: Arc::new(state), snapshot: Arc::new(snapshot), seen })
    }

    fn read_version(&self) -> Option<u64> {
        Some(self.snapshot.version)
    }
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

async fn newest(url: &Url, max_age: Duration) -> Result<Option<Arc<TableSnapshot>>, LogError> {
    let cache_entry = cache_entry(url);
    let mut cache_entry = cache_entry.lock().await;
    let opened = match cache_entry.take() {
        Some(opened) if opened.seen.elapsed() < max_age => opened,
        Some(opened) => refresh(opened).await?,
        None => match open_log::<OpenedTable>(url, None).await? {
            Some(opened) => opened,
            None => return Ok(None),
        },
    };
    Ok(Some(Arc::clone(&cache_entry.insert(opened).snapshot)))
}

/// Refuses a version that is still to come, before the engine does in its own words.
async fn refuse_beyond_newest(url: &Url, version: u64) -> Result<(), QueryError> {
    let snapshot =
        newest(url, Duration::ZERO).await.map_err(|source| QueryError::table(url, source))?;
    match snapshot.map(|snapshot| snapshot.version) {
        Some(newest) if newest < version => {
            Err(QueryError::NoVersion { location: location_of(url), version, newest })
        }
        _ => Ok(()),
    }
}

/// Moves a table on to its newest version.
async fn refresh(mut opened: OpenedTable) -> Result<OpenedTable, LogError> {
    let log = &opened.log;
    opened.seen = Instant::now();
    opened.state = match Arc::clone(&opened.state).update(log.engine(None), None).await {
        Ok(state) => state,
        Err(error) => return Err(name_torn_commit(log, error.into()).await?),
    };
    if opened.state.version() != opened.snapshot.version {
        check_version(log, Some(opened.state.version())).await?;
        opened.snapshot = Arc::new(opened.snapshot.follow(log, &opened.state).await?);
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
    let opened = open_log::<OpenedTable>(url, Some(version)).await?;
    Ok(opened.map(|opened| opened.snapshot))
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

/// The entry of a column's metadata that Delta reserves for comments.
const COMMENT: &str = "comment";

fn comments(declared: &Schema) -> Vec<(usize, String)> {
    let comment = |(index, field): (usize, &Arc<Field>)| {
        Some((index, field.metadata().get(COMMENT)?.clone()))
    };
    declared.fields().iter().enumerate().filter_map(comment).collect()
}

/// A property that names an unknown column promises nothing that could be relied on, so it counts
/// as absent.
fn sort_columns(properties: &HashMap<String, String>, schema: &Schema) -> Vec<String> {
    let Some(names) = properties.get(SORT_PROPERTY) else { return Vec::new() };
    let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
    if names.iter().all(|name| schema.field_with_name(name).is_ok()) { names } else { Vec::new() }
}
