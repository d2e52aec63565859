//! Where bytes are kept: a local folder or an object-store prefix, behind one type.
//!
//! Everything the lake writes goes through the stores made here, Delta's commits included, so that
//! local files are durable before they count (guarantee 1 survives a power cut) and both kinds of
//! lake behave alike. Nothing here knows what the bytes mean.

mod durability;
pub mod format;
pub mod lake;

use std::collections::HashMap;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake::{DeltaResult, DeltaTableError};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use thiserror::Error;
use url::Url;

use self::durability::DurableStore;
use self::format::FormatError;

/// A folder or an object-store prefix.
#[derive(Clone, Debug)]
pub struct Storage {
    url: Url,
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
    #[error("cannot resolve the folder `{location}`: {source}")]
    Folder { location: String, source: std::io::Error },
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
        match Url::parse(location) {
            Ok(url) if url.scheme() == "s3" => Self::bucket(location, url),
            Ok(url) if url.scheme() == "file" => match url.to_file_path() {
                Ok(folder) => Self::folder(location, &folder),
                Err(()) => Err(StorageError::Unsupported { location: location.to_owned() }),
            },
            Ok(url) if location.contains("://") => {
                Err(StorageError::Unsupported { location: url.into() })
            }
            _ => Self::folder(location, FilePath::new(location)),
        }
    }

    /// Wraps a store that was made elsewhere; its URL only names it.
    #[must_use]
    pub const fn of_store(url: Url, store: Arc<dyn ObjectStore>) -> Self {
        Self { url, store, folder: None }
    }

    fn folder(location: &str, folder: &FilePath) -> Result<Self, StorageError> {
        let unresolved = |source| StorageError::Folder { location: location.to_owned(), source };
        let folder = resolve(folder).map_err(unresolved)?;
        let unsupported = |()| StorageError::Unsupported { location: location.to_owned() };
        let url = Url::from_directory_path(&folder).map_err(unsupported)?;
        let root = root_store(&url)
            .map_err(|source| StorageError::Unusable { location: location.to_owned(), source })?;
        let store = prefixed(root, location, &url)?;
        Ok(Self { store, url, folder: Some(folder) })
    }

    fn bucket(location: &str, mut url: Url) -> Result<Self, StorageError> {
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let root = root_store(&url)
            .map_err(|source| StorageError::Unusable { location: location.to_owned(), source })?;
        let store = prefixed(root, location, &url)?;
        Ok(Self { store, url, folder: None })
    }

    /// Returns the part of this storage below `path`, a relative path without a leading slash.
    ///
    /// # Errors
    /// When the path cannot be part of a URL.
    pub fn join(&self, path: &str) -> Result<Self, StorageError> {
        let unsupported = |_| StorageError::Unsupported { location: format!("{}{path}", self.url) };
        let url =
            self.url.join(&format!("{}/", path.trim_end_matches('/'))).map_err(unsupported)?;
        let folder = self.folder.as_ref().map(|folder| folder.join(path));
        let store = Arc::new(PrefixStore::new(Arc::clone(&self.store), Path::from(path)));
        Ok(Self { url, store, folder })
    }

    /// Returns the location as a URL that ends with a slash.
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

/// Returns the store of a URL's whole scheme and host: all local files, or one bucket.
///
/// # Errors
/// When the object store's settings in the environment are incomplete.
pub(crate) fn root_store(url: &Url) -> object_store::Result<Arc<dyn ObjectStore>> {
    static STORES: OnceLock<Mutex<HashMap<String, Arc<dyn ObjectStore>>>> = OnceLock::new();
    let host = format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default());
    let mut stores =
        STORES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(store) = stores.get(&host) {
        return Ok(Arc::clone(store));
    }
    let store: Arc<dyn ObjectStore> = match url.scheme() {
        "s3" => Arc::new(AmazonS3Builder::from_env().with_url(host.as_str()).build()?),
        _ => Arc::new(DurableStore::new()),
    };
    stores.insert(host, Arc::clone(&store));
    Ok(store)
}

/// Makes Delta use the stores of this module for local folders and buckets.
///
/// Called once, before the first table is opened; calling it again changes nothing.
pub(crate) fn register_with_delta() {
    for scheme in ["file://", "s3://"] {
        if let Ok(scheme) = Url::parse(scheme) {
            object_store_factories().insert(scheme.clone(), Arc::new(LakeStores));
            logstore_factories().insert(scheme, Arc::new(LakeStores));
        }
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

/// Returns the part of a store that a URL names; never more than that.
fn prefixed(
    root: Arc<dyn ObjectStore>,
    location: &str,
    url: &Url,
) -> Result<Arc<dyn ObjectStore>, StorageError> {
    let path = Path::from_url_path(url.path()).map_err(|error| StorageError::Unusable {
        location: location.to_owned(),
        source: error.into(),
    })?;
    Ok(if path.as_ref().is_empty() { root } else { Arc::new(PrefixStore::new(root, path)) })
}

struct LakeStores;

impl ObjectStoreFactory for LakeStores {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let path = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
        Ok((root_store(url).map_err(DeltaTableError::from)?, path))
    }
}

impl LogStoreFactory for LakeStores {
    fn with_options(
        &self,
        prefixed: ObjectStoreRef,
        root: ObjectStoreRef,
        location: &Url,
        options: &StorageConfig,
    ) -> DeltaResult<Arc<dyn LogStore>> {
        Ok(default_logstore(prefixed, root, location, options))
    }
}
