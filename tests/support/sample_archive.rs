//! A made-up archive in a folder, commands that work on it, and what a lake made of it holds.

use std::path::Path;
use std::process::{Command, Stdio};

use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::Market;
use lakehouse_samples::{KeyOptions, SampleOptions, sample_checksum, sample_keys, sample_zip};
use tempfile::TempDir;

/// Everything that must not differ between two lakes that hold the same archives.
const CONTENT: &[&str] = &[
    "SELECT archive, market, date, count(*) AS n, sum(volume) AS volume, sum(trade_count) AS \
     trades, min(open_time) AS first, max(open_time) AS last FROM silver.klines GROUP BY ALL \
     ORDER BY archive, date",
    "SELECT archive, market, date, count(*) AS n, sum(qty) AS qty, sum(price) AS price, min(id) AS \
     first, max(id) AS last FROM silver.trades GROUP BY ALL ORDER BY archive, date",
    "SELECT archive, status, checksum, sha256, rows, rejected_rows FROM meta.archives ORDER BY \
     archive, sha256",
    "SELECT archive, line, reason FROM meta.rejects ORDER BY archive, line",
    "SELECT archive, old_sha256, new_sha256, rows_added, rows_removed, rows_changed FROM \
     meta.changes ORDER BY archive, old_sha256, new_sha256",
];

/// A made-up archive of some days of klines and trades in a folder.
pub(crate) struct SampleArchive {
    pub(crate) folder: TempDir,
    pub(crate) keys: Vec<ArchiveKey>,
}

impl SampleArchive {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let matrix = Matrix::builtin().unwrap();
        let options = KeyOptions::two_days_from("2024-03-05".parse().unwrap());
        let hour = "1h".parse().unwrap();
        let wanted = |key: &ArchiveKey| {
            let small = key.interval().is_none_or(|interval| interval == hour);
            small
                && key.market() <= Market::FuturesUm
                && ["klines", "trades"].contains(&key.data_type().as_str())
        };
        let keys: Vec<_> = sample_keys(&matrix, &options).into_iter().filter(wanted).collect();
        let archive = Self { folder, keys };
        archive.keys.iter().for_each(|key| archive.publish(key, 1));
        archive
    }

    /// Publishes an archive, or another version of it.
    pub(crate) fn publish(&self, key: &ArchiveKey, seed: u64) {
        let zip = sample_zip(key, &SampleOptions::small(seed)).unwrap();
        let path = self.folder.path().join(key.path());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(self.folder.path().join(key.checksum_path()), sample_checksum(key, &zip))
            .unwrap();
        std::fs::write(path, zip).unwrap();
    }

    /// Returns the command that ingests everything in small batches.
    pub(crate) fn ingest(&self, lake: &Path) -> Command {
        self.ingest_by(4, lake)
    }

    /// Returns the command that ingests everything archive by archive, so that files are many and
    /// small.
    pub(crate) fn ingest_singly(&self, lake: &Path) -> Command {
        self.ingest_by(1, lake)
    }

    fn ingest_by(&self, batch_size: usize, lake: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
        command.args(["ingest", "--all", "--stage", "silver", "--progress", "never", "-q"]);
        command.args(["--batch-size", &batch_size.to_string()]);
        command.arg("--source");
        command.arg(self.folder.path()).arg("--lake").arg(lake);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs until there is nothing left to do and returns what the lake holds then.
    pub(crate) fn complete(&self, lake: &Path) -> Vec<String> {
        assert!(self.ingest(lake).status().unwrap().success());
        content(lake)
    }
}

/// Returns what a lake holds, in an order that does not depend on how it came there.
pub(crate) fn content(lake: &Path) -> Vec<String> {
    content_through(lake.to_str().unwrap(), |_| {})
}

/// Returns what a lake holds that a program reaches only with some more settings.
pub(crate) fn content_through(lake: &str, admit: impl Fn(&mut Command)) -> Vec<String> {
    let answer = |sql: &&str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
        admit(command.args(["query", "--format", "csv", sql, "--lake", lake]));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    CONTENT.iter().map(answer).collect()
}
