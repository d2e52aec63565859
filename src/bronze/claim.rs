//! Who may write a partial file.
//!
//! The operating system's file lock says so, because it ends with its process whatever happens to
//! that: a second run that fetches the same archive finds the file locked and takes one of its own,
//! and what a killed run had to itself is recognised by not being locked. Where locks do not work,
//! every file is one's own.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::partial::with_ending;

/// Opens and locks a file; nothing if another one holds it, or locks do not work here.
pub(crate) fn claim(path: &Path) -> io::Result<Option<File>> {
    loop {
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            // Between opening and locking, the owner before may have given the file its final name.
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Makes a file that nobody else uses; it is swept away by a later run if this one is killed.
pub(crate) fn own(stem: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let path = with_ending(stem, &format!("{}.own", Uuid::new_v4().simple()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        let locked = file.try_lock().is_ok();
        if !locked || is_at(&file, &path)? {
            return Ok((file, path));
        }
    }
}

/// Deletes the files that killed runs had to themselves; a file whose owner lives is locked.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "own") {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() && is_at(&file, &path)? {
            std::fs::remove_file(&path)?;
            let _ = std::fs::remove_file(with_ending(&path, "json"));
        }
    }
    Ok(())
}

/// Returns whether the open file is still the one with that name.
#[cfg(unix)]
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok(named.dev() == open.dev() && named.ino() == open.ino()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere a locked file keeps its name.
#[cfg(not(unix))]
pub(super) fn is_at(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
