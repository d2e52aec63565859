//! Answers as they were received, in `bronze/api/`.
//!
//! An answer is a file: a line of JSON with the request, the time and the SHA-256 of what follows,
//! then the bytes as they came; compressed with zstd. Its name has the range that was requested and
//! the time of the answer, so no answer takes the place of another. A run that begins soon after
//! one that died finds the answers which that one had received.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt;
use lakehouse_core::fill::ApiRequest;
use lakehouse_core::names::archive::Series;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;
use tokio::sync::Mutex;

use crate::failpoint::step;
use crate::recent::{SCHEME, stamp};
use crate::source::api::ApiAnswer;
use crate::storage::StorageError;
use crate::storage::lake::{Lake, Layer, TableName};

/// The folder of answers in bronze.
const FOLDER: &str = "api";
/// How long an answer may be taken for what the API would answer now: long enough to run a command
/// again, short enough that what the exchange completes later is requested.
const REUSED_FOR: TimeDelta = TimeDelta::minutes(15);
/// Bytes of an answer with its first line.
const LONGEST: u64 = 16 << 20;

/// An answer that could not be kept or read.
#[derive(Debug, Error)]
pub(crate) enum AnswersError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("cannot {verb} bronze/{path}")]
    Store { verb: &'static str, path: String, source: object_store::Error },
    #[error("cannot compress bronze/{path}")]
    Compress { path: String, source: std::io::Error },
}

/// An answer, and what it is called in the lake.
#[derive(Clone, Debug)]
pub(super) struct KeptAnswer {
    /// `api:` and its path below bronze/api.
    pub(super) source: String,
    pub(super) sha256: String,
    pub(super) body: Bytes,
    pub(super) received_at: DateTime<Utc>,
    pub(super) is_reused: bool,
}

/// The first line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct AnswerNote {
    request: String,
    received_at: DateTime<Utc>,
    sha256: String,
    bytes: usize,
}

/// The answers of a lake.
#[derive(Debug)]
pub(super) struct KeptAnswers {
    store: Arc<dyn ObjectStore>,
    /// Names of files by folder, as they were when it was first looked into.
    listed: Mutex<BTreeMap<Path, Listed>>,
}

/// The names of files in a folder from some name on, in order. Names begin with the time that was
/// requested, so earlier answers need not be listed, however many there are.
#[derive(Clone, Debug)]
struct Listed {
    from: String,
    names: Arc<Vec<String>>,
}

impl KeptAnswers {
    pub(super) fn open(lake: &Lake) -> Result<Self, AnswersError> {
        Ok(Self { store: lake.bronze()?.store(), listed: Mutex::default() })
    }

    /// Returns a recent answer to the same request, if there is one that is whole.
    pub(super) async fn find(
        &self,
        request: &ApiRequest,
        now: DateTime<Utc>,
    ) -> Result<Option<KeptAnswer>, AnswersError> {
        let folder = folder(&request.series);
        let range = range(request);
        let names = self.names(&folder, &range).await?;
        let Some(name) = names.iter().rfind(|name| name.starts_with(&range)) else {
            return Ok(None);
        };
        let path = folder.clone().join(name.as_str());
        let failed = |source| AnswersError::Store { verb: "read", path: path.to_string(), source };
        let file = self.store.get(&path).await.map_err(failed)?;
        let bytes = file.bytes().await.map_err(failed)?;
        let answer = unpacked(&bytes, source(&path));
        Ok(answer.filter(|answer| now - answer.received_at < REUSED_FOR))
    }

    /// Keeps an answer durably.
    pub(super) async fn keep(
        &self,
        request: &ApiRequest,
        url: &str,
        answer: ApiAnswer,
    ) -> Result<KeptAnswer, AnswersError> {
        let ApiAnswer { body, received_at } = answer;
        let name = format!("{}_{}.json.zst", range(request), stamp(received_at));
        let path = folder(&request.series).join(name);
        let sha256 = hex::encode(Sha256::digest(&body));
        let note = AnswerNote {
            request: url.to_owned(),
            received_at,
            sha256: sha256.clone(),
            bytes: body.len(),
        };
        let compressed = packed(&note, &body)
            .map_err(|source| AnswersError::Compress { path: path.to_string(), source })?;
        let failed = |source| AnswersError::Store { verb: "write", path: path.to_string(), source };
        self.store.put(&path, compressed.into()).await.map_err(failed)?;
        step("answer kept", &TableName::new(Layer::Recent, "answers"));
        Ok(KeptAnswer { source: source(&path), sha256, body, received_at, is_reused: false })
    }

    /// Returns the names of a folder, of which those before `from` may lack.
    async fn names(&self, folder: &Path, from: &str) -> Result<Arc<Vec<String>>, AnswersError> {
        let mut listed = self.listed.lock().await;
        if let Some(known) = listed.get(folder).filter(|known| known.from.as_str() <= from) {
            return Ok(Arc::clone(&known.names));
        }
        let failed =
            |source| AnswersError::Store { verb: "list", path: folder.to_string(), source };
        let offset = folder.clone().join(from);
        let files = self.store.list_with_offset(Some(folder), &offset);
        let files: Vec<_> = files.try_collect().await.map_err(failed)?;
        let name = |file: &object_store::ObjectMeta| file.location.filename().map(str::to_owned);
        let mut names: Vec<String> = files.iter().filter_map(name).collect();
        names.sort();
        let names = Arc::new(names);
        let found = Listed { from: from.to_owned(), names: Arc::clone(&names) };
        listed.insert(folder.clone(), found);
        Ok(names)
    }
}

fn source(path: &Path) -> String {
    let below = path.as_ref().strip_prefix(FOLDER).unwrap_or(path.as_ref());
    format!("{SCHEME}{}", below.trim_start_matches('/'))
}

fn folder(series: &Series) -> Path {
    let mut parts = vec![
        FOLDER.to_owned(),
        series.market.to_string(),
        series.data_type.to_string(),
        series.symbol.to_string(),
    ];
    parts.extend(series.interval.map(|interval| interval.to_string()));
    Path::from_iter(parts)
}

/// Begins the name of an answer to a request.
fn range(request: &ApiRequest) -> String {
    format!("{}_{}", stamp(request.range.from), stamp(request.range.until))
}

fn packed(note: &AnswerNote, body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut whole = serde_json::to_vec(note)?;
    whole.push(b'\n');
    whole.extend_from_slice(body);
    zstd::encode_all(whole.as_slice(), 0)
}

/// Reads an answer; nothing if it is not what its first line says.
fn unpacked(compressed: &[u8], source: String) -> Option<KeptAnswer> {
    let mut whole = Vec::new();
    let decoder = zstd::Decoder::new(compressed).ok()?;
    decoder.take(LONGEST).read_to_end(&mut whole).ok()?;
    let end = whole.iter().position(|byte| *byte == b'\n')?;
    let note: AnswerNote = serde_json::from_slice(&whole[..end]).ok()?;
    let body = Bytes::from(whole).slice(end + 1..);
    let sha256 = hex::encode(Sha256::digest(&body));
    let received_at = note.received_at;
    (sha256 == note.sha256).then_some(KeptAnswer {
        source,
        sha256,
        body,
        received_at,
        is_reused: true,
    })
}
