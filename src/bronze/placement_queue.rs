//! Complete archives get their final names here, those that finish together in one group.
//!
//! What waits for the disk is paid once for each group: first all contents are made durable, then
//! the files are named under one lock, then the names are made durable. While a group waits for
//! the disk, the next one gathers, so that groups are large where archives are small and many.
//! What an archive's names are is the business of [`placement`](super::placement).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;
use tracing::trace;

use super::FetchError;
use super::download::Complete;
use super::partial::disk as disk_error;
use super::placement::{Placement, StagedChecksum, lock_names};
use crate::storage::disk::Disk;
use crate::storage::regular::FileIdentity;

/// Archives for which a sync of the whole disk is cheaper than one of each file and folder, even
/// where other programs write to it.
const WORTH_A_DISK_SYNC: usize = 4;
/// Archives of a group at most, because each has two files open.
const MOST: usize = 128;

/// The archives that wait for their names in one lake's bronze.
#[derive(Debug)]
pub(super) struct PlacementQueue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    scratch: PathBuf,
    /// Nothing where each file has to be synced by itself.
    disk: Option<Disk>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    archives: Vec<Arrival>,
    /// Whether a thread takes them.
    is_served: bool,
}

/// An archive on its way to its name.
#[derive(Debug)]
struct Arrival {
    placement: Placement,
    complete: Complete,
    checksum: Option<Bytes>,
    staged: Option<StagedChecksum>,
    /// How its steps have ended so far; after a failure the others are left out.
    result: io::Result<()>,
    /// The file that has the name, once it has one.
    identity: Option<FileIdentity>,
    done: oneshot::Sender<io::Result<Option<FileIdentity>>>,
}

impl PlacementQueue {
    /// Makes a queue; `scratch` is the folder that archives grow in.
    pub(super) fn new(scratch: &Path) -> Self {
        let disk = Disk::open(scratch);
        let waiting = Mutex::default();
        Self { shared: Arc::new(Shared { scratch: scratch.to_owned(), disk, waiting }) }
    }

    /// Gives verified bytes their final name, durably, and puts the checksum next to them; returns
    /// which file has the name.
    pub(super) async fn place(
        &self,
        placement: Placement,
        complete: Complete,
        checksum: Option<Bytes>,
    ) -> Result<Option<FileIdentity>, FetchError> {
        let file = placement.file().to_owned();
        let (done, placed) = oneshot::channel();
        let staged = None;
        let (result, identity) = (Ok(()), None);
        let archive = Arrival { placement, complete, checksum, staged, result, identity, done };
        let shared = Arc::clone(&self.shared);
        if shared.disk.is_none() {
            // Each waits for its own files, which they best do side by side.
            tokio::task::spawn_blocking(move || shared.place(vec![archive]));
        } else if shared.push(archive) {
            tokio::task::spawn_blocking(move || shared.serve());
        }
        let placed = placed.await;
        let placed = placed.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")));
        placed.map_err(|error| disk_error(&file, error))
    }
}

impl Shared {
    /// Adds an archive; returns whether nobody serves the queue yet.
    fn push(&self, archive: Arrival) -> bool {
        let mut waiting = self.lock();
        waiting.archives.push(archive);
        !std::mem::replace(&mut waiting.is_served, true)
    }

    /// Places group after group, until nothing waits.
    fn serve(&self) {
        let _serving = Serving(self);
        while let Some(group) = self.take_group() {
            self.place(group);
        }
    }

    /// Places archives, and answers whoever waits for each.
    fn place(&self, mut group: Vec<Arrival>) {
        self.place_group(&mut group);
        group.into_iter().for_each(Arrival::finish);
    }

    fn take_group(&self) -> Option<Vec<Arrival>> {
        let mut waiting = self.lock();
        if waiting.archives.is_empty() {
            waiting.is_served = false;
            return None;
        }
        let group = waiting.archives.len().min(MOST);
        Some(waiting.archives.drain(..group).collect())
    }

    /// Places archives: contents before names, as a reader may see the disk after a power cut.
    fn place_group(&self, group: &mut [Arrival]) {
        let disk = self.disk.as_ref().filter(|_| group.len() >= WORTH_A_DISK_SYNC);
        step(group, |archive| archive.stage(&self.scratch, disk));
        // A failure may be of another program's files: then each file has its own answer.
        if disk.is_none_or(|disk| disk.sync().is_err()) {
            step(group, Arrival::sync_content);
        }
        match lock_names(&self.scratch) {
            // Two runs that bring two versions at once must not overwrite each other's unseen.
            Ok(_locked) => step(group, Arrival::name),
            Err(error) => step(group, |_| Err(io::Error::new(error.kind(), error.to_string()))),
        }
        let synced = disk.filter(|disk| disk.sync().is_ok());
        let may_lack_folders = self.disk.is_some();
        step(group, |archive| archive.placement.sync_names(synced, may_lack_folders));
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever serves the queue; a panic ends what waits with an error instead of leaving it to wait.
struct Serving<'a>(&'a Shared);

impl Drop for Serving<'_> {
    fn drop(&mut self) {
        // Without a panic the queue may have another server already.
        if std::thread::panicking() {
            *self.0.lock() = Waiting::default();
        }
    }
}

/// Takes a step with each archive that has not failed.
fn step(group: &mut [Arrival], take: impl Fn(&mut Arrival) -> io::Result<()>) {
    for archive in group.iter_mut().filter(|archive| archive.result.is_ok()) {
        archive.result = take(archive);
    }
}

impl Arrival {
    fn stage(&mut self, scratch: &Path, disk: Option<&Disk>) -> io::Result<()> {
        self.placement.make_folder(disk)?;
        let checksum = self.checksum.as_deref();
        self.staged =
            checksum.map(|checksum| StagedChecksum::create(scratch, checksum)).transpose()?;
        Ok(())
    }

    fn sync_content(&mut self) -> io::Result<()> {
        self.complete.partial.sync()?;
        self.staged.as_ref().map_or(Ok(()), StagedChecksum::sync)?;
        trace!(file = %self.placement.file().display(), "content synced");
        Ok(())
    }

    fn name(&mut self) -> io::Result<()> {
        let Complete { partial, sha256, .. } = &self.complete;
        self.identity = self.placement.name(&partial.path(), sha256, self.staged.take())?;
        trace!(file = %self.placement.file().display(), "named");
        partial.forget_note()
    }

    fn finish(self) {
        // Whoever waited may have given up.
        let _ = self.done.send(self.result.map(|()| self.identity));
    }
}
