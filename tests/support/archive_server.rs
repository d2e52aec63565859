//! A server that speaks as the archive does, and misbehaves as it is told to.
//!
//! It serves keys from memory on a port of its own, with the bucket's listing at `/?prefix=…`. Tests script
//! faults key by key, and count the requests afterwards. Dropping it ends it, whatever still hangs.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use chrono::{DateTime, Utc};
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

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
    /// A part is sent from one byte further than was asked for, and says so.
    WrongRange,
    /// The whole is sent though a part was asked for.
    IgnoreRange,
    /// The part is sent without looking at `If-Range`, under the current entity tag.
    IgnoreIfRange,
    /// Other bytes are published, and this request gets a 503.
    Republish(Vec<u8>),
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
}

/// The server.
pub(crate) struct ArchiveServer {
    url: String,
    state: Arc<Mutex<Served>>,
    _stop: oneshot::Sender<Infallible>,
}

#[derive(Default)]
struct Served {
    objects: BTreeMap<String, Object>,
    hidden: BTreeSet<String>,
    faults: HashMap<String, VecDeque<Fault>>,
    listing: Listing,
    page_size: usize,
    seen: Vec<Seen>,
}

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    modified: DateTime<Utc>,
    /// Where it is not the usual one, which is made of the bytes.
    etag: Option<String>,
}

impl Object {
    fn etag(&self) -> String {
        if let Some(etag) = &self.etag {
            return etag.clone();
        }
        let sum: String = Sha256::digest(&self.bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("\"{sum}\"")
    }

    fn last_modified(&self) -> String {
        httpdate::fmt_http_date(self.modified.into())
    }
}

impl ArchiveServer {
    /// Starts an empty server.
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Served { page_size: 1000, ..Served::default() }));
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = axum::serve(listener, app) => served.unwrap(),
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { url, state, _stop: stop }
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
        &self.url
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
        self.state().objects.keys().cloned().collect()
    }

    /// Serves a key no longer.
    pub(crate) fn remove(&self, key: &str) {
        self.state().objects.remove(key);
    }

    /// Serves the same bytes of a key under another entity tag.
    pub(crate) fn set_etag(&self, key: &str, etag: &str) {
        self.state().objects.get_mut(key).unwrap().etag = Some(etag.to_owned());
    }

    /// Serves a key as changed at this time.
    pub(crate) fn set_modified(&self, key: &str, time: &str) {
        self.state().objects.get_mut(key).unwrap().modified = time.parse().unwrap();
    }

    /// Leaves keys that contain this out of listings.
    pub(crate) fn hide(&self, part: &str) {
        self.state().hidden.insert(part.to_owned());
    }

    /// Makes the next requests for a key meet faults, one each.
    pub(crate) fn script(&self, key: &str, faults: impl IntoIterator<Item = Fault>) {
        self.state().faults.entry(key.to_owned()).or_default().extend(faults);
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
        self.state().seen.iter().filter(|seen| seen.kind == kind && seen.key.ends_with(ending)).count()
    }

    /// Returns how many archives were asked for.
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
        let newest = self.objects.values().map(|object| object.modified).max();
        let first = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
        let modified = newest.map_or(first, |newest| newest + chrono::TimeDelta::minutes(1));
        self.objects.insert(key.to_owned(), Object { bytes, modified, etag: None });
    }

    fn list(&self, query: &HashMap<String, String>) -> String {
        let empty = String::new();
        let prefix = query.get("prefix").unwrap_or(&empty);
        let marker = query.get("marker").unwrap_or(&empty);
        let delimiter = query.get("delimiter");
        let mut entries: BTreeMap<String, Option<&Object>> = BTreeMap::new();
        let shown = |key: &str| !self.hidden.iter().any(|hidden| key.contains(hidden.as_str()));
        for (key, object) in self.objects.iter().filter(|(key, _)| key.starts_with(prefix) && shown(key)) {
            let folder = delimiter.and_then(|_| key[prefix.len()..].find('/')).map(|at| &key[..=prefix.len() + at]);
            match folder {
                Some(folder) => entries.insert(folder.to_owned(), None),
                None => entries.insert(key.clone(), Some(object)),
            };
        }
        let after: Vec<_> = entries.into_iter().filter(|(name, _)| name > marker).collect();
        let page = &after[..after.len().min(self.page_size)];
        let truncated = page.len() < after.len();
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult>");
        xml.push_str(&format!("<Name>archive</Name><Prefix>{}</Prefix>", escape(prefix)));
        xml.push_str(&format!("<IsTruncated>{truncated}</IsTruncated>"));
        if let Some((last, _)) = page.last().filter(|_| truncated && delimiter.is_some()) {
            xml.push_str(&format!("<NextMarker>{}</NextMarker>", escape(last)));
        }
        for (name, object) in page {
            match object {
                None => xml.push_str(&format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", escape(name))),
                Some(object) => xml.push_str(&format!(
                    "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                    escape(name),
                    object.modified.format("%Y-%m-%dT%H:%M:%S.000Z"),
                    escape(&object.etag()),
                    object.bytes.len(),
                )),
            }
        }
        xml + "</ListBucketResult>"
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

async fn answer(State(state): State<Arc<Mutex<Served>>>, request: Request) -> Response<Body> {
    let mut served = state.lock().unwrap();
    let path = percent_encoding::percent_decode_str(request.uri().path()).decode_utf8().unwrap().into_owned();
    let key = path.trim_start_matches('/').to_owned();
    let query = request.uri().query().unwrap_or_default();
    let query: HashMap<String, String> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let listing = key.is_empty();
    let kind = match (listing, request.method()) {
        (true, _) => Kind::List,
        (false, &Method::HEAD) => Kind::Head,
        (false, _) => Kind::Get,
    };
    let range = text(request.headers(), header::RANGE);
    let seen_key = if listing { query.get("prefix").cloned().unwrap_or_default() } else { key.clone() };
    let marker = query.get("marker").cloned();
    served.seen.push(Seen { kind, key: seen_key.clone(), marker, range });
    let fault = match kind {
        Kind::Head => None,
        _ => served.faults.get_mut(&seen_key).and_then(VecDeque::pop_front),
    };
    match fault {
        Some(Fault::Status(status)) => error(status, None),
        Some(Fault::RetryAfter(status, value)) => error(status, Some(value)),
        Some(Fault::Republish(bytes)) => {
            served.put(&key, bytes.into());
            error(503, None)
        }
        fault => plain(&served, &seen_key, kind, &query, request.headers(), fault.as_ref()),
    }
}

/// Answers as the archive would, but for a fault in the body.
fn plain(
    served: &Served,
    key: &str,
    kind: Kind,
    query: &HashMap<String, String>,
    headers: &HeaderMap,
    fault: Option<&Fault>,
) -> Response<Body> {
    if kind == Kind::List {
        return match served.listing {
            Listing::Normal => Response::new(Body::from(served.list(query))),
            Listing::Off(status) => error(status, None),
            Listing::Page => Response::new(Body::from("<!DOCTYPE html><html><body>Index of data</body></html>")),
        };
    }
    match served.objects.get(key) {
        Some(object) => serve(object, kind == Kind::Head, headers, fault),
        None => error(404, None),
    }
}

fn serve(object: &Object, head: bool, headers: &HeaderMap, fault: Option<&Fault>) -> Response<Body> {
    let size = object.bytes.len();
    let response = Response::builder()
        .header(header::ETAG, object.etag())
        .header(header::LAST_MODIFIED, object.last_modified())
        .header(header::ACCEPT_RANGES, "bytes");
    let unchanged = text(headers, header::IF_RANGE)
        .is_none_or(|condition| condition == object.etag() || condition == object.last_modified());
    let asked = text(headers, header::RANGE)
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok())
        .filter(|_| !matches!(fault, Some(Fault::IgnoreRange)))
        .filter(|_| unchanged || matches!(fault, Some(Fault::IgnoreIfRange)));
    let (response, bytes) = match asked {
        Some(start) if start >= size => return error(416, None),
        Some(start) => {
            let start = if matches!(fault, Some(Fault::WrongRange)) { (start + 1).min(size - 1) } else { start };
            let range = format!("bytes {start}-{}/{size}", size - 1);
            let response = response.status(StatusCode::PARTIAL_CONTENT).header(header::CONTENT_RANGE, range);
            (response, object.bytes.slice(start..))
        }
        None => (response, object.bytes.clone()),
    };
    let announced = response.header(header::CONTENT_LENGTH, bytes.len());
    if head {
        return announced.body(Body::empty()).unwrap();
    }
    match fault {
        Some(Fault::CutAfter(sent)) => {
            let broken = futures::stream::iter([Err(std::io::Error::other("cut"))]);
            let sent = futures::stream::iter([Ok(bytes.slice(..*sent))]);
            announced.body(Body::from_stream(sent.chain(yielding()).chain(broken))).unwrap()
        }
        Some(Fault::StallAfter(sent)) => {
            let sent = futures::stream::iter([Ok::<_, std::io::Error>(bytes.slice(..*sent))]);
            announced.body(Body::from_stream(sent.chain(futures::stream::pending()))).unwrap()
        }
        Some(Fault::Corrupt) => {
            let mut corrupt = bytes.to_vec();
            *corrupt.last_mut().unwrap() ^= 1;
            announced.body(Body::from(corrupt)).unwrap()
        }
        Some(Fault::Shorten(lacking)) => {
            let sent = futures::stream::iter([Ok::<_, Infallible>(bytes.slice(..bytes.len() - lacking))]);
            Response::new(Body::from_stream(sent))
        }
        _ => announced.body(Body::from(bytes)).unwrap(),
    }
}

/// Lets the server write out what was sent before the connection breaks.
fn yielding() -> impl futures::Stream<Item = Result<Bytes, std::io::Error>> {
    futures::stream::once(async {
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
        Ok(Bytes::new())
    })
}

fn error(status: u16, retry_after: Option<&str>) -> Response<Body> {
    let mut response = Response::builder().status(status);
    if let Some(value) = retry_after {
        response = response.header(header::RETRY_AFTER, value);
    }
    let document = "<?xml version=\"1.0\"?><Error><Code>Scripted</Code><Message>as the test wants it</Message></Error>";
    response.body(Body::from(document)).unwrap()
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}
