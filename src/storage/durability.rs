//! Files and folders that outlive a power cut: content first, then the name, then the folder.
//!
//! A name that is on the disk before its content would leave an empty or cut commit, which a reader
//! takes for damage or, worse, passes over. Every file of the lake that others look for by its name
//! is therefore staged, synced, named, and only then reported as written. What is in the files is
//! not known here.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tracing::trace;
use uuid::Uuid;

/// A file that is being written next to its final name; it is deleted unless it gets that name.
///
/// Its name ends with `#` and a number, which listings of the lake leave out.
#[derive(Debug)]
pub(crate) struct StagedFile {
    pub(crate) file: File,
    path: PathBuf,
    target: PathBuf,
}

impl StagedFile {
    /// Begins a file that is to be named `target`; makes the folders above it.
    ///
    /// # Errors
    /// When the folder cannot be made or written to.
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        loop {
            let (number, _) = Uuid::new_v4().as_u64_pair();
            let mut path = target.as_os_str().to_owned();
            path.push(format!("#{number}"));
            let path = PathBuf::from(path);
            match OpenOptions::new().read(true).write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { file, path, target: target.to_owned() }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let folder = target.parent().filter(|folder| !folder.exists()).ok_or(error)?;
                    create_folders(folder)?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the content its final name, in place of whatever has that now.
    ///
    /// # Errors
    /// When the disk is full or the folder cannot be written to.
    pub(crate) fn replace(self) -> io::Result<()> {
        self.sync()?;
        std::fs::rename(&self.path, &self.target)?;
        self.sync_name()
    }

    /// Gives the content its final name, unless something has that already.
    ///
    /// # Errors
    /// `AlreadyExists` if something has; else as [`Self::replace`].
    pub(crate) fn claim(self) -> io::Result<()> {
        self.sync()?;
        name_exclusively(&self.path, &self.target)?;
        self.sync_name()
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()?;
        trace!(file = %self.target.display(), "content synced");
        Ok(())
    }

    fn sync_name(&self) -> io::Result<()> {
        trace!(file = %self.target.display(), "named");
        self.target.parent().map_or(Ok(()), sync_folder)
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        // After a rename nothing has this name.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Gives a file a second name that nothing has yet, in one step that two writers cannot both take.
///
/// Hard links do that nearly everywhere. exFAT, SMB and many FUSE file systems have none, but can
/// rename without overwriting.
fn name_exclusively(path: &Path, target: &Path) -> io::Result<()> {
    match std::fs::hard_link(path, target) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
        Err(_) => rename_exclusively(path, target),
        Ok(()) => Ok(()),
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
fn rename_exclusively(path: &Path, target: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, path, CWD, target, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
            Err(no_exclusive_names())
        }
        renamed => Ok(renamed?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn rename_exclusively(_: &Path, _: &Path) -> io::Result<()> {
    Err(no_exclusive_names())
}

fn no_exclusive_names() -> io::Error {
    let reason = "this file system has neither hard links nor renames that never overwrite, and \
                  without one of them two writers could lose each other's rows; put the lake on \
                  another file system or in an object store";
    io::Error::new(ErrorKind::Unsupported, reason)
}

/// Makes a folder and those above it, each with a durable name.
///
/// # Errors
/// When one cannot be made.
pub(crate) fn create_folders(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
        return std::fs::create_dir(folder);
    };
    create_folders(parent)?;
    match std::fs::create_dir(folder) {
        // Another process was faster and may not have synced it yet.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    sync_folder(parent)
}

/// Makes the names in a folder durable.
///
/// # Errors
/// When the disk fails. A folder that may be written but not read cannot be synced, and some file
/// systems sync no folders: both are passed over, because nothing more can be done there.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    trace!(folder = %folder.display(), "folder synced");
    match synced {
        Err(error) if matches!(error.kind(), ErrorKind::PermissionDenied) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}
