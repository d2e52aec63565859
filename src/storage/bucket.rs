//! Object stores: what `s3://bucket/prefix` names, and writes that must never overwrite.
//!
//! Exactly-once rests on conditional writes: of two writers that commit the same version one is
//! refused. Not every endpoint that speaks S3 keeps that, so it is tried before the first table of
//! a lake is made. What is written is not known here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use lakehouse_core::foreign::{redacted, shown};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{
    ClientConfigKey, CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, RetryConfig,
};
use url::Url;
use uuid::Uuid;

use super::{Storage, StorageError};
use crate::proxy::socks_proxy_of;

/// A bucket and a place in it, each as it was typed.
#[derive(Debug)]
pub(super) struct BucketLocation {
    pub(super) bucket: String,
    pub(super) prefix: Path,
}

impl BucketLocation {
    /// Reads `s3://bucket/prefix`; nothing if the location is none. A prefix is no part of a URL:
    /// `#`, `?` and `%` are characters of it like any other.
    pub(super) fn parse(location: &str) -> Option<std::result::Result<Self, StorageError>> {
        let scheme = location.get(..5)?;
        if !scheme.eq_ignore_ascii_case("s3://") {
            return None;
        }
        let (bucket, prefix) = location[5..].split_once('/').unwrap_or((&location[5..], ""));
        if bucket.is_empty() || bucket.contains(['@', ':', '?', '#', '%']) {
            return Some(Err(StorageError::Unsupported { location: redacted(location) }));
        }
        let bucket = bucket.to_owned();
        let prefix = Path::parse(prefix.trim_matches('/')).map_err(|error| {
            StorageError::Unusable { location: location.to_owned(), source: error.into() }
        });
        Some(prefix.map(|prefix| Self { bucket, prefix }))
    }

    /// Returns the location as a URL that ends with a slash.
    pub(super) fn url(&self) -> Option<Url> {
        let mut url = Url::parse(&format!("s3://{}/", self.bucket)).ok()?;
        let parts: Vec<&str> =
            self.prefix.as_ref().split('/').filter(|it| !it.is_empty()).collect();
        url.path_segments_mut().ok()?.pop_if_empty().extend(parts).push("");
        Some(url)
    }
}

/// Returns the store of a whole bucket; all lakes in it share its connections.
///
/// # Errors
/// When its settings in the environment are incomplete.
pub(super) fn bucket_store(bucket: &str) -> Result<Arc<dyn ObjectStore>> {
    static STORES: OnceLock<Mutex<HashMap<String, Arc<dyn ObjectStore>>>> = OnceLock::new();
    let stores = STORES.get_or_init(Mutex::default);
    let mut stores = stores.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(store) = stores.get(bucket) {
        return Ok(Arc::clone(store));
    }
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_retry(retries());
    check_profile(&builder)?;
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    // Whoever names an endpoint without TLS means it.
    if endpoint.is_some_and(|endpoint| endpoint.starts_with("http://")) {
        builder = builder.with_allow_http(true);
    }
    let store: Arc<dyn ObjectStore> = Arc::new(BucketStore { inner: Arc::new(builder.build()?) });
    stores.insert(bucket.to_owned(), Arc::clone(&store));
    Ok(store)
}

/// Refuses a profile of the AWS configuration, which is not read, where nothing else gives access.
///
/// Without this, the role of the machine would be looked for, and on most machines not be found
/// after a long wait.
#[expect(clippy::disallowed_methods, reason = "it stands with the variables of the store's client")]
fn check_profile(settings: &AmazonS3Builder) -> Result<()> {
    let others = [
        AmazonS3ConfigKey::AccessKeyId,
        AmazonS3ConfigKey::WebIdentityTokenFile,
        AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
        AmazonS3ConfigKey::ContainerCredentialsFullUri,
    ];
    let has_other = others.iter().any(|key| settings.get_config_value(key).is_some());
    let profile = std::env::var("AWS_PROFILE").ok().filter(|profile| !profile.is_empty());
    let Some(profile) = profile.filter(|_| !has_other) else { return Ok(()) };
    let profile = shown(&profile);
    let reason = format!(
        "AWS_PROFILE is {profile}, and profiles are not read: run \
         `eval \"$(aws configure export-credentials --profile {profile} --format env)\"` first"
    );
    Err(Error::Generic { store: "S3", source: reason.into() })
}

/// Returns the SOCKS proxy that the environment names for the object store.
pub(super) fn socks_proxy() -> Option<String> {
    let settings = AmazonS3Builder::from_env();
    // A proxy of the store's own settings takes the place of those for all programs.
    if settings.get_config_value(&AmazonS3ConfigKey::Client(ClientConfigKey::ProxyUrl)).is_some() {
        return None;
    }
    let region = settings.get_config_value(&AmazonS3ConfigKey::Region);
    let region = region.as_deref().unwrap_or("us-east-1");
    let endpoint = settings
        .get_config_value(&AmazonS3ConfigKey::S3Endpoint)
        .or_else(|| settings.get_config_value(&AmazonS3ConfigKey::Endpoint))
        .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
    socks_proxy_of(&endpoint.parse().ok()?)
}

/// A store that does not answer for a minute is given up: the same command goes on later.
fn retries() -> RetryConfig {
    RetryConfig { retry_timeout: Duration::from_secs(60), ..RetryConfig::default() }
}

/// A bucket in which a conditional write fails only because of an object that is there.
///
/// S3 answers 409 to one that meets another request at the same moment, which says nothing of
/// whether an object is there; the client reports both alike.
#[derive(Debug)]
struct BucketStore {
    inner: Arc<dyn ObjectStore>,
}

/// Waits between conditional writes that were answered with 409, in milliseconds.
const CONFLICT_WAITS: [u64; 6] = [50, 100, 300, 1000, 2000, 4000];

impl BucketStore {
    async fn is_there(&self, location: &Path) -> bool {
        !matches!(self.inner.head(location).await, Err(Error::NotFound { .. }))
    }
}

impl std::fmt::Display for BucketStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for BucketStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if !matches!(options.mode, PutMode::Create) {
            return self.inner.put_opts(location, payload, options).await;
        }
        for wait in CONFLICT_WAITS {
            let put = self.inner.put_opts(location, payload.clone(), options.clone()).await;
            let refused = matches!(put, Err(Error::AlreadyExists { .. }));
            if !refused || self.is_there(location).await {
                return put;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        let reason = "the store refuses conditional writes (409 Conflict) of what is not there";
        Err(Error::Generic { store: "S3", source: reason.into() })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// Tries whether the store of a lake keeps conditions, by a small object that is put twice.
///
/// Called before the first write of a lake, once for each process; a folder needs no trial.
///
/// # Errors
/// When the store overwrites what it should refuse to, or cannot be written at all.
pub(super) async fn check_conditional_writes(
    storage: &Storage,
) -> std::result::Result<(), StorageError> {
    static KNOWN: OnceLock<Mutex<HashSet<String>>> = OnceLock::new();
    let location = storage.url().to_string();
    let known = || KNOWN.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if storage.local_folder().is_some() || known().contains(&location) {
        return Ok(());
    }
    let probe = Path::from(format!("meta/.probe-{}", Uuid::new_v4().simple()));
    let store = storage.store();
    let unusable = |source| StorageError::Unusable { location: shown(&location), source };
    put_new(&store, &probe).await.map_err(unusable)?;
    let second = put_new(&store, &probe).await;
    // What is left of a probe harms nobody.
    let _ = store.delete(&probe).await;
    match second {
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {}
        Err(source) => return Err(unusable(source)),
        Ok(_) => return Err(StorageError::Overwrites { location: shown(&location) }),
    }
    known().insert(location);
    Ok(())
}

async fn put_new(store: &Arc<dyn ObjectStore>, probe: &Path) -> Result<PutResult> {
    store.put_opts(probe, "put twice, to see it refused\n".into(), PutMode::Create.into()).await
}
