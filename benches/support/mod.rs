//! What the benches of whole runs share: a mirror of made-up archives, lakes in temporary folders,
//! sizes.

#![allow(dead_code, reason = "each bench uses its part of it")]

pub(crate) mod measure;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use chrono::NaiveDate;
use lakehouse::clock::Clock;
use lakehouse::events::Silent;
use lakehouse::events::summary::{Counting, Summary};
use lakehouse::ingest::Ingest;
use lakehouse::source::{Timeouts, open_source};
use lakehouse::storage::lake::Lake;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Selection;
use lakehouse_samples::SampleOptions;
use lakehouse_samples::mirror::{Mirror, sample_bucket};
use tokio::runtime::Runtime;

/// Returns the program that is measured: the one that was built with the bench, or the file that
/// `LAKEHOUSE_BENCH_PROGRAM` names, such as a published binary.
pub(crate) fn program() -> Command {
    let named = std::env::var_os("LAKEHOUSE_BENCH_PROGRAM");
    Command::new(named.unwrap_or_else(|| env!("CARGO_BIN_EXE_lakehouse").into()))
}

/// Archives of a run, served on this machine, and the threads that serve and ingest them.
pub(crate) struct Served {
    pub(crate) runtime: Runtime,
    mirror: Mirror,
    matrix: Arc<Matrix>,
    schemas: Arc<Schemas>,
}

impl Served {
    /// Makes the archives and serves them.
    pub(crate) fn new(keys: &[ArchiveKey], options: &SampleOptions) -> Self {
        let runtime = Runtime::new().unwrap();
        let bucket = sample_bucket(keys, options).unwrap();
        let mirror = runtime.block_on(Mirror::start(bucket)).unwrap();
        let (matrix, schemas) =
            (Arc::new(Matrix::builtin().unwrap()), Arc::new(Schemas::builtin().unwrap()));
        Self { runtime, mirror, matrix, schemas }
    }

    /// Returns where the archives are served.
    pub(crate) fn url(&self) -> &str {
        self.mirror.url()
    }

    /// Ingests everything into the lake in a folder: listing, plan, download, checksums, tables.
    pub(crate) fn ingest(&self, folder: &Path) -> Summary {
        let ingest = Ingest::new(
            lake(folder),
            open_source(self.mirror.url(), None, Timeouts::default()).unwrap(),
            Arc::clone(&self.matrix),
            Arc::clone(&self.schemas),
            Selection::default().targets(&self.matrix).unwrap(),
        );
        let clock = clock();
        let counting = Arc::new(Counting::new(Arc::new(Silent)));
        self.runtime.block_on(async {
            let plan =
                ingest.plan(clock.now().date_naive(), &(Arc::clone(&counting) as _)).await.unwrap();
            ingest.run(&plan, &counting, &clock).await.unwrap()
        })
    }
}

/// Opens the lake in a folder.
pub(crate) fn lake(folder: &Path) -> Lake {
    Lake::open(folder.to_str().unwrap()).unwrap()
}

/// The day of which archives are made.
pub(crate) fn day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 5, 6).unwrap()
}

/// Reads a size from the environment.
pub(crate) fn size(variable: &str, default: u32) -> u32 {
    match std::env::var_os(variable) {
        None => default,
        Some(text) => text.to_str().and_then(|text| text.parse().ok()).unwrap(),
    }
}

/// Folders of lakes that are to be filled, one for each run, removed together at the end.
#[derive(Default)]
pub(crate) struct Folders(Mutex<Vec<tempfile::TempDir>>);

impl Folders {
    /// Makes an empty folder.
    pub(crate) fn empty(&self) -> std::path::PathBuf {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        self.0.lock().unwrap().push(folder);
        path
    }
}

/// Returns the clock of the machine.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench is a program of its own, which tells its runs the time"
)]
pub(crate) fn clock() -> Clock {
    Clock::new(|| SystemTime::now().into())
}
