//! An object store in memory that speaks as much of S3 as a lake needs, on a port of its own.
//!
//! What makes commits safe is as strict as in S3: a conditional `PUT` is looked at and stored under
//! one lock. Tests have answers get lost, and count requests afterwards. Dropping the server ends
//! it.

mod objects;

use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, Response, header};
use objects::Objects;

use crate::support::http_server::HttpServer;

/// The only bucket there is.
const BUCKET: &str = "bucket";

/// A request that came: its path within the bucket, whether conditional or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) key: String,
}

/// The server.
pub(crate) struct S3Server {
    http: HttpServer,
    state: Arc<Mutex<Served>>,
}

#[derive(Default)]
struct Served {
    objects: Objects,
    lost: Vec<Lost>,
    seen: Vec<Seen>,
    conditions: Conditions,
}

/// What becomes of conditional writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Conditions {
    #[default]
    Kept,
    /// They overwrite, as if there were no condition.
    Ignored,
    /// Each is answered with 409, and nothing is written.
    Conflicting,
}

/// Conditional `PUT`s of keys that contain this are done and answered with this status, so many
/// times.
struct Lost {
    part: String,
    status: u16,
    times: usize,
}

impl S3Server {
    /// Starts a server whose bucket is empty.
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(Served::default()));
        let http = HttpServer::start(Router::new().fallback(answer).with_state(Arc::clone(&state)));
        Self { http, state }
    }

    /// Returns where the server is.
    pub(crate) fn endpoint(&self) -> &str {
        self.http.url()
    }

    /// Returns the URL of a lake in the bucket.
    pub(crate) fn lake(&self, name: &str) -> String {
        format!("s3://{BUCKET}/{name}")
    }

    /// Lets a program reach the bucket.
    pub(crate) fn admit(&self, program: &mut Command) {
        program.env("AWS_ENDPOINT_URL", self.http.url()).env("AWS_REGION", "us-east-1");
        program.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
    }

    /// Says how many entries a page of a listing has at most.
    pub(crate) fn set_page_size(&self, entries: usize) {
        self.state().objects.page_size = entries;
    }

    /// Says what becomes of conditional writes from now on.
    pub(crate) fn set_conditions(&self, conditions: Conditions) {
        self.state().conditions = conditions;
    }

    /// Has the next conditional writes of keys that contain `part` stored and answered with a
    /// failure.
    pub(crate) fn lose_answers(&self, part: &str, status: u16, times: usize) {
        self.state().lost.push(Lost { part: part.to_owned(), status, times });
    }

    /// Returns how many answers are still to be lost.
    pub(crate) fn answers_to_lose(&self) -> usize {
        self.state().lost.iter().map(|lost| lost.times).sum()
    }

    /// Returns the keys that begin like this, in order.
    pub(crate) fn keys(&self, prefix: &str) -> Vec<String> {
        self.state().objects.keys(prefix)
    }

    /// Returns the content of an object.
    pub(crate) fn object(&self, key: &str) -> Vec<u8> {
        self.state().objects.content(key)
    }

    /// Puts an object, without a request.
    pub(crate) fn put_object(&self, key: &str, bytes: &[u8]) {
        self.state().objects.store(key, Bytes::copy_from_slice(bytes));
    }

    /// Returns the requests so far, and forgets them.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    fn state(&self) -> MutexGuard<'_, Served> {
        self.state.lock().unwrap()
    }
}

async fn answer(State(state): State<Arc<Mutex<Served>>>, request: Request) -> Response<Body> {
    let (mut head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let mut served = state.lock().unwrap();
    let requested = Asked::parse(&head);
    served.seen.push(Seen { method: head.method.clone(), key: requested.key.clone() });
    let conditional =
        head.method == Method::PUT && head.headers.contains_key(header::IF_NONE_MATCH);
    match served.conditions {
        Conditions::Conflicting if conditional => {
            return objects::refusal(409, "ConditionalRequestConflict").map(Body::from);
        }
        Conditions::Ignored => drop(head.headers.remove(header::IF_NONE_MATCH)),
        _ => {}
    }
    let answer = served.objects.answer(&head, &requested, body);
    match served
        .lost
        .iter_mut()
        .find(|lost| conditional && lost.times > 0 && requested.key.contains(&lost.part))
    {
        Some(lost) if answer.status().is_success() => {
            lost.times -= 1;
            objects::refusal(lost.status, "InternalError").map(Body::from)
        }
        _ => answer.map(Body::from),
    }
}

/// What a request is about: a key of the bucket (empty for the bucket itself) and the query's
/// parameters.
struct Asked {
    key: String,
    query: Vec<(String, String)>,
}

impl Asked {
    fn parse(head: &Parts) -> Self {
        let path = percent_encoding::percent_decode_str(head.uri.path()).decode_utf8().unwrap();
        let key = path
            .trim_start_matches('/')
            .strip_prefix(BUCKET)
            .unwrap()
            .trim_start_matches('/')
            .to_owned();
        let query = url::form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
        Self { key, query: query.into_owned().collect() }
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// An answer whose body is whole.
type Answer = Response<Bytes>;
