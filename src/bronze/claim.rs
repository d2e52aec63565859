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

/// How often a private file is made that another run takes for what a killed one left.
const ATTEMPTS: usize = 100;

/// Opens and locks a file; nothing if another one holds it, or locks do not work here.
pub(crate) fn claim(path: &Path) -> io::Result<Option<File>> {
    loop {
        let Some(file) = open_no_link(path)? else { return Ok(None) };
        match file.try_lock() {
            // Between opening and locking, the owner before may have given the file its final name.
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return Ok(None),
        }
    }
}

/// Opens a file or makes one; nothing if something else has the name.
///
/// Whoever may write to the folder can plant a link or a pipe under a name that is known
/// beforehand. What is written must not land in the file that a link names, and to open a pipe may
/// wait for ever.
pub(super) fn open_no_link(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = match options.open(path) {
        Err(_) if path.is_symlink() => return Ok(None),
        opened => opened?,
    };
    let metadata = file.metadata()?;
    Ok((metadata.is_file() && has_one_name(&metadata)).then_some(file))
}

/// Returns whether a file is not also known under another name, a hard link's.
#[cfg(unix)]
fn has_one_name(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() <= 1
}

#[cfg(not(unix))]
fn has_one_name(_: &std::fs::Metadata) -> bool {
    true
}

/// Makes a private file; a later run deletes it if this one is killed.
pub(crate) fn create_private(stem: &Path) -> io::Result<(File, PathBuf)> {
    for _ in 0..ATTEMPTS {
        let path = with_ending(stem, &format!("{}.own", Uuid::new_v4().simple()));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, &path)? => return Ok((file, path)),
            // Before it was locked, another run that starts has taken it for what a killed one
            // left: it has deleted the file, or holds the lock and is about to.
            Ok(()) | Err(TryLockError::WouldBlock) => {}
            // No locks here, so that nobody deletes it either.
            Err(TryLockError::Error(_)) => return Ok((file, path)),
        }
    }
    let text = format!("another program locks each file that is made as {}", stem.display());
    Err(io::Error::other(text))
}

/// Deletes the private files of killed runs; a file whose owner lives is locked.
pub(crate) fn sweep(folder: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "own") {
            continue;
        }
        if !std::fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            continue;
        }
        let Ok(file) = File::open(&path) else { continue };
        if file.try_lock().is_ok() && is_at(&file, &path)? {
            absent_is_fine(std::fs::remove_file(&path))?;
            let _ = std::fs::remove_file(with_ending(&path, "json"));
        }
    }
    Ok(())
}

/// Lets a file that is not there any more count as deleted.
pub(super) fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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
    match std::fs::symlink_metadata(path) {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_private_file_stays_while_other_runs_start() {
        const FILES: usize = 10_000;
        let folder = tempfile::tempdir().unwrap();
        let is_done = AtomicBool::new(false);
        let start_runs = || {
            while !is_done.load(Ordering::Relaxed) {
                sweep(folder.path()).unwrap();
            }
        };
        let lost = std::thread::scope(|threads| {
            threads.spawn(start_runs);
            threads.spawn(start_runs);
            let lost = (0..FILES).find(|_| is_lost_at_once(folder.path()));
            is_done.store(true, Ordering::Relaxed);
            lost
        });
        assert_eq!(lost, None, "the file of this number was deleted by a run that started");
    }

    fn is_lost_at_once(folder: &Path) -> bool {
        let (file, path) = create_private(&folder.join("checksum")).unwrap();
        std::thread::yield_now();
        let is_there = is_at(&file, &path).unwrap();
        absent_is_fine(std::fs::remove_file(path)).unwrap();
        !is_there
    }
}
