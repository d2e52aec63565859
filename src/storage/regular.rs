//! Files in folders that others may write to, opened only if they are files.
//!
//! To open a pipe waits until somebody writes to it, and to open a device may do anything. Files
//! that a user names by a flag are opened without this: a pipe is legitimate there.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opens a file to read it, links followed.
///
/// # Errors
/// When it cannot be opened, or is a pipe, a socket, a device or a folder.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(no_regular_file());
    }
    let mut options = OpenOptions::new();
    options.read(true);
    // Something else may have got the name since.
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(no_regular_file()) }
}

/// Reads a file whole, as [`open_regular`] opens it.
///
/// # Errors
/// As [`open_regular`], and when it cannot be read.
pub(crate) fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    open_regular(path)?.read_to_end(&mut content)?;
    Ok(content)
}

/// What distinguishes a file from another one that gets its name later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    /// Seconds and nanoseconds of the last write: a disk gives the inode of a deleted file to the
    /// next one.
    written: (i64, i64),
}

impl FileIdentity {
    /// Returns the identity of a file; nothing on systems whose files have none.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
    pub(crate) fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let written = (metadata.mtime(), metadata.mtime_nsec());
        Some(Self { device: metadata.dev(), inode: metadata.ino(), written })
    }

    #[cfg(not(unix))]
    pub(crate) const fn of(_: &Metadata) -> Option<Self> {
        None
    }
}

pub(super) fn no_regular_file() -> io::Error {
    io::Error::other("it is no regular file, but a pipe, a socket, a device or a folder")
}
