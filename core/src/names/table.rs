//! Names of the lake's tables: a layer, and a table's name in it.
//!
//! Where tables lie and what they hold is not known here.

use std::fmt;

/// The SQL schema of silver's tables with the provisional rows that silver does not have.
pub const ALL_SCHEMA: &str = "all";

/// A layer of tables; bronze holds archives, not tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    Silver,
    Gold,
    /// Provisional rows, of what no archive has yet.
    Recent,
    Meta,
}

impl Layer {
    /// Every layer with tables.
    pub const ALL: [Self; 4] = [Self::Silver, Self::Gold, Self::Recent, Self::Meta];

    /// Returns the layer of a name, if it is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.as_str() == name)
    }

    /// Returns the folder's name, which is the SQL schema's name too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Silver => "silver",
            Self::Gold => "gold",
            Self::Recent => "recent",
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
