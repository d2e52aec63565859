//! The file that an archive grows in until it is whole.
//!
//! A killed run leaves such files, and the next one goes on with them;
//! [`claim`](super::claim) decides who may write one. A note next to the file says which object its
//! bytes are of; without it, or with another object's, they are thrown away. Names never end in
//! `.zip`, so that nothing takes a part for an archive.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::ArchiveKey;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::FetchError;
use super::claim::{claim, create_private, sweep, with_ending};
use super::note::ResumeNote;
use crate::source::{Resume, Validator};
use crate::storage::durability::create_folders;
use crate::storage::regular::FileIdentity;

/// The folder with the partial files of one source.
#[derive(Debug)]
pub(crate) struct Partials {
    folder: PathBuf,
    source: String,
    resume: bool,
    _temporary: Option<TempDir>,
}

impl Partials {
    /// Uses a folder, or a new one that is deleted in the end, and deletes what killed runs cannot
    /// go on with.
    pub(crate) fn new(
        folder: Option<PathBuf>,
        source: &str,
        resume: bool,
    ) -> Result<Self, FetchError> {
        let mut temporary = None;
        let folder = match folder {
            Some(folder) => folder,
            None => {
                let made = tempfile::tempdir();
                let made = made.map_err(|error| disk(&std::env::temp_dir(), error))?;
                temporary.insert(made).path().to_owned()
            }
        };
        create_folders(&folder).map_err(|error| disk(&folder, error))?;
        sweep(&folder).map_err(|error| disk(&folder, error))?;
        Ok(Self { folder, source: source.to_owned(), resume, _temporary: temporary })
    }

    /// Returns the folder, which has room for other files on their way into bronze too.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Opens the partial file of an archive, with the bytes that an earlier try left.
    pub(crate) async fn open(&self, key: &ArchiveKey) -> Result<Partial, FetchError> {
        let note = ResumeNote {
            source: self.source.clone(),
            key: key.path().to_owned(),
            ..ResumeNote::default()
        };
        let digest = Sha256::digest(format!("{}\n{}", note.source, note.key));
        let digest = hex::encode(&digest[..8]);
        let stem = self.folder.join(format!("{}.{digest}", key.file_name()));
        let resume = self.resume;
        let shown = stem.clone();
        let opened = tokio::task::spawn_blocking(move || State::open(&stem, note, resume)).await;
        let state = opened
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| disk(&shown, error))?;
        Ok(Partial { state: Arc::new(Mutex::new(state)), resume })
    }
}

/// One file that grows; this process alone writes it.
#[derive(Debug)]
pub(crate) struct Partial {
    state: Arc<Mutex<State>>,
    resume: bool,
}

impl Partial {
    /// Returns how many bytes are held.
    pub(crate) fn len(&self) -> u64 {
        self.with(|state| state.len)
    }

    /// Returns whether bytes of an earlier run are among them.
    pub(crate) fn is_continued(&self) -> bool {
        self.with(|state| state.continued)
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.with(|state| state.path.clone())
    }

    /// Returns what to request from the source, or nothing if only the whole will do.
    pub(crate) fn resume(&self) -> Option<Resume> {
        self.with(|state| {
            let resumable =
                self.resume && state.len > 0 && state.note.validator.if_range().is_some();
            resumable.then(|| Resume { offset: state.len, validator: state.note.validator.clone() })
        })
    }

    /// Returns what the source said of the object whose bytes are held.
    pub(crate) fn validator(&self) -> Validator {
        self.with(|state| state.note.validator.clone())
    }

    /// Throws the bytes away and expects those of another object state.
    pub(crate) async fn restart(&self, validator: Validator) -> Result<(), FetchError> {
        if self.with(State::is_new) {
            self.with_mut(|state| state.note.validator = validator);
            return Ok(());
        }
        self.on_disk(move |state| state.restart(validator)).await
    }

    /// Adds bytes at the end; `last` says that no more are expected, so that no note is needed.
    pub(crate) async fn append(&self, pieces: Vec<Bytes>, last: bool) -> Result<(), FetchError> {
        self.on_disk(move |state| state.append(&pieces, last)).await
    }

    /// Returns the sum of the bytes.
    pub(crate) fn sha256(&self) -> Sha256Hex {
        self.with(|state| Sha256Hex::from_bytes(state.hasher.clone().finalize().into()))
    }

    /// Deletes the file.
    pub(crate) async fn discard(&self) -> Result<(), FetchError> {
        self.on_disk(|state| {
            state.forget()?;
            std::fs::remove_file(&state.path)
        })
        .await
    }

    /// Runs `place` with the file's path, to give it another name, and forgets the note.
    pub(crate) async fn hand_over<T: Send + 'static>(
        &self,
        place: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FetchError> {
        self.on_disk(move |state| {
            let placed = place(&state.path)?;
            state.forget()?;
            Ok(placed)
        })
        .await
    }

    /// Makes the bytes durable, and waits for that.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.with(|state| state.file.sync_all())
    }

    /// Deletes the note of a file that has another name now.
    pub(super) fn forget_note(&self) -> io::Result<()> {
        self.with_mut(State::forget)
    }

    fn with<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_mut<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut State) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FetchError> {
        let state = Arc::clone(&self.state);
        let done = tokio::task::spawn_blocking(move || {
            work(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
        });
        done.await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|error| disk(&self.path(), error))
    }
}

#[derive(Debug)]
struct State {
    file: File,
    path: PathBuf,
    note: ResumeNote,
    /// Whether there may be a note.
    noted: bool,
    hasher: Sha256,
    len: u64,
    continued: bool,
}

impl State {
    fn open(stem: &Path, note: ResumeNote, resume: bool) -> io::Result<Self> {
        let shared = with_ending(stem, "part");
        let (file, path) = match claim(&shared)? {
            Some(file) => (file, shared),
            None => create_private(stem)?,
        };
        let len = file.metadata()?.len();
        let hasher = Sha256::new();
        let mut state = Self { file, path, note, noted: true, hasher, len, continued: false };
        if !(resume && state.adopt()?) {
            state.restart(Validator::default())?;
        }
        Ok(state)
    }

    /// Takes over the bytes in the file, if they are of the same object.
    fn adopt(&mut self) -> io::Result<bool> {
        let left = ResumeNote::read(&self.note_path());
        let Some(left) =
            left.filter(|left| left.source == self.note.source && left.key == self.note.key)
        else {
            return Ok(false);
        };
        if left.validator.if_range().is_none() {
            return Ok(false);
        }
        self.len = hash(&mut self.file, &mut self.hasher)?;
        self.continued = self.len > 0;
        self.note = left;
        self.noted = true;
        Ok(true)
    }

    /// Returns whether there are neither bytes nor a note.
    const fn is_new(&self) -> bool {
        self.len == 0 && !self.noted
    }

    fn restart(&mut self, validator: Validator) -> io::Result<()> {
        if self.len > 0 {
            self.file.set_len(0)?;
            self.file.seek(SeekFrom::Start(0))?;
        }
        self.forget()?;
        self.hasher = Sha256::new();
        self.len = 0;
        self.continued = false;
        self.note.validator = validator;
        Ok(())
    }

    fn append(&mut self, pieces: &[Bytes], last: bool) -> io::Result<()> {
        if !self.noted && !last {
            // Somebody else may have put something there.
            self.noted = true;
            self.forget()?;
            self.note.write(&self.note_path())?;
            self.noted = true;
        }
        for piece in pieces {
            self.file.write_all(piece)?;
            self.hasher.update(piece);
            self.len += piece.len() as u64;
        }
        Ok(())
    }

    /// Deletes the note.
    fn forget(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.noted) {
            return Ok(());
        }
        match std::fs::remove_file(self.note_path()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn note_path(&self) -> PathBuf {
        with_ending(&self.path, "json")
    }
}

/// Bytes that were read to their end.
#[derive(Debug)]
pub(crate) struct Summed {
    pub(crate) sha256: Sha256Hex,
    pub(crate) size: u64,
    /// That of the file that they were read from, if it was one.
    pub(crate) identity: Option<FileIdentity>,
}

/// Reads a file from its beginning to its end.
pub(crate) fn sum_file(file: &mut File) -> io::Result<Summed> {
    let mut hasher = Sha256::new();
    let size = hash(file, &mut hasher)?;
    let sha256 = Sha256Hex::from_bytes(hasher.finalize().into());
    Ok(Summed { sha256, size, identity: FileIdentity::of(&file.metadata()?) })
}

/// Hashes a file from its beginning; returns its length, where the file stands then.
fn hash(file: &mut File, hasher: &mut Sha256) -> io::Result<u64> {
    file.seek(SeekFrom::Start(0))?;
    let mut piece = vec![0; 1024 * 1024];
    let mut len = 0;
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok(len);
        }
        hasher.update(&piece[..read]);
        len += read as u64;
    }
}

/// Wraps a failure of the local disk.
pub(crate) fn disk(file: &Path, source: io::Error) -> FetchError {
    FetchError::Disk { file: file.to_owned(), source }
}
