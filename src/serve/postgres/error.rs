//! Failures in PostgreSQL's words: a code that drivers know, and our message.

use pgwire::error::{ErrorInfo, PgWireError};

use crate::query::QueryError;
use crate::serve::statement::StatementError;

/// Returns an error of the client's doing that is not of a statement's run.
pub(super) fn refused(code: &str, message: impl Into<String>) -> PgWireError {
    let error = ErrorInfo::new("ERROR".to_owned(), code.to_owned(), message.into());
    PgWireError::UserError(Box::new(error))
}

/// Returns an error after which the connection ends.
pub(super) fn fatal(code: &str, message: impl Into<String>) -> PgWireError {
    let error = ErrorInfo::new("FATAL".to_owned(), code.to_owned(), message.into());
    PgWireError::UserError(Box::new(error))
}

/// Returns the error of a command that is not understood.
pub(super) fn not_understood(message: impl Into<String>) -> PgWireError {
    refused("42601", message)
}

impl From<StatementError> for PgWireError {
    fn from(error: StatementError) -> Self {
        refused(code(&error), error.to_string())
    }
}

const fn code(error: &StatementError) -> &'static str {
    match error {
        StatementError::Query(error) => query_code(error),
        StatementError::TimedOut(_) | StatementError::Idle(_) | StatementError::Cancelled => {
            "57014"
        }
        StatementError::Threads(_) => "53000",
        StatementError::Unread | StatementError::Stopping => "57P01",
    }
}

const fn query_code(error: &QueryError) -> &'static str {
    match error {
        QueryError::Syntax { .. } | QueryError::NotOneStatement { .. } => "42601",
        QueryError::ReadOnly { .. } => "25006",
        QueryError::UnknownTable { .. } => "42P01",
        QueryError::UnknownColumn { .. } => "42703",
        QueryError::NoValue { .. } => "42P02",
        QueryError::Invalid { .. } | QueryError::View { .. } => "42000",
        QueryError::Memory { .. } => "53200",
        QueryError::NoVersion { .. } | QueryError::NotThere { .. } => "22023",
        QueryError::Table { .. } | QueryError::List { .. } | QueryError::Lake(_) => "58030",
        QueryError::Fault { .. } => "XX000",
        QueryError::Execution { .. } => "22000",
    }
}
