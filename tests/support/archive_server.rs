//! A server that speaks as the archive does, and misbehaves as tests script it.
//!
//! It serves keys from memory on a port of its own, with the bucket's listing at `/?prefix=…`.
//! Tests script faults key by key, and count the requests afterwards. Dropping it ends it, whatever
//! still hangs.

mod bodies;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response, header};
use chrono::DateTime;
use lakehouse_samples::mirror::{self, Bucket, BucketRequest};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use self::bodies::{error, misread, send};
use crate::support::http_server::HttpServer;

/// What a key's next `GET` meets instead of a plain answer; one fault is used up by each.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with a bucket's error document.
    Status(u16),
    /// This status and this `Retry-After`.
    RetryAfter(u16, &'static str),
    /// The connection breaks after so many bytes of the body.
    CutAfter(usize),
    /// Nothing more comes after so many bytes, and the connection stays open.
    StallAfter(usize),
    /// The last byte of the body is another one.
    Corrupt,
    /// The body lacks its last bytes, and no length is announced.
    Shorten(usize),
    /// A part is sent from one byte further than was requested, and says so.
    WrongRange,
    /// The whole is sent though a part was requested.
    IgnoreRange,
    /// The part is sent without looking at `If-Range`, under the current entity tag.
    IgnoreIfRange,
    /// The body never ends, and no length is announced.
    Endless,
    /// This length is announced, and nothing comes after the archive.
    Announce(u64),
    /// A byte comes now and then, and no length is announced.
    Drip,
    /// The whole is sent, and no length is announced.
    NoLength,
    /// The answer is at another address.
    Redirect(String),
    /// This status, with an error document of this code and message.
    Says(u16, String),
    /// Other bytes are published, and this request gets a 503.
    Republish(Vec<u8>),
    /// The answer is held back until another key has been requested.
    HeldUntilRequested(String),
}

/// What a listing request meets.
#[derive(Clone, Debug, Default)]
pub(crate) enum Listing {
    #[default]
    Normal,
    /// Every listing request gets this status.
    Off(u16),
    /// There is a web page where the listing should be.
    Page,
    /// Every listing request gets this body.
    Fixed(String),
    /// There is always one more page, and nothing new on it.
    Endless,
}

/// Kinds of requests that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Head,
    List,
}

/// A request that came: a listing's key is its prefix.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) kind: Kind,
    pub(crate) key: String,
    pub(crate) marker: Option<String>,
    pub(crate) range: Option<String>,
    pub(crate) authorization: Option<String>,
}

/// The server.
pub(crate) struct ArchiveServer {
    http: HttpServer,
    state: Arc<Mutex<Served>>,
}

#[derive(Default)]
struct Served {
    bucket: Bucket,
    hidden: BTreeSet<String>,
    faults: HashMap<String, VecDeque<Fault>>,
    listing: Listing,
    page_size: usize,
    seen: Vec<Seen>,
    /// How many requests came.
    came: watch::Sender<usize>,
}

impl ArchiveServer {
    /// Starts an empty server.
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(Served { page_size: 1000, ..Served::default() }));
        let http = HttpServer::start(Router::new().fallback(answer).with_state(Arc::clone(&state)));
        Self { http, state }
    }

    /// Starts a server of every file below a folder that is laid out like the archive.
    pub(crate) fn of_folder(folder: &Path) -> Self {
        let server = Self::start();
        let mut folders = vec![folder.join("data")];
        while let Some(next) = folders.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let key = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                    server.put(&key, std::fs::read(&path).unwrap());
                }
            }
        }
        server
    }

    /// Returns what to give as `--source`.
    pub(crate) fn url(&self) -> &str {
        self.http.url()
    }

    /// Serves bytes under a key; its date is a minute later than that of any object before.
    pub(crate) fn put(&self, key: &str, bytes: impl Into<Bytes>) {
        self.state().put(key, bytes.into());
    }

    /// Serves an archive, and its checksum as spot files have it.
    pub(crate) fn publish(&self, key: &str, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.put(&format!("{key}.CHECKSUM"), checksum_text(key, &bytes));
        self.put(key, bytes);
    }

    /// Returns every key that is served, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.state().bucket.iter().map(|(key, _)| key.to_owned()).collect()
    }

    /// Serves the same bytes of a key under another entity tag.
    pub(crate) fn set_etag(&self, key: &str, etag: &str) {
        self.state().bucket.set_etag(key, etag);
    }

    /// Serves a key no longer.
    pub(crate) fn remove(&self, key: &str) {
        self.state().bucket.remove(key);
    }

    /// Serves bytes under a key, as changed at this time.
    pub(crate) fn put_at(&self, key: &str, bytes: impl Into<Bytes>, time: &str) {
        self.state().bucket.put(key, bytes.into(), time.parse().unwrap());
    }

    /// Leaves keys that contain this out of listings.
    pub(crate) fn hide(&self, part: &str) {
        self.state().hidden.insert(part.to_owned());
    }

    /// Makes the next requests for a key meet faults, one each.
    pub(crate) fn script(&self, key: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(key.to_owned()).or_default().extend(faults);
    }

    /// Forgets the faults that were not met.
    pub(crate) fn clear_faults(&self) {
        self.state().faults.clear();
    }

    /// Says what listing requests meet from now on.
    pub(crate) fn set_listing(&self, listing: Listing) {
        self.state().listing = listing;
    }

    /// Says how many entries a page of a listing has.
    pub(crate) fn set_page_size(&self, keys: usize) {
        self.state().page_size = keys;
    }

    /// Returns the requests so far, and forgets them.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// Returns how many requests of a kind came for keys that end like this.
    pub(crate) fn count(&self, kind: Kind, ending: &str) -> usize {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.kind == kind && seen.key.ends_with(ending))
            .count()
    }

    /// Returns how many archives were requested.
    pub(crate) fn downloads(&self) -> usize {
        self.count(Kind::Get, ".zip")
    }

    fn state(&self) -> MutexGuard<'_, Served> {
        self.state.lock().unwrap()
    }
}

/// Returns a checksum file's text for an archive's bytes.
pub(crate) fn checksum_text(key: &str, bytes: &[u8]) -> String {
    let sum: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{sum}  {}", key.rsplit('/').next().unwrap())
}

impl Served {
    fn put(&mut self, key: &str, bytes: Bytes) {
        let newest = self.bucket.iter().map(|(_, object)| object.modified()).max();
        let first = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let modified = newest.map_or(first, |newest| newest + chrono::TimeDelta::minutes(1));
        self.bucket.put(key, bytes, modified);
    }

    fn list(&self, requested: &mirror::Listing) -> String {
        let mut shown = self.bucket.clone();
        for (key, _) in self.bucket.iter() {
            if self.hidden.iter().any(|hidden| key.contains(hidden.as_str())) {
                shown.remove(key);
            }
        }
        shown.list(requested, self.page_size)
    }
}

async fn answer(State(state): State<Arc<Mutex<Served>>>, request: Request) -> Response<Body> {
    let answer = answer_or_wait(&mut state.lock().unwrap(), &request);
    match answer {
        Ok(answer) => answer,
        Err((awaited, mut came)) => {
            let requested =
                |_: &usize| state.lock().unwrap().seen.iter().any(|seen| seen.key == awaited);
            came.wait_for(requested).await.unwrap();
            let served = state.lock().unwrap();
            let key = request.uri().path().trim_start_matches('/');
            send(served.bucket.get(key).unwrap().answer(request.headers()), None)
        }
    }
}

/// Returns the answer, or the key that must be requested first.
fn answer_or_wait(
    served: &mut Served,
    request: &Request,
) -> Result<Response<Body>, (String, watch::Receiver<usize>)> {
    let requested = BucketRequest::parse(request.uri());
    let (kind, key, marker) = match &requested {
        BucketRequest::Listing(listing) => {
            (Kind::List, listing.prefix.clone(), listing.marker.clone())
        }
        BucketRequest::Object(key) if request.method() == Method::HEAD => {
            (Kind::Head, key.clone(), None)
        }
        BucketRequest::Object(key) => (Kind::Get, key.clone(), None),
    };
    let range =
        request.headers().get(header::RANGE).map(|range| range.to_str().unwrap().to_owned());
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    served.seen.push(Seen { kind, key: key.clone(), marker, range, authorization });
    served.came.send_modify(|came| *came += 1);
    let fault = match kind {
        Kind::Head => None,
        _ => served.faults.get_mut(&key).and_then(VecDeque::pop_front),
    };
    if let Some(Fault::HeldUntilRequested(awaited)) = fault {
        return Err((awaited, served.came.subscribe()));
    }
    Ok(match (fault, &requested) {
        (Some(Fault::Status(status)), _) => error(status, None),
        (Some(Fault::RetryAfter(status, value)), _) => error(status, Some(value)),
        (Some(Fault::Says(status, text)), _) => {
            let text = format!("<Error><Code>{text}</Code><Message>{text}</Message></Error>");
            Response::builder().status(status).body(Body::from(text)).unwrap()
        }
        (Some(Fault::Republish(bytes)), _) => {
            served.put(&key, bytes.into());
            error(503, None)
        }
        (_, BucketRequest::Listing(listing)) => match &served.listing {
            Listing::Normal => Response::new(Body::from(served.list(listing))),
            Listing::Off(status) => error(*status, None),
            Listing::Fixed(body) => Response::new(Body::from(body.clone())),
            Listing::Endless => Response::new(Body::from(endless_page(served.seen.len()))),
            Listing::Page => {
                Response::new(Body::from("<!DOCTYPE html><html><body>Index of data</body></html>"))
            }
        },
        (fault, BucketRequest::Object(key)) => {
            let headers = misread(request.headers().clone(), fault.as_ref());
            let answer = served
                .bucket
                .get(key)
                .map_or_else(mirror::missing, |object| object.answer(&headers));
            if kind == Kind::Head {
                answer.map(|_| Body::empty())
            } else {
                send(answer, fault.as_ref())
            }
        }
    })
}

/// A page that is as full as the one before it, has the same on it, and goes on elsewhere.
fn endless_page(number: usize) -> String {
    let entry = "<Contents><Key>data/spot/daily/klines/BTCUSDT/1h/a</Key><Size>1</Size></Contents>";
    format!(
        "<ListBucketResult><IsTruncated>true</IsTruncated>\
         <NextMarker>data/spot/daily/klines/BTCUSDT/1h/a{number:012}</NextMarker>{}\
         </ListBucketResult>",
        entry.repeat(10)
    )
}
