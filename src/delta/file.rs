//! Data files as a table's log describes them: those that belong to it, and those that a commit adds.
//!
//! What is inside the files is a matter of [`crate::parquet`].

use std::collections::HashMap;

use deltalake::kernel::Remove;
use object_store::path::Path;
use serde::Deserialize;

/// A finished data file that no commit names yet.
#[derive(Clone, Debug, PartialEq)]
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

impl ActiveFile {
    /// Returns the number of rows, where the statistics tell it.
    pub(crate) fn rows(&self) -> Option<u64> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Stats {
            num_records: u64,
        }
        serde_json::from_str::<Stats>(self.stats.as_deref()?).ok().map(|stats| stats.num_records)
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
        let values = file
            .partition_values
            .iter()
            .map(|(column, value)| (column.clone(), Some(value.clone())));
        let (path, stats) = (file.path.clone(), Some(file.stats.clone()));
        Self { path, size: file.size, partition_values: values.collect(), stats }
    }
}
