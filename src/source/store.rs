//! The archive in a directory or an object-store prefix, with listings of the same shape as over
//! HTTP.
//!
//! Only reads: a directory that somebody else keeps is never written to.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use lakehouse_core::foreign::shown;
use lakehouse_core::listing::{Listed, ListingPage};
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt,
};
use tokio::io::AsyncReadExt;

use super::{Download, ObjectHead, Resume, Source, SourceError, Validator};
use crate::storage::Storage;

/// A page of a listing has as many entries as a bucket's.
const PAGE: usize = 1000;
/// How much of a local file is read at once.
const PIECE: usize = 256 * 1024;

/// A folder or an object-store prefix.
#[derive(Debug)]
pub(crate) struct StoreSource {
    location: String,
    store: Arc<dyn ObjectStore>,
}

impl StoreSource {
    pub(crate) fn new(location: &str, storage: &Storage) -> Self {
        Self { location: location.to_owned(), store: storage.store() }
    }

    /// Returns the next page of keys, however deep they lie.
    async fn objects(
        &self,
        prefix: &str,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        let folder = folder_of(prefix)?;
        let found = match marker {
            Some(marker) => self.store.list_with_offset(folder.as_ref(), &path(marker)?),
            None => self.store.list(folder.as_ref()),
        };
        let wanted =
            found.try_filter(|meta| std::future::ready(meta.location.as_ref().starts_with(prefix)));
        let mut objects: Vec<_> =
            wanted.map_ok(listed).try_collect().await.map_err(|error| classify(prefix, &error))?;
        objects.sort_unstable_by(|a: &Listed, b: &Listed| a.key.cmp(&b.key));
        let next_marker = (objects.len() > PAGE).then(|| objects[PAGE - 1].key.clone());
        objects.truncate(PAGE);
        Ok(ListingPage { objects, prefixes: Vec::new(), next_marker })
    }

    /// Returns all keys and folders right below a folder as one page: there are at most some
    /// thousand symbols.
    async fn children(
        &self,
        prefix: &str,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        let folder = folder_of(prefix)?;
        let found = self
            .store
            .list_with_delimiter(folder.as_ref())
            .await
            .map_err(|error| classify(prefix, &error))?;
        let wanted =
            |key: &str| key.starts_with(prefix) && marker.is_none_or(|marker| marker < key);
        let mut objects: Vec<_> =
            found.objects.into_iter().map(listed).filter(|found| wanted(&found.key)).collect();
        let mut prefixes: Vec<_> =
            found.common_prefixes.iter().map(|folder| format!("{folder}/")).collect();
        prefixes.retain(|folder| wanted(folder));
        objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        prefixes.sort_unstable();
        Ok(ListingPage { objects, prefixes, next_marker: None })
    }
}

#[async_trait]
impl Source for StoreSource {
    fn location(&self) -> &str {
        &self.location
    }

    fn lists_exactly(&self) -> bool {
        true
    }

    async fn list(
        &self,
        prefix: &str,
        delimiter: bool,
        marker: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        if delimiter {
            self.children(prefix, marker).await
        } else {
            self.objects(prefix, marker).await
        }
    }

    async fn get(&self, key: &str, resume: Option<&Resume>) -> Result<Download, SourceError> {
        let mut options = GetOptions::default();
        if let Some((resume, etag)) =
            resume.and_then(|resume| Some((resume, resume.validator.etag.clone()?)))
        {
            options.range = Some(GetRange::Offset(resume.offset));
            options.if_match = Some(etag);
        }
        let found = self
            .store
            .get_opts(&path(key)?, options)
            .await
            .map_err(|error| classify(key, &error))?;
        let validator = Validator {
            etag: found.meta.e_tag.clone(),
            last_modified: Some(found.meta.last_modified),
        };
        let (offset, size) = (found.range.start, Some(found.meta.size));
        let body = match found.payload {
            GetResultPayload::File(file, _) => read_file(key.to_owned(), file, offset),
            GetResultPayload::Stream(stream) => {
                let what = key.to_owned();
                stream.map_err(move |error| classify(&what, &error)).boxed()
            }
        };
        Ok(Download { offset, size, validator, body })
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, SourceError> {
        match self.store.head(&path(key)?).await {
            Ok(meta) => Ok(Some(ObjectHead {
                size: Some(meta.size),
                etag: meta.e_tag,
                last_modified: Some(meta.last_modified),
            })),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(classify(key, &error)),
        }
    }
}

/// Reads a local file in pieces that are worth a switch of threads.
fn read_file(
    what: String,
    file: std::fs::File,
    offset: u64,
) -> BoxStream<'static, Result<Bytes, SourceError>> {
    use tokio::io::AsyncSeekExt;
    let state = (tokio::fs::File::from_std(file), offset, false);
    let pieces = futures::stream::try_unfold(state, move |(mut file, offset, placed)| {
        let what = what.clone();
        async move {
            let failed = |error: std::io::Error| SourceError::transient(&what, error.to_string());
            if !placed {
                file.seek(std::io::SeekFrom::Start(offset)).await.map_err(failed)?;
            }
            let mut piece = BytesMut::with_capacity(PIECE);
            let read = file.read_buf(&mut piece).await.map_err(failed)?;
            Ok((read > 0).then(|| (piece.freeze(), (file, offset, true))))
        }
    });
    pieces.boxed()
}

/// Says what a store's failure means.
fn classify(what: &str, error: &Error) -> SourceError {
    let reason = error.to_string();
    match error {
        Error::NotFound { .. } => SourceError::NotFound { what: shown(what) },
        Error::Precondition { .. } | Error::NotModified { .. } => {
            SourceError::changed(what, reason)
        }
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            SourceError::denied(what, reason)
        }
        Error::Generic { .. } | Error::JoinError { .. } => SourceError::transient(what, reason),
        _ => SourceError::fatal(what, reason),
    }
}

/// Returns the folder in which everything with a prefix lies.
fn folder_of(prefix: &str) -> Result<Option<Path>, SourceError> {
    prefix.rsplit_once('/').map(|(folder, _)| path(folder)).transpose()
}

/// Takes a key as it is: nothing of it is encoded.
fn path(key: &str) -> Result<Path, SourceError> {
    Path::parse(key).map_err(|error| SourceError::fatal(key, error.to_string()))
}

fn listed(meta: ObjectMeta) -> Listed {
    Listed {
        key: meta.location.to_string(),
        size: meta.size,
        etag: meta.e_tag,
        last_modified: Some(meta.last_modified),
    }
}
