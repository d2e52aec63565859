//! What downloads left that no run has gone on with for long: found and deleted by
//! maintenance.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::claim::{absent_is_fine, is_at};

/// Where archives grow, below a local bronze.
pub(super) const PARTIAL_FOLDER: &str = ".partial";
/// Held while an archive gets its final name; it means nothing by itself and must stay the same
/// file.
pub(super) const LOCK_FILE: &str = "lock";

/// Finds the partial files of a local bronze that nobody has written to since `before`, with their
/// sizes.
///
/// # Errors
/// When the folder cannot be read.
pub(crate) fn find_stale_partials(
    bronze: &Path,
    before: DateTime<Utc>,
) -> io::Result<Vec<(PathBuf, u64)>> {
    let entries = match std::fs::read_dir(bronze.join(PARTIAL_FOLDER)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut stale = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // Another process may have gone on with it and be done.
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        let written = DateTime::<Utc>::from(metadata.modified()?);
        if metadata.is_file()
            && written <= before
            && path.file_name().is_some_and(|name| name != LOCK_FILE)
        {
            stale.push((path, metadata.len()));
        }
    }
    stale.sort();
    Ok(stale)
}

/// Deletes partial files, and leaves those that a running download holds; returns what was deleted.
///
/// # Errors
/// When a file cannot be deleted.
pub(crate) fn delete_stale_partials(stale: Vec<(PathBuf, u64)>) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut deleted = Vec::with_capacity(stale.len());
    for (path, bytes) in stale {
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() && is_at(&file, &path)? {
            absent_is_fine(std::fs::remove_file(&path))?;
            deleted.push((path, bytes));
        }
    }
    Ok(deleted)
}
