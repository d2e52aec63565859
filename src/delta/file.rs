//! Data files as a table's log describes them: those that belong to it, and those that a commit
//! adds.
//!
//! What is inside the files is a matter of [`crate::parquet`].

use std::collections::HashMap;

use deltalake::kernel::Remove;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

/// A finished data file that no commit names yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NewFile {
    /// Relative to the table's folder.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    pub(crate) partition_values: Vec<(String, String)>,
    pub(crate) stats: String,
}

/// A data file that belongs to the newest version of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ActiveFile {
    /// Relative to the table's folder, percent-encoded as in the log.
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) partition_values: HashMap<String, Option<String>>,
    pub(crate) stats: Option<String>,
}

/// The part of a file's statistics that says how many rows it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RowCount {
    num_records: u64,
}

impl ActiveFile {
    /// Returns the number of rows, where the file has statistics.
    pub(crate) fn rows(&self) -> Option<u64> {
        let statistics = serde_json::from_str::<RowCount>(self.stats.as_deref()?);
        statistics.ok().map(|statistics| statistics.num_records)
    }

    /// Returns where the file is in a store whose root is the table's folder.
    pub(crate) fn location(&self) -> Path {
        Path::parse(&self.path).unwrap_or_else(|_| Path::from(self.path.as_str()))
    }

    pub(super) fn remove(&self, now_millis: i64, data_change: bool) -> Remove {
        Remove {
            path: self.path.clone(),
            data_change,
            deletion_timestamp: Some(now_millis),
            extended_file_metadata: Some(true),
            partition_values: Some(self.partition_values.clone()),
            size: i64::try_from(self.size).ok(),
            ..Remove::default()
        }
    }
}

impl From<&NewFile> for ActiveFile {
    /// Describes a file as the log will, once a commit names it.
    fn from(file: &NewFile) -> Self {
        Self {
            path: file.path.clone(),
            size: file.size,
            partition_values: logged_partition_values(file),
            stats: Some(file.stats.clone()),
        }
    }
}

/// Returns a file's partition values in the form of the log, which knows NULL too.
pub(super) fn logged_partition_values(file: &NewFile) -> HashMap<String, Option<String>> {
    let values = file.partition_values.iter();
    values.map(|(column, value)| (column.clone(), Some(value.clone()))).collect()
}
