//! Files that results are written to, without harm to what is there until they are complete.
//!
//! A regular file is replaced as a whole: a reader sees the old content or the new one, and a
//! statement that fails leaves the old one. Links are followed, mode and owner stay. What is no
//! regular file (a pipe, a device) is written as rows arrive.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Seek, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Links that are followed at most, as the system itself does.
const LINKS: usize = 40;

/// A file that takes results. Nothing of a regular file changes before [`OutputFile::finish`].
#[derive(Debug)]
pub(crate) struct OutputFile(Place);

#[derive(Debug)]
enum Place {
    /// Written next to its place, and renamed at the end.
    Replaced { temporary: NamedTempFile, destination: PathBuf },
    /// Written elsewhere, and copied into the existing file at the end: its folder takes no new
    /// files, or its owner could not be kept.
    Copied { temporary: File, destination: File },
    /// A pipe, a device or a socket.
    Direct(File),
}

impl OutputFile {
    /// Opens a file for writing.
    ///
    /// # Errors
    /// When it cannot be written, is a folder, or its folder does not exist.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let destination = follow_links(path)?;
        let existing = match fs::metadata(&destination) {
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        match existing {
            Some(metadata) if metadata.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Some(metadata) if !metadata.is_file() => open(&destination).map(Place::Direct),
            Some(metadata) => replace_or_copy(destination, &metadata),
            None => {
                let temporary = temporary_file(&destination)?;
                Ok(Place::Replaced { temporary, destination })
            }
        }
        .map(Self)
    }

    /// Puts what was written into its place.
    ///
    /// # Errors
    /// When the file cannot be replaced or written.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self.0 {
            Place::Replaced { temporary, destination } => {
                temporary.persist(destination).map(|_| ()).map_err(|error| error.error)
            }
            Place::Copied { mut temporary, mut destination } => {
                temporary.rewind()?;
                destination.set_len(0)?;
                io::copy(&mut temporary, &mut destination).map(|_| ())
            }
            Place::Direct(mut file) => file.flush(),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Place::Replaced { temporary, .. } => temporary.write(bytes),
            Place::Copied { temporary, .. } => temporary.write(bytes),
            Place::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Place::Replaced { temporary, .. } => temporary.flush(),
            Place::Copied { temporary, .. } => temporary.flush(),
            Place::Direct(file) => file.flush(),
        }
    }
}

/// Returns the place that a path stands for; the last link may lead to a file that is yet to be.
fn follow_links(path: &Path) -> io::Result<PathBuf> {
    let mut place = path.to_owned();
    for _ in 0..LINKS {
        // Where `/dev/stdout` leads is open already, and has no path that could be followed.
        if fs::metadata(&place).is_ok_and(|metadata| !metadata.is_file()) {
            return Ok(place);
        }
        match fs::read_link(&place) {
            Ok(target) => place = folder_of(&place).join(target),
            Err(_) => return Ok(place),
        }
    }
    Err(io::Error::other("too many links lead from one to another"))
}

fn replace_or_copy(destination: PathBuf, existing: &fs::Metadata) -> io::Result<Place> {
    // Whoever may not write the file may not replace it either.
    let file = open(&destination)?;
    match temporary_file(&destination) {
        Ok(temporary) if takes_over(temporary.as_file(), existing) => {
            Ok(Place::Replaced { temporary, destination })
        }
        _ => Ok(Place::Copied { temporary: tempfile::tempfile()?, destination: file }),
    }
}

/// Gives a new file the mode and owner of the one that it replaces; returns whether that worked.
fn takes_over(file: &File, existing: &fs::Metadata) -> bool {
    let owner = (existing.uid(), existing.gid());
    let has_owner = |metadata: fs::Metadata| (metadata.uid(), metadata.gid()) == owner;
    let is_owned = file.metadata().is_ok_and(has_owner)
        || fchown(file, Some(existing.uid()), Some(existing.gid())).is_ok();
    // Last, because a change of the owner takes bits off the mode.
    is_owned && file.set_permissions(existing.permissions()).is_ok()
}

/// Makes a file in the folder of `destination`, with the mode that the user's mask leaves.
fn temporary_file(destination: &Path) -> io::Result<NamedTempFile> {
    let folder = folder_of(destination);
    // The error of a folder that does not exist should not name the temporary file.
    fs::metadata(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".lakehouse-").suffix(".tmp").permissions(Permissions::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|error| error.kind().into())
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

/// Refuses a file that a flag names, if its folder is not there.
pub(crate) fn check_folder(flag: &str, path: &Path) -> anyhow::Result<()> {
    let folder = folder_of(path);
    anyhow::ensure!(
        folder.is_dir(),
        "{flag}: there is no folder {}; make it first",
        folder.display()
    );
    Ok(())
}

/// Returns the folder that a file is in, or would be in; `.` for a name alone.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}
