//! Failures as gRPC knows them: a code that drivers know, and our message.

use tonic::Status;

use crate::query::QueryError;
use crate::serve::statement::StatementError;

/// Letters of a message at most, since clients limit the headers in which it travels.
const LETTERS: usize = 1_000;

/// Returns what a client is answered instead of rows.
pub(super) fn failed(error: &StatementError) -> Status {
    let message: String = error.to_string().chars().take(LETTERS).collect();
    match error {
        StatementError::Query(error) => of_query(error, message),
        StatementError::Threads(_) => Status::resource_exhausted(message),
        StatementError::TimedOut(_) | StatementError::Idle(_) => Status::deadline_exceeded(message),
        StatementError::Cancelled | StatementError::Unread => Status::cancelled(message),
        StatementError::Stopping => Status::unavailable(message),
    }
}

fn of_query(error: &QueryError, message: String) -> Status {
    match error {
        QueryError::ReadOnly { .. } => Status::permission_denied(message),
        QueryError::Memory { .. } => Status::resource_exhausted(message),
        QueryError::UnknownTable { .. }
        | QueryError::NoVersion { .. }
        | QueryError::NotThere { .. } => Status::not_found(message),
        QueryError::Table { .. }
        | QueryError::List { .. }
        | QueryError::Lake(_)
        | QueryError::Fault { .. } => Status::internal(message),
        QueryError::Syntax { .. }
        | QueryError::NotOneStatement { .. }
        | QueryError::UnknownColumn { .. }
        | QueryError::NoValue { .. }
        | QueryError::Invalid { .. }
        | QueryError::View { .. }
        | QueryError::Execution { .. } => Status::invalid_argument(message),
    }
}

/// Returns what a client is answered that sends something other than the protocol.
pub(super) fn not_understood(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(format!("the request is not understood: {error}"))
}

/// Returns what a client is answered whose rows have no form on the wire.
pub(super) fn not_sendable(error: impl std::fmt::Display) -> Status {
    Status::internal(format!("the answer cannot be sent: {error}"))
}
