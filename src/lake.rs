//! The lake: one folder or object-store prefix with `bronze/`, `silver/`, `gold/` and `meta/`.
//!
//! Only names and places are here; what the layers hold is the business of their own modules.

use std::fmt;

use url::Url;

use crate::storage::{Storage, StorageError, register_with_delta};

/// A layer of tables; bronze holds archives, not tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    Silver,
    Gold,
    Meta,
}

impl Layer {
    /// Every layer with tables.
    pub const ALL: [Self; 3] = [Self::Silver, Self::Gold, Self::Meta];

    /// Returns the folder's name, which is the SQL schema's name too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silver => "silver",
            Self::Gold => "gold",
            Self::Meta => "meta",
        }
    }
}

/// A table's name in SQL and its folder in the lake: `silver.klines` lies in `silver/klines/`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    pub layer: Layer,
    pub name: String,
}

impl TableName {
    /// Names a table of a layer.
    #[must_use]
    pub fn new(layer: Layer, name: &str) -> Self {
        Self { layer, name: name.to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.layer.as_str(), self.name)
    }
}

/// One lake.
#[derive(Clone, Debug)]
pub struct Lake {
    storage: Storage,
}

impl Lake {
    /// Opens the lake at a folder or object-store URL; it need not exist yet, and nothing is written.
    ///
    /// # Errors
    /// When the location is neither.
    pub fn open(location: &str) -> Result<Self, StorageError> {
        register_with_delta();
        Ok(Self { storage: Storage::open(location)? })
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
        Ok(self.storage.join(&format!("{}/{}", table.layer.as_str(), table.name))?.url().clone())
    }
}
