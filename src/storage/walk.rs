//! All files below a folder, whatever else somebody put there.
//!
//! A lake or a mirror is a folder like any other: it may have links to nowhere or in circles,
//! pipes, and names that are no UTF-8. None of these is a file of the lake or the archive, and none
//! of them may keep a listing from its end.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tracing::debug;

/// A file or folder that was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
}

/// Returns the files below a folder, however deep they lie, in no order; none if it is not there.
///
/// # Errors
/// When a folder cannot be read.
pub(super) fn files_below(folder: &Path) -> io::Result<Vec<Found>> {
    let mut files = Vec::new();
    collect(folder, &mut Vec::new(), &mut files)?;
    Ok(files)
}

/// Returns the files and folders right in a folder, links followed; none if it is not there.
///
/// # Errors
/// When the folder cannot be read.
pub(super) fn children(folder: &Path) -> io::Result<Vec<Found>> {
    let entries = match std::fs::read_dir(folder) {
        // As in an object store, nothing lies below what is no folder.
        Err(error) if is_no_folder(&error) => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        // It is gone by now, or a link to nowhere or to itself.
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        let usable = metadata.is_file() || metadata.is_dir();
        if !usable || path.file_name().is_none_or(|name| name.to_str().is_none()) {
            debug!(path = %path.display(), "passed over");
            continue;
        }
        found.push(Found { path, metadata });
    }
    Ok(found)
}

/// Returns whether a folder could not be read because there is none: something else has its name,
/// or a link of that name leads to itself.
fn is_no_folder(error: &io::Error) -> bool {
    if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) {
        return true;
    }
    #[cfg(unix)]
    let is_circle = error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error());
    #[cfg(not(unix))]
    let is_circle = false;
    is_circle
}

/// Adds the files below `folder`; `entered` has the real places from which links were followed.
fn collect(folder: &Path, entered: &mut Vec<PathBuf>, files: &mut Vec<Found>) -> io::Result<()> {
    for found in children(folder)? {
        if found.metadata.is_file() {
            files.push(found);
            continue;
        }
        if !found.path.is_symlink() {
            collect(&found.path, entered, files)?;
            continue;
        }
        let Ok(target) = found.path.canonicalize() else { continue };
        // A link leads in a circle if it leads above itself, or above a link on the way to it.
        entered.push(folder.canonicalize()?);
        if entered.iter().any(|place| place.starts_with(&target)) {
            debug!(path = %found.path.display(), "a link in a circle is passed over");
        } else {
            collect(&found.path, entered, files)?;
        }
        entered.pop();
    }
    Ok(())
}
