//! Why gold tables cannot be built: none at all, or one of them.

use lakehouse_core::gold::ModelError;
use thiserror::Error;

use crate::delta::TableError;
use crate::query::QueryError;
use crate::storage::StorageError;

/// Why nothing could be built.
#[derive(Debug, Error)]
pub enum GoldError {
    #[error("there is no model `{name}`; expected one of {}", models.join(", "))]
    UnknownModel { name: String, models: Vec<String> },
    #[error("the folder of gold models {folder} cannot be read")]
    Folder { folder: String, source: std::io::Error },
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Why one table could not be built; it stays as it was.
#[derive(Debug, Error)]
pub(crate) enum BuildError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("other processes kept building the same table")]
    Overtaken,
    #[error("gold.{0}, which it reads, could not be built")]
    Upstream(String),
}
