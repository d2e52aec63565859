//! Bronze in an object store: verified bytes are uploaded, and a local copy serves the decoder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use lakehouse_core::listing::checksum::Sha256Hex;
use lakehouse_core::names::archive::ArchiveKey;
use object_store::buffered::BufWriter;
use object_store::path::Path as StorePath;
use object_store::{Error, ObjectStore, ObjectStoreExt};
use sha2::{Digest, Sha256};
use tempfile::TempPath;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use super::FetchError;
use super::download::Complete;
use super::partial::disk;
use super::store::{Bronze, Held, Kept, is_checksum_of, mismatch_name, older_name};
use crate::storage::Storage;

/// Larger files are uploaded in parts of this size.
const PART: usize = 8 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct RemoteBronze {
    store: Arc<dyn ObjectStore>,
    scratch: PathBuf,
}

impl RemoteBronze {
    pub(crate) fn new(storage: &Storage, scratch: &Path) -> Self {
        Self { store: storage.store(), scratch: scratch.to_owned() }
    }

    /// Gives a complete archive a name in the scratch folder under which it is deleted in the end.
    async fn copy_of(&self, complete: Complete) -> Result<TempPath, FetchError> {
        let copy = self.new_copy()?;
        let name = copy.to_path_buf();
        complete.partial.hand_over(move |partial| std::fs::rename(partial, name)).await?;
        Ok(copy)
    }

    fn new_copy(&self) -> Result<TempPath, FetchError> {
        self.scratch_path().map_err(|error| disk(&self.scratch, error))
    }

    /// Returns a name in the scratch folder that nothing else uses.
    fn scratch_path(&self) -> io::Result<TempPath> {
        TempPath::try_from_path(self.scratch.join(format!("{}.own", Uuid::new_v4().simple())))
    }

    async fn upload(&self, file: &Path, to: &StorePath) -> Result<(), UploadError> {
        let mut reader = tokio::fs::File::open(file).await?;
        let mut writer = BufWriter::with_capacity(Arc::clone(&self.store), to.clone(), PART);
        let mut piece = vec![0; 256 * 1024];
        loop {
            let read = reader.read(&mut piece).await?;
            if read == 0 {
                break;
            }
            writer.put(Bytes::copy_from_slice(&piece[..read])).await?;
        }
        Ok(writer.shutdown().await?)
    }

    /// Reads an object to its end; with `copy`, into a file.
    async fn sum(
        &self,
        from: &StorePath,
        copy: Option<&Path>,
    ) -> Result<Option<(Sha256Hex, u64)>, UploadError> {
        let found = match self.store.get(from).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found?,
        };
        let mut file = match copy {
            Some(copy) => Some(tokio::fs::File::create_new(copy).await?),
            None => None,
        };
        let (mut hasher, mut size, mut body) = (Sha256::new(), 0, found.into_stream());
        while let Some(piece) = body.try_next().await? {
            hasher.update(&piece);
            size += piece.len() as u64;
            if let Some(file) = &mut file {
                file.write_all(&piece).await?;
            }
        }
        if let Some(mut file) = file {
            file.flush().await?;
        }
        Ok(Some((Sha256Hex::from_bytes(hasher.finalize().into()), size)))
    }

    /// Gives the bytes that hold a final name the name of an older version, unless they are the
    /// same as the new ones.
    ///
    /// What is uploaded is what was hashed: another process may replace the object meanwhile, and
    /// a copy in the store would then have the newer bytes under the older name.
    async fn keep_older(&self, path: &str, sha256: &Sha256Hex) -> Result<bool, UploadError> {
        let copy = self.scratch_path()?;
        let Some((held, _)) = self.sum(&parse(path)?, Some(&copy)).await? else {
            return Ok(false);
        };
        if held == *sha256 {
            return Ok(true);
        }
        let older = older_name(path, &held);
        self.upload(&copy, &parse(&older)?).await?;
        let checksum = match self.store.get(&parse(&checksum_of(path))?).await {
            Ok(found) => found.bytes().await?,
            Err(Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if is_checksum_of(&checksum, path, &held) {
            self.store.put(&parse(&checksum_of(&older))?, checksum.into()).await?;
        }
        Ok(false)
    }

    async fn delete(&self, path: &str) -> Result<(), UploadError> {
        Ok(self.store.delete(&parse(path)?).await?)
    }

    /// Returns the size of an object if the checksum next to it is this one.
    async fn droppable_object(
        &self,
        path: &str,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, UploadError> {
        // First, because most archives of a lake that drops them are gone already.
        let bytes = match self.store.head(&parse(path)?).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            meta => meta?.size,
        };
        let checksum = match self.store.get(&parse(&checksum_of(path))?).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found?.bytes().await?,
        };
        Ok(is_checksum_of(&checksum, path, sha256).then_some(bytes))
    }

    async fn place(
        &self,
        path: &str,
        copy: &Path,
        sha256: &Sha256Hex,
        checksum: Option<Bytes>,
    ) -> Result<(), UploadError> {
        if !self.keep_older(path, sha256).await? {
            self.upload(copy, &parse(path)?).await?;
        }
        let sidecar = parse(&checksum_of(path))?;
        match checksum {
            Some(checksum) => drop(self.store.put(&sidecar, checksum.into()).await?),
            None => match self.store.delete(&sidecar).await {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            },
        }
        Ok(())
    }
}

#[async_trait]
impl Bronze for RemoteBronze {
    async fn lookup(
        &self,
        key: &ArchiveKey,
        size: Option<u64>,
    ) -> Result<Option<Held>, FetchError> {
        let failed = |error: UploadError| error.of(key);
        let path = parse(&key.bronze_path()).map_err(failed)?;
        match self.store.head(&path).await {
            Ok(meta) if size.is_none_or(|size| size == meta.size) => {}
            Ok(_) | Err(Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        }
        let copy = self.new_copy()?;
        let found = self.sum(&path, Some(&copy)).await.map_err(failed)?;
        let file = copy.to_path_buf();
        let copy = Some(Arc::new(copy));
        // Nobody else names a copy, so that it stays the same file needs no check.
        let identity = None;
        Ok(found.map(|(sha256, size)| Held { file, identity, copy, sha256, size }))
    }

    async fn keep(
        &self,
        key: &ArchiveKey,
        complete: Complete,
        checksum: Option<Bytes>,
    ) -> Result<Kept, FetchError> {
        let sha256 = complete.sha256;
        let copy = self.copy_of(complete).await?;
        self.place(&key.bronze_path(), &copy, &sha256, checksum)
            .await
            .map_err(|error| error.of(key))?;
        Ok(Kept { file: copy.to_path_buf(), identity: None, copy: Some(Arc::new(copy)) })
    }

    async fn keep_checksum(&self, key: &ArchiveKey, checksum: &Bytes) -> Result<(), FetchError> {
        let failed = |error: UploadError| error.of(key);
        let sidecar = parse(&checksum_of(&key.bronze_path())).map_err(failed)?;
        self.store
            .put(&sidecar, checksum.clone().into())
            .await
            .map_err(|error| failed(error.into()))?;
        Ok(())
    }

    async fn droppable(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        let bytes = self.droppable_object(&key.bronze_path(), sha256).await;
        bytes.map_err(|error| error.of(key))
    }

    async fn drop_bytes(
        &self,
        key: &ArchiveKey,
        sha256: &Sha256Hex,
    ) -> Result<Option<u64>, FetchError> {
        let bytes = self.droppable(key, sha256).await?;
        if bytes.is_some() {
            let deleted = self.delete(&key.bronze_path()).await;
            deleted.map_err(|error| error.of(key))?;
        }
        Ok(bytes)
    }

    async fn set_aside(&self, key: &ArchiveKey, complete: Complete) -> Result<String, FetchError> {
        let failed = |error: UploadError| error.of(key);
        let name = mismatch_name(&key.bronze_path(), &complete.sha256);
        let copy = self.copy_of(complete).await?;
        self.upload(&copy, &parse(&name).map_err(failed)?).await.map_err(failed)?;
        Ok(name)
    }
}

/// What goes wrong between a local file and the store.
#[derive(Debug, thiserror::Error)]
enum UploadError {
    #[error(transparent)]
    Store(#[from] Error),
    #[error(transparent)]
    File(#[from] std::io::Error),
}

impl UploadError {
    fn of(self, key: &ArchiveKey) -> FetchError {
        let source = match self {
            Self::Store(source) => source,
            Self::File(source) => Error::Generic { store: "local copy", source: Box::new(source) },
        };
        FetchError::Store { archive: key.shared_path(), source }
    }
}

fn checksum_of(path: &str) -> String {
    format!("{path}{}", lakehouse_core::names::archive::CHECKSUM_SUFFIX)
}

/// Takes a path as it is: nothing of it is encoded.
fn parse(path: &str) -> Result<StorePath, UploadError> {
    StorePath::parse(path).map_err(|error| Error::from(error).into())
}
