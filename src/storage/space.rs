//! How much room a file system has.

use std::io;
use std::path::Path;

/// Returns the bytes that this user may still write where a folder is or would be made; nothing
/// where the system does not say.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> io::Result<Option<u64>> {
    let folder = std::path::absolute(folder)?;
    let Some(existing) = folder.ancestors().find(|folder| folder.exists()) else { return Ok(None) };
    let found = rustix::fs::statvfs(existing)?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}
