//! Why an audit cannot run at all; why one check cannot is said as gold says it of a model.

use thiserror::Error;

use crate::delta::TableError;
use crate::query::QueryError;

/// Why nothing could be audited.
#[derive(Debug, Error)]
pub enum AuditError {
    #[error("there is no check `{name}`; expected one of {}", checks.join(", "))]
    UnknownCheck { name: String, checks: Vec<String> },
    #[error("the folder of checks {folder} cannot be read")]
    Folder { folder: String, source: std::io::Error },
    #[error("other processes kept auditing the same")]
    Overtaken,
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error(transparent)]
    Table(#[from] TableError),
}
