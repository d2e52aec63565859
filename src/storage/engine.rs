//! How the engines that read and write tables find a storage: by a URL without its location.
//!
//! Engines take URLs apart and put them together again, and not all of them undo and redo the
//! encoding of `%`, `#` or `\`, so that a lake with such a name would get the log of another one.
//! They are given `lake://<digest>/…` in place of the location; only plain names of tables and
//! files follow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use deltalake::logstore::{
    LogStore, LogStoreFactory, ObjectStoreFactory, ObjectStoreRef, StorageConfig, default_logstore,
    logstore_factories, object_store_factories,
};
use deltalake::{DeltaResult, DeltaTableError};
use object_store::ObjectStore;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use url::Url;

const SCHEME: &str = "lake";

struct Registered {
    location: Url,
    store: Arc<dyn ObjectStore>,
}

fn registered() -> MutexGuard<'static, HashMap<String, Registered>> {
    static STORAGES: OnceLock<Mutex<HashMap<String, Registered>>> = OnceLock::new();
    STORAGES.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a storage known to engines; returns the URL that stands for its location, which is the
/// same each time.
pub(super) fn register(location: &Url, store: &Arc<dyn ObjectStore>) -> Option<Url> {
    let digest = Sha256::digest(location.as_str());
    let digest = hex::encode(&digest[..8]);
    let url = Url::parse(&format!("{SCHEME}://{digest}/")).ok()?;
    let storage = Registered { location: location.clone(), store: Arc::clone(store) };
    registered().insert(digest, storage);
    Some(url)
}

/// Returns the store of an engine's URL.
///
/// # Errors
/// When no storage was opened under it.
pub(crate) fn store_of(url: &Url) -> object_store::Result<Arc<dyn ObjectStore>> {
    let known = registered();
    let storage = url.host_str().and_then(|digest| known.get(digest));
    let unknown = || object_store::Error::NotSupported {
        source: format!("no storage was opened as {url}").into(),
    };
    storage.map(|storage| Arc::clone(&storage.store)).ok_or_else(unknown)
}

/// Returns the location that an engine's URL stands for, as it may be shown to users.
pub(crate) fn location_of(url: &Url) -> String {
    let known = registered();
    let storage = url.host_str().and_then(|digest| known.get(digest));
    let path = url.path().trim_start_matches('/');
    let Some(storage) = storage else { return url.to_string() };
    // A local folder is named as users name it.
    match storage.location.join(path).ok().and_then(|url| url.to_file_path().ok()) {
        Some(folder) => folder.display().to_string(),
        None => format!("{}{path}", storage.location),
    }
}

/// Makes Delta use the stores of this module.
///
/// Called once, before the first table is opened; calling it again changes nothing.
pub(crate) fn register_with_delta() {
    if let Ok(scheme) = Url::parse(&format!("{SCHEME}://")) {
        object_store_factories().insert(scheme.clone(), Arc::new(LakeStores));
        logstore_factories().insert(scheme, Arc::new(LakeStores));
    }
}

struct LakeStores;

impl ObjectStoreFactory for LakeStores {
    fn parse_url_opts(&self, url: &Url, _: &StorageConfig) -> DeltaResult<(ObjectStoreRef, Path)> {
        let path = Path::from_url_path(url.path()).map_err(object_store::Error::from)?;
        Ok((store_of(url).map_err(DeltaTableError::from)?, path))
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
