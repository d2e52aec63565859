//! Who may write a partial file: the process that holds the operating system's lock on it.
//!
//! A lock ends with its process, however that ends. A second run that fetches the same archive
//! finds the file locked and uses a private one, and a private file that a killed run left is
//! recognised by having no lock. Where locks do not work, every file is private. What is in the
//! files is the business of [`partial`](super::partial).

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

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

/// Makes a private file; a later run deletes it if this one is killed.
pub(crate) fn create_private(stem: &Path) -> io::Result<(File, PathBuf)> {
    loop {
        let path = with_ending(stem, &format!("{}.own", Uuid::new_v4().simple()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        let locked = file.try_lock().is_ok();
        if !locked || is_at(&file, &path)? {
            return Ok((file, path));
        }
    }
}

/// Deletes the private files of killed runs; a file whose owner lives is locked.
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

/// Adds an ending to a name that has dots of its own.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
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
