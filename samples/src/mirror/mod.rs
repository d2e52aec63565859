//! A mirror of the archive on this machine: objects in memory, served as the public archive serves
//! its own.
//!
//! The demo and the benches ingest from it through the same requests as from the real one, and
//! whoever wants to try a client against the archive's protocol can. What is answered is decided in
//! `bucket`; here is only the server around it. A mirror is for made-up and small archives: it
//! holds them all in memory.

mod bucket;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response, Uri};
use chrono::{DateTime, Days, NaiveTime, Utc};
use lakehouse_core::names::archive::ArchiveKey;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{GenerateError, SampleOptions, sample_checksum, sample_zip};
pub use bucket::{Bucket, Listing, Object, PAGE_SIZE, missing};

/// The hour of the next day at which the archive publishes a day, UTC.
const PUBLISHED_AT: u32 = 8;

/// A running mirror; dropping it ends it.
#[derive(Debug)]
pub struct Mirror {
    url: String,
    served: Arc<Served>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Served {
    bucket: Bucket,
    /// Between a request and its answer.
    latency: Duration,
    requests: AtomicU64,
}

impl Mirror {
    /// Serves a bucket on a free port of this machine, to nobody outside of it.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(bucket: Bucket) -> io::Result<Self> {
        Self::start_far_away(bucket, Duration::ZERO).await
    }

    /// As [`Mirror::start`], with so much time between a request and its answer.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start_far_away(bucket: Bucket, latency: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let served = Arc::new(Served { bucket, latency, requests: AtomicU64::new(0) });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&served));
        // It accepts connections until it is dropped; there is no end to wait for.
        let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
        Ok(Self { url, served, server })
    }

    /// Returns what to give as source.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns how many requests came so far.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.served.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Makes sample archives, each with its checksum, dated as the archive would have published them.
///
/// # Errors
/// When a key's data type or interval has no samples.
pub fn sample_bucket(
    keys: &[ArchiveKey],
    options: &SampleOptions,
) -> Result<Bucket, GenerateError> {
    let mut bucket = Bucket::default();
    for key in keys {
        let zip = sample_zip(key, options)?;
        let modified = published_at(key);
        bucket.put(&format!("{}.CHECKSUM", key.path()), sample_checksum(key, &zip), modified);
        bucket.put(key.path(), zip, modified);
    }
    Ok(bucket)
}

/// Returns when the archive would have published an archive: in the morning after its last day.
#[must_use]
pub fn published_at(key: &ArchiveKey) -> DateTime<Utc> {
    let last = key.period().end();
    let next = last.checked_add_days(Days::new(1)).unwrap_or(last);
    next.and_time(NaiveTime::from_hms_opt(PUBLISHED_AT, 0, 0).unwrap_or_default()).and_utc()
}

/// A request as the archive understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BucketRequest {
    /// A page of the listing.
    Listing(Listing),
    /// An object, by its key.
    Object(String),
}

impl BucketRequest {
    /// Reads a request's address: the root is the listing, everything below it a key.
    #[must_use]
    pub fn parse(uri: &Uri) -> Self {
        let key = percent_encoding::percent_decode_str(uri.path())
            .decode_utf8_lossy()
            .trim_start_matches('/')
            .to_owned();
        if !key.is_empty() {
            return Self::Object(key);
        }
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
        let mut query: HashMap<String, String> = query.into_owned().collect();
        Self::Listing(Listing {
            prefix: query.remove("prefix").unwrap_or_default(),
            marker: query.remove("marker"),
            delimiter: query.remove("delimiter").is_some(),
        })
    }
}

async fn answer(State(served): State<Arc<Served>>, request: Request) -> Response<Body> {
    served.requests.fetch_add(1, Ordering::Relaxed);
    let bucket = &served.bucket;
    if !served.latency.is_zero() {
        tokio::time::sleep(served.latency).await;
    }
    match BucketRequest::parse(request.uri()) {
        BucketRequest::Listing(listing) => {
            Response::new(Body::from(bucket.list(&listing, PAGE_SIZE)))
        }
        BucketRequest::Object(key) => {
            let answer =
                bucket.get(&key).map_or_else(missing, |object| object.answer(request.headers()));
            answer.map(|bytes: Bytes| {
                if request.method() == Method::HEAD { Body::empty() } else { Body::from(bytes) }
            })
        }
    }
}
