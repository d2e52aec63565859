//! A server with one archive, a lake in a folder of its own, and the shorthand to fetch the one
//! into the other.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lakehouse::bronze::{BronzeArchive, FetchOptions, FetchOutcome, Fetcher};
use lakehouse::source::retry::RetryPolicy;
use lakehouse::source::{Timeouts, open_source};
use lakehouse::storage::Storage;
use lakehouse_core::listing::Published;
use lakehouse_core::matrix::Matrix;
use tempfile::TempDir;

use crate::support::archive_server::ArchiveServer;
use crate::support::recorder::Recorder;

/// The archive that most tests fetch.
pub(crate) const KEY: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";

/// A lake's bronze in a folder of its own, and a fetcher into it.
pub(crate) struct Bench {
    pub(crate) server: ArchiveServer,
    pub(crate) lake: TempDir,
    pub(crate) recorder: Arc<Recorder>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            server: ArchiveServer::start(),
            lake: tempfile::tempdir().unwrap(),
            recorder: Recorder::new(),
        }
    }

    pub(crate) fn fetcher(&self, options: FetchOptions) -> Arc<Fetcher> {
        let source = open_source(self.server.url(), None, impatient()).unwrap();
        let bronze = Storage::open(self.bronze().to_str().unwrap()).unwrap();
        Arc::new(Fetcher::new(source, &bronze, options, Arc::clone(&self.recorder) as _).unwrap())
    }

    /// Returns the file that a killed run left.
    pub(crate) fn part(&self) -> Option<PathBuf> {
        let folder = std::fs::read_dir(self.bronze().join(".partial")).ok()?;
        let mut files = folder.map(|entry| entry.unwrap().path());
        files.find(|path| path.extension().is_some_and(|ending| ending == "part"))
    }

    pub(crate) async fn fetch(&self) -> FetchOutcome {
        self.fetch_with(options()).await
    }

    pub(crate) async fn fetch_with(&self, options: FetchOptions) -> FetchOutcome {
        self.fetcher(options).fetch(&published(KEY)).await.outcome
    }

    pub(crate) fn bronze(&self) -> PathBuf {
        self.lake.path().join("bronze")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.bronze().join("spot/klines/BTCUSDT/1h")
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder().join("BTCUSDT-1h-2026-05-08.zip")
    }

    pub(crate) fn partials(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.bronze().join(".partial"))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        files.filter(|path| path.file_name().unwrap() != "lock").collect()
    }
}

/// Fetches the archive with all retry_budget, into a bronze that is named.
pub(crate) async fn fetch_into(source: &str, bronze: &str) -> FetchOutcome {
    let source = open_source(source, None, Timeouts::default()).unwrap();
    let bronze = Storage::open(bronze).unwrap();
    let fetcher = Fetcher::new(source, &bronze, options(), Recorder::new()).unwrap();
    fetcher.fetch(&published(KEY)).await.outcome
}

pub(crate) fn impatient() -> Timeouts {
    Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() }
}

pub(crate) fn options() -> FetchOptions {
    let retry = RetryPolicy { retries: 4, base: Duration::ZERO, longest: Duration::ZERO };
    FetchOptions { retry, ..FetchOptions::default() }
}

pub(crate) fn published(key: &str) -> Published {
    Published::unlisted(Matrix::builtin().unwrap().identify(key).unwrap())
}

pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[track_caller]
pub(crate) fn stored(outcome: FetchOutcome) -> BronzeArchive {
    match outcome {
        FetchOutcome::Stored(archive) => archive,
        other => panic!("not stored: {other:?}"),
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| {
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        })
        .unwrap_or_default();
    names.sort();
    names
}
