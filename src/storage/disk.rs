//! One file system, all of which can be made durable at once.
//!
//! A sync of each file costs a write of the file system's journal. Where hundreds of small files
//! arrive together, one sync of everything is many times cheaper. It also waits for what other
//! programs have written to the same disk, so that it is worth it for many files only.

use std::fs::File;
use std::io;
use std::path::Path;

use tracing::trace;

/// A file system that reports it when something could not be made durable.
#[derive(Debug)]
pub(crate) struct Disk {
    /// Open from before the first file is written, because only errors after that are reported.
    folder: File,
}

impl Disk {
    /// Opens the file system that a folder is on; nothing if it cannot be relied on to make
    /// everything durable at once, so that each file has to be synced by itself.
    pub(crate) fn open(folder: &Path) -> Option<Self> {
        let folder = File::open(folder).ok()?;
        can_sync_at_once(&folder).then_some(Self { folder })
    }

    /// Returns whether a folder is on it, too.
    #[cfg(unix)]
    pub(crate) fn holds(&self, folder: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let own = self.folder.metadata();
        let other = std::fs::metadata(folder);
        own.is_ok_and(|own| other.is_ok_and(|other| own.dev() == other.dev()))
    }

    #[cfg(not(unix))]
    pub(crate) fn holds(&self, _: &Path) -> bool {
        false
    }

    /// Makes everything durable that was written to it: contents and names.
    ///
    /// # Errors
    /// When anything could not be written since the last call, whoever wrote it.
    pub(crate) fn sync(&self) -> io::Result<()> {
        sync_at_once(&self.folder)?;
        trace!("file system synced");
        Ok(())
    }
}

/// Returns whether a sync of the file system reaches the disk, and says so when it does not.
///
/// FUSE does not pass it on, and network file systems differ. Linux reports failures of it since
/// 5.8 (`man 2 syncfs`).
#[cfg(target_os = "linux")]
fn can_sync_at_once(folder: &File) -> bool {
    const BTRFS: i64 = 0x9123_683E;
    const EXT: i64 = 0xEF53;
    const OVERLAY: i64 = 0x794C_7630;
    const XFS: i64 = 0x5846_5342;
    let Ok(status) = rustix::fs::fstatfs(folder) else { return false };
    let is_known = [BTRFS, EXT, OVERLAY, XFS].contains(&status.f_type);
    is_known && kernel_version().is_some_and(|version| version >= (5, 8))
}

/// Returns the first two numbers of the kernel's version.
#[cfg(target_os = "linux")]
fn kernel_version() -> Option<(u32, u32)> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok()?;
    let mut numbers = release.split(['.', '-']);
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?.parse().ok()?;
    Some((major, minor))
}

#[cfg(target_os = "linux")]
fn sync_at_once(folder: &File) -> io::Result<()> {
    Ok(rustix::fs::syncfs(folder)?)
}

#[cfg(not(target_os = "linux"))]
fn can_sync_at_once(_: &File) -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn sync_at_once(_: &File) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
