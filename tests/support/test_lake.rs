//! A lake in a folder of its own: ingested into as a library or by the program, and read by SQL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command as Program;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Parser;
use futures::TryStreamExt;
use lakehouse::cli::{Cli, Command};
use lakehouse::clock::Clock;
use lakehouse::events::summary::{Counting, Summary};
use lakehouse::events::{Reporter, Silent};
use lakehouse::gold::{Gold, GoldReport, load_models};
use lakehouse::ingest::{Ingest, MemoryBudget, RefreshPlan};
use lakehouse::query::{Session, SessionOptions};
use lakehouse::settings::{Environment, Settings};
use lakehouse::source::open_source;
use lakehouse::source::retry::RetryPolicy;
use lakehouse::storage::lake::Lake;
use lakehouse_core::plan::Plan;
use lakehouse_core::schema::Schemas;
use lakehouse_core::selection::Targets;
use tempfile::TempDir;

use crate::support::command::{Run, lakehouse};
use crate::support::recorder::Recorder;

/// What an ingest planned, and what it came to.
pub(crate) struct Ingested {
    pub(crate) plan: Plan,
    pub(crate) summary: Summary,
}

/// What a refresh planned, what it came to, and the requests that were tried again, listings
/// included.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(crate) plan: RefreshPlan,
    pub(crate) summary: Summary,
    pub(crate) retries: usize,
}

/// The lake, and a clock that goes on by a second whenever it is read.
pub(crate) struct TestLake {
    folder: TempDir,
    seconds: Arc<AtomicI64>,
}

impl TestLake {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), seconds: Arc::default() }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("lake")
    }

    /// Ingests from a source, with flags as of the command line.
    pub(crate) async fn ingest(&self, source: &str, flags: &[&str]) -> Ingested {
        self.ingest_within(source, flags, &MemoryBudget::default()).await
    }

    /// Ingests as [`TestLake::ingest`] does, with so much memory for rows.
    pub(crate) async fn ingest_within(
        &self,
        source: &str,
        flags: &[&str],
        memory: &MemoryBudget,
    ) -> Ingested {
        let recorder = Recorder::new();
        let ingest = Ingest { memory: memory.clone(), ..self.prepare(source, flags) };
        let clock = self.clock();
        let counting = Arc::new(Counting::new(recorder));
        let plan = Box::pin(ingest.plan(clock.now().date_naive(), &(Arc::clone(&counting) as _)))
            .await
            .unwrap();
        let summary = Box::pin(ingest.run(&plan, &counting, &clock)).await.unwrap();
        Ingested { plan, summary }
    }

    /// Refreshes what the lake tracks, on the first day of December 2026, as the library.
    pub(crate) async fn refresh(&self, source: &str, flags: &[&str], full: bool) -> Refreshed {
        let recorder = Recorder::new();
        let everything = [&["--all"], flags].concat();
        let ingest = Ingest { targets: Targets::none(), ..self.prepare(source, &everything) };
        let (clock, counting) = (self.clock(), Arc::new(Counting::new(Arc::clone(&recorder) as _)));
        let reporter = Arc::clone(&counting) as _;
        let plan = Box::pin(ingest.plan_refresh(clock.now(), full, &reporter)).await.unwrap();
        let summary = Box::pin(ingest.run(&plan.plan, &counting, &clock)).await.unwrap();
        Refreshed { plan, summary, retries: recorder.retries() }
    }

    /// Refreshes at this time, as a lake with so many series that they are not all listed.
    pub(crate) async fn refresh_at(&self, source: &str, now: DateTime<Utc>, full: bool) {
        let prepared = self.prepare(source, &["--all"]);
        let ingest = Ingest { targets: Targets::none(), listed_each_time: 0, ..prepared };
        let counting = Arc::new(Counting::new(Recorder::new()));
        let reporter = Arc::clone(&counting) as _;
        let plan = Box::pin(ingest.plan_refresh(now, full, &reporter)).await.unwrap();
        let clock = Clock::new(move || now);
        Box::pin(ingest.run(&plan.plan, &counting, &clock)).await.unwrap();
    }

    /// Brings gold tables up to date, after the work was changed.
    pub(crate) async fn gold_with(&self, change: impl FnOnce(&mut Gold)) -> GoldReport {
        let schemas = Arc::new(Schemas::builtin().unwrap());
        let models = Arc::new(load_models(&schemas, None).unwrap());
        let lake = Lake::open(self.path().to_str().unwrap()).unwrap();
        let mut gold = Gold::new(lake, models, schemas);
        change(&mut gold);
        let reporter: Arc<dyn Reporter> = Arc::new(Silent);
        gold.build(&reporter, &self.clock()).await.unwrap()
    }

    /// Runs the program on this lake: `run("ingest", &["--all"])`.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Run {
        self.program(command, arguments).output().unwrap().into()
    }

    /// Returns the program, to be run on this lake.
    pub(crate) fn program(&self, command: &str, arguments: &[&str]) -> Program {
        let lake = self.path();
        let mut program = lakehouse(self.folder.path());
        program.arg(command).args(["--lake", lake.to_str().unwrap()]).args(arguments);
        program
    }

    /// Returns the rows that a statement finds.
    pub(crate) async fn batches(&self, sql: &str) -> Vec<RecordBatch> {
        let lake = Lake::open(self.path().to_str().unwrap()).unwrap();
        let session = Session::open(&lake, SessionOptions::default()).unwrap();
        let rows =
            Box::pin(session.sql(sql)).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.try_collect().await.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns the rows that a statement finds as text, one line each, values apart by ` | `.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        self.batches(sql).await.iter().flat_map(lines).collect()
    }

    /// Returns the one value that a statement finds, as text.
    pub(crate) async fn value(&self, sql: &str) -> String {
        let rows = self.rows(sql).await;
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.into_iter().next().unwrap()
    }

    /// Returns what the ledger says of archives whose key ends like this: `columns` of every row,
    /// oldest first.
    pub(crate) async fn ledger(&self, ending: &str, columns: &str) -> Vec<String> {
        let newest = "CASE status WHEN 'superseded' THEN 0 ELSE 1 END";
        let of = format!("archive LIKE '%{ending}' ORDER BY archive, {newest}, recorded_at");
        self.rows(&format!("SELECT {columns} FROM meta.archives WHERE {of}")).await
    }

    /// Returns the newest version of every table, by its folder: `silver/klines`.
    pub(crate) fn versions(&self) -> BTreeMap<String, u64> {
        let mut versions = BTreeMap::new();
        for layer in ["silver", "gold", "meta"] {
            let folders = entries(&self.path().join(layer));
            for table in folders.into_iter().filter(|entry| entry.is_dir()) {
                let log = entries(&table.join("_delta_log"));
                let version = |file: &PathBuf| file.file_stem()?.to_str()?.parse().ok();
                let newest = log.iter().filter_map(version).max().unwrap();
                versions
                    .insert(format!("{layer}/{}", table.file_name().unwrap().display()), newest);
            }
        }
        versions
    }

    /// Returns the data files that lie in a table's folder, whether a version of it knows them or
    /// not.
    pub(crate) fn data_files(&self, table: &str) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.path().join(table)]);
        while let Some(folder) = folders.pop() {
            let (inner, here): (Vec<_>, Vec<_>) =
                entries(&folder).into_iter().partition(|path| path.is_dir());
            folders.extend(inner.into_iter().filter(|path| !path.ends_with("_delta_log")));
            files.extend(here);
        }
        files
    }

    fn prepare(&self, source: &str, flags: &[&str]) -> Ingest {
        let lake = self.path();
        let fixed = ["lakehouse", "ingest", "--lake", lake.to_str().unwrap(), "--source", source];
        let cli = Cli::try_parse_from(fixed.iter().chain(flags)).unwrap();
        let Command::Ingest(parsed) = cli.command else { panic!("not an ingest") };
        let settings = Settings::resolve(&cli.global, Environment::default()).unwrap();
        let settings = settings.ingest(&parsed, self.clock().now().date_naive()).unwrap();
        let mut fetch = settings.fetch;
        fetch.retry = RetryPolicy { base: Duration::ZERO, longest: Duration::ZERO, ..fetch.retry };
        let ingest = Ingest::new(
            Lake::open(&settings.lake).unwrap(),
            open_source(settings.source.expose(), None, settings.timeouts).unwrap(),
            Arc::new(settings.matrix.clone()),
            Arc::new(Schemas::builtin().unwrap()),
            settings.selection.targets(&settings.matrix).unwrap(),
        );
        Ingest { fetch, batch: settings.batch, threads: 2, command: flags.join(" "), ..ingest }
    }

    fn clock(&self) -> Clock {
        let start: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().unwrap();
        let seconds = Arc::clone(&self.seconds);
        Clock::new(move || start + TimeDelta::seconds(seconds.fetch_add(1, Ordering::Relaxed)))
    }
}

/// Returns the rows of a batch as lines of text; an absent value is empty.
pub(crate) fn lines(batch: &RecordBatch) -> Vec<String> {
    let columns: Vec<_> =
        batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap()).collect();
    let cells = |row| columns.iter().map(move |column| column.as_string::<i32>().value(row));
    (0..batch.num_rows()).map(|row| cells(row).collect::<Vec<_>>().join(" | ")).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder)
        .map(|found| found.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default()
}
