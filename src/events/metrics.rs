//! Figures of the last run for a monitoring system, in a file that its collector reads.
//!
//! The figures are gauges: they are those of one run, not sums. The file is replaced as a whole, so
//! that nobody reads half of it. A run that fails keeps the time of the last success that the file
//! has.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use anyhow::Context;
use chrono::{DateTime, Utc};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::summary::{Archives, Summary};
use crate::output::{OutputFile, check_folder};

const LAST_SUCCESS: &str = "lakehouse_last_success_timestamp_seconds";

/// Where figures go, if anywhere.
#[derive(Clone, Debug)]
pub(crate) struct MetricsFile(Option<PathBuf>);

/// How a run ended, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// As the process would return it; 0 is a success.
    pub(crate) exit_code: u8,
    pub(crate) at: DateTime<Utc>,
}

impl MetricsFile {
    /// Takes the file that a user named; its folder must be there.
    pub(crate) fn open(path: Option<PathBuf>) -> anyhow::Result<Self> {
        if let Some(path) = &path {
            check_folder("--metrics-file", path)?;
        }
        Ok(Self(path))
    }

    /// Writes the figures of a run.
    pub(crate) fn record(&self, summary: &Summary, ended: Ended) -> anyhow::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let last_success =
            if ended.exit_code == 0 { Some(seconds(ended.at)) } else { last_success(path) };
        write(path, &describe(summary, ended, last_success))
            .with_context(|| format!("cannot write the metrics to {}", path.display()))
    }
}

/// Writes figures in the text format.
fn describe(summary: &Summary, ended: Ended, last_success: Option<f64>) -> String {
    let mut registry = Registry::default();
    let archives = Family::<Vec<(&'static str, &'static str)>, Gauge>::default();
    for (outcome, count) in outcomes(&summary.archives) {
        archives.get_or_create(&vec![("outcome", outcome)]).set(whole(count));
    }
    registry.register("lakehouse_run_archives", "Archives of the last run by outcome", archives);
    for (name, help, count) in counts(summary, ended) {
        let gauge = Gauge::<i64>::default();
        gauge.set(whole(count));
        registry.register(name, help, gauge);
    }
    let times = [
        ("lakehouse_run_duration_seconds", "How long the last run took", Some(summary.seconds)),
        (
            "lakehouse_run_end_timestamp_seconds",
            "When the last run ended, as a Unix time",
            Some(seconds(ended.at)),
        ),
        (LAST_SUCCESS, "When a run last ended with exit code 0, as a Unix time", last_success),
    ];
    for (name, help, value) in times {
        if let Some(value) = value {
            register_time(&mut registry, name, help, value);
        }
    }
    let mut text = String::new();
    // Writing to a text does not fail.
    let _ = encode(&mut text, &registry);
    text
}

/// Returns the name, help text and value of each count.
fn counts(summary: &Summary, ended: Ended) -> [(&'static str, &'static str, u64); 12] {
    [
        ("lakehouse_run_rows", "Rows that the last run committed to silver", summary.rows),
        (
            "lakehouse_run_rejected_rows",
            "Rows that the last run could not read",
            summary.rejected_rows,
        ),
        ("lakehouse_run_bytes", "Bytes that the last run downloaded", summary.bytes),
        ("lakehouse_run_requests", "Requests of the last run to the source", summary.requests),
        (
            "lakehouse_run_retries",
            "Requests of the last run that were tried again",
            summary.retries,
        ),
        ("lakehouse_run_commits", "Commits of the last run to silver tables", summary.commits),
        (
            "lakehouse_run_gold_tables_built",
            "Gold tables that the last run built",
            summary.gold.built,
        ),
        (
            "lakehouse_run_gold_tables_failed",
            "Gold tables that the last run failed to build",
            summary.gold.failed,
        ),
        ("lakehouse_run_gold_rows", "Rows that the last run committed to gold", summary.gold.rows),
        (
            "lakehouse_run_provisional_rows",
            "Provisional rows that the last run committed",
            summary.fill.rows,
        ),
        (
            "lakehouse_run_unlisted_folders",
            "Folders that the last run could not list",
            summary.unlisted,
        ),
        (
            "lakehouse_run_exit_code",
            "0 done, 1 some archives failed or rows were rejected, 2 nothing could be done",
            u64::from(ended.exit_code),
        ),
    ]
}

const fn outcomes(archives: &Archives) -> [(&'static str, u64); 5] {
    let Archives { new, skipped, corrected, not_published, failed, .. } = *archives;
    [
        ("new", new),
        ("skipped", skipped),
        ("corrected", corrected),
        ("not_published", not_published),
        ("failed", failed),
    ]
}

fn register_time(registry: &mut Registry, name: &str, help: &str, value: f64) {
    let gauge = Gauge::<f64, AtomicU64>::default();
    gauge.set(value);
    registry.register(name, help, gauge);
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn seconds(time: DateTime<Utc>) -> f64 {
    time.timestamp_millis() as f64 / 1000.0
}

/// Reads the time of the last success from the existing file.
fn last_success(path: &Path) -> Option<f64> {
    // Reading from a pipe would wait for somebody to write to it.
    fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(LAST_SUCCESS)?.trim().parse().ok())
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write_all(text.as_bytes())?;
    file.finish()
}
