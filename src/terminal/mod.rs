//! What a user sees while work goes on, on standard error: a bar per stage, notes, warnings, a
//! summary.
//!
//! Workers tell events to [`TerminalReporter`] and know nothing of terminals; it decides what of
//! them is shown, and `bars` draws.

pub(crate) mod console;
pub(crate) mod failure;
pub mod logs;
pub mod usage;

mod bars;

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lakehouse_core::ledger::ArchiveStatus;

use self::bars::{Bars, Figures, size};
use self::console::Tone;
use self::logs::Verbosity;
use crate::cli::{ProgressWhen, ReportFormat};
use crate::events::summary::Summary;
use crate::events::{Event, ModelOutcome, Reporter};
use crate::storage::lake::Layer;

/// What may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Bars,
    /// Lines for what bars would show, where they cannot be drawn.
    Lines,
    /// Notes and warnings only.
    Messages,
    /// Warnings only.
    Warnings,
}

impl View {
    fn choose(when: ProgressWhen, verbosity: Verbosity, is_terminal: bool) -> Self {
        match (verbosity, when, is_terminal) {
            (Verbosity::Quiet, ..) => Self::Warnings,
            _ if console::tells_logs() => Self::Messages,
            (_, ProgressWhen::Always, true) | (Verbosity::Normal, ProgressWhen::Auto, true) => {
                Self::Bars
            }
            (_, ProgressWhen::Always, false) => Self::Lines,
            _ => Self::Messages,
        }
    }
}

/// Shows events on standard error and counts them.
#[derive(Debug)]
pub struct TerminalReporter {
    view: View,
    started: Instant,
    bars: Bars,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    summary: Summary,
    told: HashSet<String>,
    /// Bytes that are still to come of each archive that is being downloaded.
    missing: HashMap<Arc<str>, u64>,
    figures: Figures,
}

impl TerminalReporter {
    /// Makes a reporter; bars are drawn on a terminal, unless logs (`-v`) would run through them.
    #[must_use]
    pub fn new(when: ProgressWhen, verbosity: Verbosity) -> Self {
        let view = View::choose(when, verbosity, io::stderr().is_terminal());
        Self {
            view,
            started: Instant::now(),
            bars: Bars::new(view == View::Bars),
            state: Mutex::default(),
        }
    }

    /// Makes a reporter that shows as much as this one and has seen nothing yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        let bars = Bars::new(self.view == View::Bars);
        Self { view: self.view, started: Instant::now(), bars, state: Mutex::default() }
    }

    /// Takes the bars away and returns what the run came to so far.
    #[must_use]
    pub fn finish(&self) -> Summary {
        self.bars.clear();
        self.state().summary.clone().after(self.started.elapsed())
    }

    /// Takes the bars away and tells what the run came to: as text on standard error, as JSON on
    /// standard output.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn conclude(&self, format: ReportFormat) -> io::Result<Summary> {
        let summary = self.finish();
        match format {
            ReportFormat::Json => console::print_json(&summary)?,
            ReportFormat::Text if console::tells_logs() => summary.log(),
            ReportFormat::Text if self.view != View::Warnings => {
                console::tell(&summary.to_string())
            }
            ReportFormat::Text => {}
        }
        Ok(summary)
    }

    /// Shows a line above the bars, once however often it is told.
    fn tell_once(&self, tone: Tone, line: &str) {
        if self.state().told.insert(line.to_owned()) {
            self.bars.suspend(|| console::tell_as(tone, line));
        }
    }

    fn tell_failure(&self, archive: &str, status: &str, reason: &str) {
        let absent = status == ArchiveStatus::NotPublished.as_str();
        if !absent && self.state().summary.names_more_failures() {
            self.tell_once(Tone::Failure, &format!("{status}: {archive}: {reason}"));
        }
    }

    fn draw(&self, event: &Event) {
        let mut state = self.state();
        match event {
            Event::Listed { keys } => self.bars.listed(*keys),
            Event::Planned { archives, bytes } => {
                state.figures.planned += archives;
                self.bars.planned(*archives, *bytes, state.figures);
            }
            Event::DownloadStarted { archive, bytes } => {
                state.missing.insert(Arc::clone(archive), bytes.unwrap_or(0));
            }
            Event::Downloaded { archive, bytes } => {
                if let Some(missing) = state.missing.get_mut(archive) {
                    *missing = missing.saturating_sub(*bytes);
                }
                self.bars.downloaded(*bytes);
            }
            Event::DownloadFinished { archive, stored } => {
                let missing = state.missing.remove(archive).unwrap_or(0);
                state.figures.downloaded += 1;
                self.bars.download_finished(missing, *stored, state.figures);
            }
            Event::Decoded { bytes, .. } => {
                state.figures.decoded_bytes += bytes;
                self.bars.decoded(state.figures);
            }
            Event::Committed { table, archives, rows, .. } if table.layer == Layer::Silver => {
                state.figures.rows += rows;
                self.bars.committed(*archives, state.figures);
            }
            Event::Failed { .. } => self.bars.failed(),
            _ => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reporter for TerminalReporter {
    fn report(&self, event: Event) {
        event.log();
        match &event {
            Event::Note(text) if self.view != View::Warnings => self.tell_once(Tone::Note, text),
            Event::Warning(text) => self.tell_once(Tone::Warning, text),
            Event::Unlisted { prefix, reason } => {
                self.tell_once(Tone::Warning, &format!("cannot list {prefix}: {reason}"));
            }
            Event::Model(model) if model.is_failure() => {
                self.tell_once(Tone::Failure, &model.to_string())
            }
            Event::Failed { archive, status, reason } => self.tell_failure(archive, status, reason),
            _ => {}
        }
        match self.view {
            View::Bars => self.draw(&event),
            View::Lines => {
                plain_line(&event).into_iter().for_each(|line| self.tell_once(Tone::Plain, &line))
            }
            View::Messages | View::Warnings => {}
        }
        self.state().summary.count(&event);
    }
}

impl Drop for TerminalReporter {
    fn drop(&mut self) {
        self.bars.clear();
    }
}

fn plain_line(event: &Event) -> Option<String> {
    match event {
        Event::Planned { archives, bytes } => {
            Some(format!("planned: {archives} archives, {}", size(*bytes)))
        }
        Event::Committed { table, version, archives, rows } => {
            Some(format!("committed: {table} version {version}, {archives} archives, {rows} rows"))
        }
        Event::Model(model) if model.outcome == ModelOutcome::Built => Some(model.to_string()),
        _ => None,
    }
}
