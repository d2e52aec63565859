//! The summary of a run: the events of [`super`], counted.
//!
//! Events are counted here only, so that the summary is the same with and without a terminal.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use lakehouse_core::ledger::ArchiveStatus;
use serde::Serialize;

use super::document::TableVersions;
use super::{Event, MESSAGES, ModelOutcome, ModelReport, Reporter};
use crate::audit::{CheckOutcome, CheckReport, OpenRows};
use crate::storage::lake::Layer;

/// Failures that are named one by one; the others are counted, and in `meta.archives`.
pub(crate) const NAMED_FAILURES: usize = 10;

/// The figures of one run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The identifier in commits and in `meta.runs`; none if nothing was to be done.
    #[serde(skip)]
    pub run: Option<Arc<str>>,
    pub archives: Archives,
    /// Folders of the source that could not be listed.
    pub unlisted: u64,
    /// Rows that were committed to silver.
    pub rows: u64,
    /// Rows that could not be read, which are in `meta.rejects`.
    pub rejected_rows: u64,
    /// Rows outside their archive's period that were left to the archives of their days.
    pub left_rows: u64,
    /// Bytes that were downloaded.
    pub bytes: u64,
    /// Requests to the source: for folders, archives, checksums.
    pub requests: u64,
    /// Requests that were tried again.
    pub retries: u64,
    /// Commits to silver tables.
    pub commits: u64,
    /// The tables of silver and gold that have new versions.
    pub tables: Vec<TableVersions>,
    /// Gold tables that were built, or failed.
    pub gold: GoldFigures,
    /// What an audit at the end of the run did; left out without one.
    #[serde(skip_serializing_if = "AuditFigures::is_empty")]
    pub audit: AuditFigures,
    /// What a fill did; left out without one.
    #[serde(skip_serializing_if = "FillFigures::is_empty")]
    pub fill: FillFigures,
    pub seconds: f64,
    /// The first of the archives that failed.
    pub failures: Vec<Failure>,
    pub warnings: Vec<String>,
}

/// The archives of a run, counted by outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Archives {
    /// Stored in bronze, or there already.
    pub stored: u64,
    /// In silver for the first time.
    pub new: u64,
    /// Held already, as they are published.
    pub skipped: u64,
    /// In silver in place of an earlier version.
    pub corrected: u64,
    pub not_published: u64,
    /// Neither in silver nor known to be absent, for whatever reason.
    pub failed: u64,
}

/// The gold tables of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GoldFigures {
    /// Tables with a new version.
    pub built: u64,
    /// Partitions that were computed.
    pub partitions: u64,
    /// Rows of these.
    pub rows: u64,
    /// Tables that are not what they should be.
    pub failed: u64,
}

impl GoldFigures {
    fn count(&mut self, model: &ModelReport) {
        self.built += u64::from(model.outcome == ModelOutcome::Built);
        self.partitions += model.partitions;
        self.rows += model.rows;
        self.failed += u64::from(model.is_failure());
    }
}

/// The audit at the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditFigures {
    /// Checks that looked at days.
    pub checks: u64,
    /// Checks that could not be run.
    pub failed: u64,
    /// Findings and gaps that are new.
    pub opened: u64,
    /// Findings and gaps that no longer hold.
    pub closed: u64,
    /// Findings that are open.
    pub findings: u64,
    /// Those of severity error.
    pub errors: u64,
    /// Gaps that are open.
    pub gaps: u64,
    /// Those for which no reason is known.
    pub unknown_gaps: u64,
}

impl AuditFigures {
    fn count(&mut self, check: &CheckReport) {
        self.checks += u64::from(check.outcome == CheckOutcome::Audited);
        self.failed += u64::from(check.is_failure());
        self.opened += check.opened;
        self.closed += check.closed;
    }

    fn finish(&mut self, open: &OpenRows) {
        self.findings = open.severities.values().sum();
        self.errors = open.errors();
        (self.gaps, self.unknown_gaps) = open.gap_counts();
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What was requested from the exchange's API, and what came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FillFigures {
    /// Provisional rows that were committed.
    pub rows: u64,
    /// Provisional rows that left, since the archive has them.
    pub replaced: u64,
    /// Rows that could not be kept.
    pub rejected: u64,
    /// Answers that were received.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Bytes of the answers.
    pub bytes: u64,
    /// The tables with new versions.
    #[serde(skip)]
    pub tables: Vec<TableVersions>,
}

impl FillFigures {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// An archive that did not reach silver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub archive: String,
    pub status: String,
    pub reason: String,
}

impl Summary {
    /// Returns whether some archives or gold tables failed or rows were rejected.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        self.archives.failed > 0
            || self.rejected_rows > 0
            || self.unlisted > 0
            || self.gold.failed > 0
            || self.audit.errors > 0
            || self.audit.failed > 0
            || self.fill.failed > 0
    }

    /// Counts one event.
    pub fn count(&mut self, event: &Event) {
        match event {
            Event::Started { run } => self.run = Some(Arc::clone(run)),
            Event::Skipped { archives } => self.archives.skipped += archives,
            Event::Corrected { archives } => {
                self.archives.corrected += archives;
                self.archives.new = self.archives.new.saturating_sub(*archives);
            }
            Event::Unlisted { .. } => self.unlisted += 1,
            Event::Downloaded { bytes, .. } => self.bytes += bytes,
            Event::Requested { .. } => self.requests += 1,
            Event::Retried { .. } => self.retries += 1,
            Event::DownloadFinished { stored: true, .. } => self.archives.stored += 1,
            Event::Decoded { rejected, .. } => self.rejected_rows += rejected,
            Event::Left { rows, .. } => self.left_rows += rows,
            Event::Committed { table, version, archives, rows } if table.layer == Layer::Silver => {
                TableVersions::add(&mut self.tables, &table.to_string(), *version, Some(*rows));
                self.archives.new += archives;
                self.rows += rows;
                self.commits += 1;
            }
            Event::Failed { status, .. } if *status == ArchiveStatus::NotPublished.as_str() => {
                self.archives.not_published += 1;
            }
            Event::Failed { archive, status, reason } => self.fail(archive, status, reason),
            Event::Model(model) => self.count_model(model),
            Event::Check(check) => self.audit.count(check),
            Event::Audited(open) => self.audit.finish(open),
            Event::Filled(figures) => self.count_fill(figures),
            Event::Warning(text) if !self.warnings.contains(text) => {
                self.warnings.push(text.clone());
            }
            _ => {}
        }
    }

    fn count_model(&mut self, model: &ModelReport) {
        self.gold.count(model);
        if let Some(version) = model.version {
            TableVersions::add(&mut self.tables, &model.table, version, Some(model.rows));
        }
    }

    fn count_fill(&mut self, figures: &FillFigures) {
        self.requests += figures.requests;
        self.bytes += figures.bytes;
        self.rejected_rows += figures.rejected;
        self.tables.extend(figures.tables.iter().cloned());
        self.fill = figures.clone();
    }

    /// Returns the figures after a run of this length.
    #[must_use]
    pub fn after(mut self, elapsed: Duration) -> Self {
        self.seconds = elapsed.as_millis() as f64 / 1000.0;
        self
    }

    /// Writes the figures to the logs.
    pub(crate) fn log(&self) {
        let Archives { new, skipped, corrected, not_published, failed, .. } = self.archives;
        let Self { rows, rejected_rows, bytes, requests, retries, unlisted, seconds, .. } = *self;
        let gold_built = self.gold.built;
        let gold_rows = self.gold.rows;
        let gold_failed = self.gold.failed;
        tracing::info!(
            target: MESSAGES,
            new, skipped, corrected, not_published, failed, unlisted,
            rows, rejected_rows, bytes, requests, retries,
            gold_built, gold_rows, gold_failed, seconds,
            "summary"
        );
    }

    fn fail(&mut self, archive: &str, status: &str, reason: &str) {
        self.archives.failed += 1;
        if self.failures.len() < NAMED_FAILURES {
            self.failures.push(Failure {
                archive: archive.to_owned(),
                status: status.to_owned(),
                reason: reason.to_owned(),
            });
        }
    }
}

/// Counts the events of a run and passes them on to be shown.
pub struct Counting {
    summary: Mutex<Summary>,
    started: Instant,
    next: Arc<dyn Reporter>,
}

impl Counting {
    /// Begins to count; made before the planning, so that the figures are those of a whole run.
    #[must_use]
    pub fn new(next: Arc<dyn Reporter>) -> Self {
        Self { summary: Mutex::default(), started: Instant::now(), next }
    }

    /// Returns the figures so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner).clone();
        summary.after(self.started.elapsed())
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counting").field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Reporter for Counting {
    fn report(&self, event: Event) {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner).count(&event);
        self.next.report(event);
    }
}

impl fmt::Display for Summary {
    /// Writes archives by outcome, then rows and bytes, then gold, a line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Archives { new, skipped, corrected, not_published, failed, .. } = self.archives;
        write!(f, "archives: {new} new, {skipped} skipped, {corrected} corrected, ")?;
        writeln!(f, "{not_published} not published, {failed} failed")?;
        let Self { rows, rejected_rows, left_rows, seconds, .. } = self;
        let bytes = ByteSize(self.bytes).display().iec();
        write!(f, "{rows} rows, {rejected_rows} rejected, {bytes} in {seconds:.1} s")?;
        if *left_rows > 0 {
            write!(f, ", {left_rows} left to the archives of their days")?;
        }
        if self.unlisted > 0 {
            write!(f, ", {} folders could not be listed", self.unlisted)?;
        }
        match self.retries {
            0 => {}
            1 => f.write_str(", 1 retry")?,
            retries => write!(f, ", {retries} retries")?,
        }
        if self.gold.built + self.gold.failed > 0 {
            write!(f, "\ngold: {}", self.gold)?;
        }
        if !self.audit.is_empty() {
            write!(f, "\naudit: {}", self.audit)?;
        }
        Ok(())
    }
}

impl fmt::Display for GoldFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { built, partitions, rows, failed } = self;
        write!(f, "{built} built, {failed} failed; {partitions} partitions, {rows} rows")
    }
}

impl fmt::Display for AuditFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { failed, opened, closed, findings, errors, gaps, unknown_gaps, .. } = self;
        write!(f, "{findings} findings, {errors} of them errors; {gaps} gaps, {unknown_gaps} of ")?;
        write!(f, "them for no known reason; {opened} opened, {closed} closed")?;
        if *failed > 0 { write!(f, "; {failed} checks failed") } else { Ok(()) }
    }
}
