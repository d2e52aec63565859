//! Where bytes are kept: a local folder or an object-store prefix, as one type.
//!
//! Everything the lake writes goes through the stores made here, Delta's commits included, so that
//! local files are durable before they count (guarantee 1 survives a power cut) and both kinds of
//! lake behave alike. `local` and `bucket` are the two kinds, `engine` is how Delta and SQL
//! find them. Nothing here knows what the bytes mean.

mod bronze_note;
mod bucket;
pub(crate) mod disk;
pub(crate) mod durability;
mod engine;
pub mod format;
pub mod lake;
mod local;
pub(crate) mod regular;
pub(crate) mod space;
mod walk;

use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::{Arc, LazyLock};

use lakehouse_core::foreign::redacted;
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use thiserror::Error;
use url::Url;

use self::bucket::{BucketLocation, check_conditional_writes};
pub(crate) use self::engine::{location_of, register_with_delta, store_of};
use self::format::FormatError;
use self::local::LocalStore;

/// A folder or an object-store prefix.
#[derive(Clone, Debug)]
pub struct Storage {
    url: Url,
    engine_url: Url,
    store: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
}

/// A location that is no storage, or storage that cannot be reached.
#[derive(Debug, Error)]
pub enum StorageError {
    #[error("`{location}` is no place for data: expected a folder or s3://bucket/prefix")]
    Unsupported { location: String },
    #[error("cannot use `{location}`: {source}")]
    Unusable { location: String, source: object_store::Error },
    /// The client of object stores speaks no SOCKS, and would take the proxy for one that it knows.
    #[error(
        "cannot reach `{location}` through {proxy}: lakes and sources in object stores are reached \
         without a proxy, or through one for HTTP; unset the variable, or name the host of the \
         store in NO_PROXY"
    )]
    Proxy { location: String, proxy: String },
    #[error("cannot resolve the folder `{location}`: {source}")]
    Folder { location: String, source: std::io::Error },
    /// Of two writers at once, one would lose its rows.
    #[error(
        "the object store of `{location}` ignores If-None-Match: it overwrites what it should \
         refuse to, so that two writers at once lose rows; keep the lake in a store with \
         conditional writes, or in a folder"
    )]
    Overwrites { location: String },
    /// Whether the lake drops archives cannot be read or written.
    #[error("cannot read or write {file}, which says whether the lake drops archives")]
    Note { file: String, source: object_store::Error },
    /// The lake's format version is unknown to this program, or cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
}

impl Storage {
    /// Opens a folder (which need not exist yet) or an object-store URL.
    ///
    /// # Errors
    /// When the location is neither, or the object store's settings in the environment are
    /// incomplete.
    pub fn open(location: &str) -> Result<Self, StorageError> {
        if let Some(bucket) = BucketLocation::parse(location) {
            return Self::bucket(location, &bucket?);
        }
        let unsupported = || StorageError::Unsupported { location: redacted(location) };
        match Url::parse(location) {
            Ok(url) if url.scheme() == "file" => {
                let folder = url.to_file_path().map_err(|()| unsupported())?;
                Self::folder(location, &folder)
            }
            Ok(_) if location.contains("://") => Err(unsupported()),
            _ => Self::folder(location, FilePath::new(location)),
        }
    }

    /// Wraps a store that was made elsewhere; its URL only names it.
    #[must_use]
    pub fn of_store(url: Url, store: Arc<dyn ObjectStore>) -> Self {
        Self { engine_url: url.clone(), url, store, folder: None }
    }

    fn folder(location: &str, folder: &FilePath) -> Result<Self, StorageError> {
        /// All local files.
        static FILES: LazyLock<Arc<LocalStore>> = LazyLock::new(|| Arc::new(LocalStore::new()));
        let unresolved = |source| StorageError::Folder { location: location.to_owned(), source };
        let folder = resolve(folder).map_err(unresolved)?;
        let unsupported = || StorageError::Unsupported { location: location.to_owned() };
        let url = Url::from_directory_path(&folder).map_err(|()| unsupported())?;
        let path = local::location(&folder).ok_or_else(unsupported)?;
        let store = prefixed(Arc::clone(&*FILES) as _, path);
        Self::registered(url, store, Some(folder)).ok_or_else(unsupported)
    }

    fn bucket(location: &str, bucket: &BucketLocation) -> Result<Self, StorageError> {
        let unsupported = || StorageError::Unsupported { location: location.to_owned() };
        if let Some(proxy) = bucket::socks_proxy() {
            return Err(StorageError::Proxy { location: location.to_owned(), proxy });
        }
        let root = bucket::bucket_store(&bucket.bucket)
            .map_err(|source| StorageError::Unusable { location: location.to_owned(), source })?;
        let store = prefixed(root, bucket.prefix.clone());
        let url = bucket.url().ok_or_else(unsupported)?;
        Self::registered(url, store, None).ok_or_else(unsupported)
    }

    fn registered(url: Url, store: Arc<dyn ObjectStore>, folder: Option<PathBuf>) -> Option<Self> {
        let engine_url = engine::register(&url, &store)?;
        Some(Self { url, engine_url, store, folder })
    }

    /// Returns the part of this storage below `path`, a relative path without a leading slash.
    ///
    /// # Errors
    /// When the path cannot be part of a URL.
    pub fn join(&self, path: &str) -> Result<Self, StorageError> {
        let unsupported = |_| StorageError::Unsupported { location: format!("{}{path}", self.url) };
        let relative = format!("{}/", path.trim_end_matches('/'));
        let url = self.url.join(&relative).map_err(unsupported)?;
        let engine_url = self.engine_url.join(&relative).map_err(unsupported)?;
        let folder = self.folder.as_ref().map(|folder| folder.join(path));
        let store = Arc::new(PrefixStore::new(Arc::clone(&self.store), Path::from(path)));
        Ok(Self { url, engine_url, store, folder })
    }

    /// Returns the location as a URL that ends with a slash, for messages.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the location as people write it: a path, where it is a local folder, or a URL.
    pub(crate) fn location(&self) -> String {
        match &self.folder {
            Some(folder) => folder.display().to_string(),
            None => self.url.to_string(),
        }
    }

    /// Returns the URL by which engines find this storage, with a slash at its end.
    #[must_use]
    pub(crate) const fn engine_url(&self) -> &Url {
        &self.engine_url
    }

    /// Returns a store whose root is this location.
    #[must_use]
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// Returns the folder, where the storage is a local one.
    #[must_use]
    pub fn local_folder(&self) -> Option<&FilePath> {
        self.folder.as_deref()
    }
}

/// Makes a path absolute and free of `..`, which no store's path may have; the folder need not
/// exist yet.
fn resolve(folder: &FilePath) -> std::io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(folder)?.components() {
        if part == Component::ParentDir {
            // What is above a link is above the folder that it points to.
            resolved = resolved.canonicalize().unwrap_or(resolved);
            resolved.pop();
        } else {
            resolved.push(part);
        }
    }
    Ok(resolved)
}

/// Returns the part of a store below a path; never more than that.
fn prefixed(root: Arc<dyn ObjectStore>, path: Path) -> Arc<dyn ObjectStore> {
    if path.as_ref().is_empty() { root } else { Arc::new(PrefixStore::new(root, path)) }
}
