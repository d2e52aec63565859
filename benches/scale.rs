//! How the costs of the program grow with what a lake holds: files of a table, commits of its log,
//! and archives in the ledger.
//!
//! `cargo bench -p lakehouse --bench scale`; in the development profile `cargo bench --profile dev
//! -p lakehouse --bench scale`. Each job is a process of its own on a lake that is made here: some
//! real archives, and files that are only in the log. `SCALE_F` is how many files the larger lake
//! has, a tenth of them the smaller one; `SCALE_N` is how many archives are ingested beside them,
//! `SCALE_B` how many commits a log without a checkpoint has, and `SCALE_A` how many archives the
//! larger ledger has. A part whose size is 0 is left out. `SCALE_KEEP=DIR` makes such a
//! lake in that folder, with `SCALE_A` made-up archives if that is set, and stops.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops when it cannot run, and prints figures"
)]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{Days, NaiveDate};
use lakehouse::scale::{MadeUp, make_up_archives, make_up_files};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_samples::SampleOptions;
use support::measure::{Cost, measure};
use support::{Folders, Served, clock, day, lake, program, size};

/// Days that made-up files are spread over, as the archive's are.
const DAYS: u32 = 3_000;
const SYMBOLS: u32 = 20;

fn main() {
    let files = size("SCALE_F", 100_000);
    if let Some(folder) = std::env::var_os("SCALE_KEEP") {
        let folder = PathBuf::from(folder);
        let archives = size("SCALE_A", 0);
        let scene = Scene::new();
        scene.make(&folder, files, 10_000);
        scene.add_archives(&folder, archives);
        println!(
            "made a lake with {files} files in its log and {archives} archives in its ledger in {}",
            folder.display()
        );
        return;
    }
    let scene = Scene::new();
    println!("{:<34} {:>9} {:>9} {:>9} {:>9}", "job", "size", "CPU s", "wall s", "peak MiB");
    for files in [files / 10, files].into_iter().filter(|files| *files > 0) {
        scene.read_many_files(files);
    }
    let archives = size("SCALE_A", 1_000_000);
    for archives in [archives / 10, archives].into_iter().filter(|archives| *archives > 0) {
        scene.know_many_archives(archives);
    }
    let commits = size("SCALE_B", 300);
    if commits > 0 {
        scene.follow_commits(commits);
    }
}

/// The archives of all jobs, served on this machine.
struct Scene {
    folders: Folders,
    first: Served,
    later: Served,
    later_archives: usize,
}

impl Scene {
    fn new() -> Self {
        let later = keys(1 + size("SCALE_N", 500).div_ceil(SYMBOLS));
        let (first, later) = later.split_at(SYMBOLS as usize);
        Self {
            folders: Folders::default(),
            first: Served::new(first, &SampleOptions::small(1)),
            later: Served::new(later, &SampleOptions::small(1)),
            later_archives: later.len(),
        }
    }

    /// Makes a lake with one day of real archives and so many made-up files.
    fn make(&self, folder: &Path, files: u32, files_of_a_commit: u32) {
        self.first.ingest(folder);
        let made_up = MadeUp { files, files_of_a_commit, days: DAYS };
        let (lake, clock) = (lake(folder), clock());
        let made = make_up_files(&lake, "klines", made_up, &clock);
        self.first.runtime.block_on(made).unwrap();
    }

    fn read_many_files(&self, files: u32) {
        let folder = self.folders.empty();
        self.make(&folder, files, 10_000);
        let size = format!("F={files}");
        self.ask(&folder, &format!("{size} log"), "count(*)", "SELECT count(*) FROM silver.klines");
        let cost = run(&folder, &["maintain", "--dry-run"]);
        show("maintain, planned", &size, cost);
        // Planning writes nothing, so the checkpoint of the log is made by the library.
        self.checkpoint(&folder);
        let date = day();
        for (job, sql) in [
            ("count(*)", "SELECT count(*) FROM silver.klines".to_owned()),
            (
                "count(*) of a market",
                "SELECT count(*) FROM silver.klines WHERE market = 'spot'".to_owned(),
            ),
            (
                "a row by day, symbol and time",
                format!(
                    "SELECT close FROM silver.klines WHERE date = '{date}' AND symbol = 'S001USDT' \
                     AND open_time = '{date}T12:00:00Z'"
                ),
            ),
            (
                "a symbol, whatever the day",
                "SELECT sum(volume) FROM silver.klines WHERE symbol = 'S001USDT'".to_owned(),
            ),
            ("a day", format!("SELECT sum(volume) FROM silver.klines WHERE date = '{date}'")),
        ] {
            self.ask(&folder, &size, job, &sql);
        }
        self.ingest_beside(&folder, &size);
    }

    fn know_many_archives(&self, archives: u32) {
        let folder = self.folders.empty();
        self.first.ingest(&folder);
        self.add_archives(&folder, archives);
        let size = format!("A={archives}");
        let source = self.first.url();
        show("plan of one symbol", &size, {
            let symbol = ["--market", "spot", "--data-type", "klines", "--symbol", "S001USDT"];
            run(&folder, &[&["plan", "--source", source], &symbol[..]].concat())
        });
        let nothing_new = ["ingest", "--all", "--source", source];
        show("ingest, nothing new", &size, run(&folder, &nothing_new));
        self.ingest_beside(&folder, &size);
        show("status", &size, run(&folder, &["status"]));
        show("rebuild the ledger", &size, run(&folder, &["maintain", "--rebuild-ledger"]));
    }

    fn add_archives(&self, folder: &Path, archives: u32) {
        let (lake, clock) = (lake(folder), clock());
        let matrix = Arc::new(Matrix::builtin().unwrap());
        let made = make_up_archives(&lake, "klines", matrix, archives, &clock);
        self.first.runtime.block_on(made).unwrap();
        self.checkpoint(folder);
    }

    /// Asks a question whose answer needs no made-up file.
    fn ask(&self, folder: &Path, size: &str, job: &str, sql: &str) {
        show(job, size, run(folder, &["query", sql]));
    }

    fn checkpoint(&self, folder: &Path) {
        for table in ["silver/klines", "meta/archives"] {
            let url = url::Url::from_directory_path(folder.join(table)).unwrap();
            self.first.runtime.block_on(async {
                let table = deltalake::open_table(url).await.unwrap();
                deltalake::checkpoints::create_checkpoint(&table, None).await.unwrap();
            });
        }
    }

    fn ingest_beside(&self, folder: &Path, size: &str) {
        let source = self.later.url();
        let cost = run(folder, &["ingest", "--all", "--source", source, "--batch-size", "20"]);
        show(&format!("ingest {} archives", self.later_archives), size, cost);
    }

    fn follow_commits(&self, commits: u32) {
        let folder = self.folders.empty();
        self.make(&folder, commits, 1);
        let size = format!("B={commits}");
        self.ask(&folder, &size, "count(*)", "SELECT count(*) FROM silver.klines");
        self.ingest_beside(&folder, &size);
        self.ask(&folder, &size, "count(*) after the ingest", "SELECT count(*) FROM silver.klines");
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Cost {
    let mut program = program();
    program.args(arguments).arg("-q").arg("--lake").arg(folder);
    measure(&mut program)
}

fn show(job: &str, size: &str, cost: Cost) {
    let seconds = |time: Duration| time.as_secs_f64();
    let Cost { cpu, wall, peak_mib } = cost;
    println!("{job:<34} {size:>9} {:>9.2} {:>9.2} {peak_mib:>9}", seconds(cpu), seconds(wall));
}

/// Returns the keys of hourly bars of every symbol, for so many days up to the day of the samples,
/// newest first.
fn keys(days: u32) -> Vec<ArchiveKey> {
    let matrix = Matrix::builtin().unwrap();
    let key = |symbol: u32, day: NaiveDate| {
        let symbol = format!("S{symbol:03}USDT");
        let path = format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-{day}.zip");
        matrix.identify(&path).unwrap()
    };
    let days = (0..days).map(|back| day().checked_sub_days(Days::new(back.into())).unwrap());
    days.flat_map(|day| (0..SYMBOLS).map(move |symbol| (symbol, day)))
        .map(|(symbol, day)| key(symbol, day))
        .collect()
}
