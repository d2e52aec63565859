//! The lake: one folder or object-store prefix with `bronze/`, `silver/`, `gold/` and `meta/`.
//!
//! Only names and places are here; what the layers hold is the business of their own modules. The
//! version of the layout is in [`super::format`].

use url::Url;

use super::format::KnownFormat;
use super::{Storage, StorageError, register_with_delta};
pub use lakehouse_core::names::table::{Layer, TableName};

/// One lake.
#[derive(Clone, Debug)]
pub struct Lake {
    storage: Storage,
    pub(super) format: KnownFormat,
}

impl Lake {
    /// Opens the lake at a folder or object-store URL; it need not exist yet, and nothing is
    /// written.
    ///
    /// # Errors
    /// When the location is neither.
    pub fn open(location: &str) -> Result<Self, StorageError> {
        register_with_delta();
        Ok(Self { storage: Storage::open(location)?, format: KnownFormat::default() })
    }

    /// Returns where the lake is.
    #[must_use]
    pub const fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Returns where archives are kept byte for byte.
    ///
    /// # Errors
    /// When the lake's location cannot be joined with a path.
    pub fn bronze(&self) -> Result<Storage, StorageError> {
        self.storage.join("bronze")
    }

    /// Returns the URL of a table's folder, with a slash at its end.
    ///
    /// # Errors
    /// When the name cannot be part of a URL.
    pub fn table_url(&self, table: &TableName) -> Result<Url, StorageError> {
        Ok(self.table_storage(table)?.engine_url().clone())
    }

    /// Returns a table's folder.
    ///
    /// # Errors
    /// When the name cannot be part of a URL.
    pub(crate) fn table_storage(&self, table: &TableName) -> Result<Storage, StorageError> {
        self.storage.join(&format!("{}/{}", table.layer.as_str(), table.name))
    }
}
