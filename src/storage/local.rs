//! A local object store whose writes have reached the disk when they return.
//!
//! The store of the library names files before they are synced and stops at whatever odd thing lies
//! in a folder. Here writing and listing are done by [`durability`](super::durability) and
//! [`walk`](super::walk); reading and deleting go straight through.

use std::fs::Metadata;
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

use super::durability::StagedFile;
use super::regular::{no_regular_file, open_regular};
use super::walk::{Found, children, files_below};

/// The local file system, with every finished write synced.
#[derive(Debug)]
pub(super) struct LocalStore {
    files: LocalFileSystem,
}

impl LocalStore {
    pub(super) fn new() -> Self {
        Self { files: LocalFileSystem::new() }
    }

    /// Returns what a prefix is on the disk.
    fn folder(&self, prefix: Option<&Path>) -> Result<PathBuf> {
        // A name that looks like a staged file's is refused for files, but may be a folder's.
        let folder = self.files.path_to_filesystem(&prefix.cloned().unwrap_or_default().join("_"));
        Ok(folder?.parent().map(FilePath::to_owned).unwrap_or_default())
    }

    async fn list_sorted(
        &self,
        prefix: Option<&Path>,
        offset: Option<Path>,
    ) -> Result<Vec<ObjectMeta>> {
        let folder = self.folder(prefix)?;
        let listed = folder.clone();
        let found = blocking(&folder, move || files_below(&listed)).await?;
        let mut objects: Vec<_> = found.iter().filter_map(object).collect();
        objects.retain(|object| offset.as_ref().is_none_or(|offset| object.location > *offset));
        objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok(objects)
    }
}

impl std::fmt::Display for LocalStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("local files, synced")
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let path = self.files.path_to_filesystem(location)?;
        let target = path.clone();
        let etag = blocking(&path, move || {
            let mut staged = StagedFile::create(&target)?;
            payload.iter().try_for_each(|piece| staged.file.write_all(piece))?;
            let etag = etag(&staged.file.metadata()?);
            match options.mode {
                PutMode::Overwrite => staged.replace()?,
                PutMode::Create => staged.claim()?,
                PutMode::Update(_) => return Err(ErrorKind::Unsupported.into()),
            }
            Ok(etag)
        });
        Ok(PutResult { e_tag: Some(etag.await?), version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.files.path_to_filesystem(location)?;
        let target = path.clone();
        let staged = blocking(&path, move || StagedFile::create(&target)).await?;
        Ok(Box::new(LocalUpload { path, staged: Arc::new(Mutex::new(Some(staged))), end: 0 }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let path = self.files.path_to_filesystem(location)?;
        // To open a pipe waits until somebody writes into it.
        if let Ok(metadata) = tokio::fs::metadata(&path).await
            && !metadata.is_file()
            && !metadata.is_dir()
        {
            // Trying again is of no use.
            return Err(Error::NotSupported { source: Box::new(no_regular_file()) });
        }
        self.files.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        listed(self, prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        listed(self, prefix, Some(offset.clone()))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = self.folder(prefix)?;
        let listed = folder.clone();
        let found = blocking(&folder, move || children(&listed)).await?;
        let (folders, files): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|found| found.metadata.is_dir());
        let mut common_prefixes: Vec<_> =
            folders.iter().filter_map(|found| location(&found.path)).collect();
        let mut objects: Vec<_> = files.iter().filter_map(object).collect();
        common_prefixes.sort_unstable();
        objects.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        Ok(ListResult { common_prefixes, objects })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let source = self.files.path_to_filesystem(from)?;
        let target = self.files.path_to_filesystem(to)?;
        let shown = source.clone();
        let copied = blocking(&shown, move || {
            let mut content = open_regular(&source)?;
            let mut staged = StagedFile::create(&target)?;
            io::copy(&mut content, &mut staged.file)?;
            match options.mode {
                CopyMode::Overwrite => staged.replace(),
                CopyMode::Create => staged.claim(),
            }
        });
        copied.await
    }
}

fn listed(
    store: &LocalStore,
    prefix: Option<&Path>,
    offset: Option<Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let store = LocalStore { files: store.files.clone() };
    let prefix = prefix.cloned();
    let listing = async move { store.list_sorted(prefix.as_ref(), offset).await };
    let objects = listing.map(|listed| match listed {
        Ok(objects) => futures::stream::iter(objects.into_iter().map(Ok)).boxed(),
        Err(error) => futures::stream::iter([Err(error)]).boxed(),
    });
    futures::stream::once(objects).flatten().boxed()
}

/// A file that is uploaded in parts: each is written to its place, whichever comes first.
#[derive(Debug)]
struct LocalUpload {
    path: PathBuf,
    /// Nothing after the end.
    staged: Arc<Mutex<Option<StagedFile>>>,
    end: u64,
}

impl LocalUpload {
    fn take(&self) -> Result<StagedFile> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).take();
        staged.ok_or_else(|| failed(&self.path, io::Error::other("the upload has ended")))
    }
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let begin = self.end;
        self.end += data.content_length() as u64;
        let staged = Arc::clone(&self.staged);
        let path = self.path.clone();
        let write = move || {
            let mut staged = staged.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(staged) = staged.as_mut() else {
                return Err(io::Error::other("the upload has ended"));
            };
            staged.file.seek(SeekFrom::Start(begin))?;
            data.iter().try_for_each(|piece| staged.file.write_all(piece))
        };
        async move { blocking(&path, write).await }.boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let staged = self.take()?;
        let etag = blocking(&self.path, move || {
            let etag = etag(&staged.file.metadata()?);
            staged.replace()?;
            Ok(etag)
        });
        Ok(PutResult { e_tag: Some(etag.await?), version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.take().map(drop)
    }
}

/// Runs what waits for the disk on a thread that may wait.
async fn blocking<T: Send + 'static>(
    path: &FilePath,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(|error| failed(path, error))
}

/// Says what a failure of the disk means to users of an object store; its cause stays with it.
fn failed(path: &FilePath, source: io::Error) -> Error {
    let kind = source.kind();
    let path = path.display().to_string();
    let source = Box::new(source);
    match kind {
        ErrorKind::NotFound => Error::NotFound { path, source },
        ErrorKind::AlreadyExists => Error::AlreadyExists { path, source },
        ErrorKind::PermissionDenied => Error::PermissionDenied { path, source },
        _ => Error::Generic { store: "LocalFileSystem", source },
    }
}

/// Describes a file; nothing for one that is being written, or whose name no object can have.
fn object(found: &Found) -> Option<ObjectMeta> {
    let name = found.path.file_name()?.to_str()?;
    let number = name.split_once('#').map(|(_, number)| number);
    if number.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    Some(ObjectMeta {
        location: location(&found.path)?,
        last_modified: found.metadata.modified().ok()?.into(),
        size: found.metadata.len(),
        e_tag: Some(etag(&found.metadata)),
        version: None,
    })
}

/// Returns an absolute path as the store names it; nothing where it cannot.
pub(super) fn location(path: &FilePath) -> Option<Path> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_str()),
        _ => None,
    });
    let parts: Option<Vec<&str>> = parts.collect();
    Path::parse(parts?.join("/")).ok()
}

/// Returns the tag that the library's local store gives to the same file: ledgers hold such tags.
fn etag(metadata: &Metadata) -> String {
    let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let changed = changed.unwrap_or_default().as_micros();
    format!("{:x}-{changed:x}-{:x}", inode(metadata), metadata.len())
}

#[cfg(unix)]
fn inode(metadata: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn inode(_: &Metadata) -> u64 {
    0
}
