//! Bronze in a local folder: names change by renaming, and every change is synced.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::ArchiveKey;

use super::FetchError;
use super::download::Complete;
use super::partial::{Summed, disk};
use super::placement::{Placement, move_file, sum};
use super::placement_queue::PlacementQueue;
use super::store::{Bronze, Held, Kept, mismatch_name};
use crate::storage::durability::{create_folders, sync_folder};

#[derive(Debug)]
pub(crate) struct LocalBronze {
    folder: PathBuf,
    scratch: PathBuf,
    queue: PlacementQueue,
}

impl LocalBronze {
    pub(crate) fn new(folder: &Path, scratch: &Path) -> Self {
        let queue = PlacementQueue::new(scratch);
        Self { folder: folder.to_owned(), scratch: scratch.to_owned(), queue }
    }

    fn placement(&self, key: &ArchiveKey) -> Placement {
        Placement::new(self.folder.clone(), self.folder.join(key.bronze_path()))
    }

    /// Works on an archive's files, on a thread that may block.
    async fn at_place<T: Send + 'static>(
        &self,
        key: &ArchiveKey,
        work: impl FnOnce(&Placement) -> io::Result<T> + Send + 'static,
    ) -> Result<T, FetchError> {
        let placement = self.placement(key);
        let file = placement.file().to_owned();
        blocking(&file, move || work(&placement)).await
    }
}

#[async_trait]
impl Bronze for LocalBronze {
    async fn lookup(
        &self,
        key: &ArchiveKey,
        size: Option<u64>,
    ) -> Result<Option<Held>, FetchError> {
        let file = self.folder.join(key.bronze_path());
        let found = blocking(&file, {
            let file = file.clone();
            move || sum(&file, size)
        });
        let Some(Summed { sha256, size, identity }) = found.await? else { return Ok(None) };
        Ok(Some(Held { file, identity, copy: None, sha256, size }))
    }

    async fn keep(
        &self,
        key: &ArchiveKey,
        complete: Complete,
        checksum: Option<Bytes>,
    ) -> Result<Kept, FetchError> {
        let placement = self.placement(key);
        let file = placement.file().to_owned();
        let identity = self.queue.place(placement, complete, checksum).await?;
        Ok(Kept { file, identity, copy: None })
    }

    async fn keep_checksum(&self, key: &ArchiveKey, checksum: &Bytes) -> Result<(), FetchError> {
        let checksum = checksum.clone();
        let scratch = self.scratch.clone();
        self.at_place(key, move |placement| placement.write_checksum(&scratch, &checksum)).await
    }

    async fn droppable(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        let sha256 = *sha256;
        self.at_place(key, move |placement| placement.droppable(&sha256)).await
    }

    async fn drop_bytes(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        let sha256 = *sha256;
        let scratch = self.scratch.clone();
        self.at_place(key, move |placement| placement.drop_bytes(&scratch, &sha256)).await
    }

    async fn set_aside(&self, key: &ArchiveKey, complete: Complete) -> Result<String, FetchError> {
        let name = mismatch_name(&key.bronze_path(), &complete.sha256);
        let file = self.folder.join(&name);
        let place = move |partial: &Path| {
            File::open(partial)?.sync_all()?;
            let folder = file.parent().unwrap_or(&file);
            create_folders(folder)?;
            move_file(partial, &file)?;
            sync_folder(folder)
        };
        complete.partial.hand_over(place).await?;
        Ok(name)
    }
}

async fn blocking<T: Send + 'static>(
    file: &Path,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, FetchError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| disk(file, error))
}
