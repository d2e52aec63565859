//! Why an attempt to commit did not become the next version: because another writer was faster,
//! because the storage failed and may not fail again, or because the log cannot be written at all.
//!
//! Trying again helps against the first two only. A log that cannot be written would otherwise look
//! like a table that others keep writing to.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use deltalake::DeltaTableError;
use deltalake::kernel::transaction::TransactionError;
use object_store::Error;

/// What stood in the way of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Another commit is the next version.
    OtherWriter,
    /// The storage failed, perhaps for a moment.
    Failure,
    /// The storage refuses to write, for this reason.
    Refused(&'static str),
}

/// Finds out what an attempt failed by.
pub(super) fn obstacle(error: &DeltaTableError) -> Obstacle {
    match error {
        DeltaTableError::VersionAlreadyExists(_) => Obstacle::OtherWriter,
        DeltaTableError::Transaction { source } => of_transaction(source),
        error => of_storage(error),
    }
}

fn of_transaction(error: &TransactionError) -> Obstacle {
    match error {
        TransactionError::DeltaTableAppendOnly
        | TransactionError::UnsupportedTableFeatures(_)
        | TransactionError::TableFeaturesRequired(_) => Obstacle::Refused(
            "another program has given the table features that this one cannot write with",
        ),
        _ => Obstacle::OtherWriter,
    }
}

fn of_storage(error: &DeltaTableError) -> Obstacle {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        let found = match (error.downcast_ref::<Error>(), error.downcast_ref::<io::Error>()) {
            (Some(error), _) => of_store(error),
            (_, Some(error)) => of_disk(error.kind()),
            _ => None,
        };
        if let Some(obstacle) = found {
            return obstacle;
        }
        // An I/O error shows its own cause as that of the error inside it.
        cause = error.source();
    }
    Obstacle::Failure
}

fn of_store(error: &Error) -> Option<Obstacle> {
    let reason = match error {
        Error::AlreadyExists { .. } | Error::Precondition { .. } => {
            return Some(Obstacle::OtherWriter);
        }
        Error::PermissionDenied { .. } => {
            "permission denied; check who may write there, or the key in the environment"
        }
        Error::Unauthenticated { .. } => {
            "the storage does not know the key; check the credentials in the environment"
        }
        Error::NotFound { .. } => "there is no such bucket or folder any more",
        Error::NotImplemented { .. } | Error::NotSupported { .. } => {
            "the storage cannot write only what is not there yet"
        }
        Error::Generic { .. } => return full(&error.to_string()),
        _ => return None,
    };
    Some(Obstacle::Refused(reason))
}

/// Finds the words of servers that have no room left: they have no status of their own.
fn full(message: &str) -> Option<Obstacle> {
    let is_full = ["QuotaExceeded", "StorageFull", "InsufficientStorage", "507"]
        .iter()
        .any(|word| message.contains(word));
    is_full.then_some(Obstacle::Refused("the storage is full, or its quota is used up"))
}

fn of_disk(kind: ErrorKind) -> Option<Obstacle> {
    let reason = match kind {
        ErrorKind::PermissionDenied => "permission denied; check who may write there",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::StorageFull => "no space is left on the disk",
        ErrorKind::QuotaExceeded => "the disk quota is used up",
        ErrorKind::NotADirectory => "a part of its path is no folder",
        _ => return None,
    };
    Some(Obstacle::Refused(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(error: Error) -> Obstacle {
        obstacle(&DeltaTableError::ObjectStore { source: error })
    }

    fn on_disk(kind: ErrorKind) -> Error {
        Error::Generic { store: "LocalFileSystem", source: Box::new(io::Error::from(kind)) }
    }

    #[test]
    fn another_writer_is_waited_for() {
        assert_eq!(obstacle(&DeltaTableError::VersionAlreadyExists(3)), Obstacle::OtherWriter);
        let exists = Error::AlreadyExists { path: "3.json".into(), source: "there".into() };
        assert_eq!(of(exists), Obstacle::OtherWriter);
    }

    #[test]
    fn a_log_that_cannot_be_written_is_named_as_that() {
        let denied = Error::PermissionDenied { path: "3.json".into(), source: "denied".into() };
        let gone = Error::NotFound { path: "3.json".into(), source: "NoSuchBucket".into() };
        let unknown = Error::Unauthenticated { path: "3.json".into(), source: "key".into() };
        let quota = Error::Generic { store: "S3", source: "QuotaExceeded".into() };
        let disk = [
            ErrorKind::ReadOnlyFilesystem,
            ErrorKind::StorageFull,
            ErrorKind::QuotaExceeded,
            ErrorKind::PermissionDenied,
        ];
        let on_disk = disk.map(on_disk);
        for error in [denied, gone, unknown, quota].into_iter().chain(on_disk) {
            let text = error.to_string();
            assert!(matches!(of(error), Obstacle::Refused(_)), "{text}");
        }
    }

    #[test]
    fn a_store_that_fails_may_not_fail_again() {
        assert_eq!(of(on_disk(ErrorKind::TimedOut)), Obstacle::Failure);
        let unavailable = Error::Generic { store: "S3", source: "503 Slow Down".into() };
        assert_eq!(of(unavailable), Obstacle::Failure);
    }
}
