//! What a user sees while work goes on, on standard error: a bar per stage, notes, warnings, a
//! summary.
//!
//! Workers report events to [`TerminalReporter`] and know nothing of terminals. It decides which
//! events are shown, and `bars` draws. Counting them is the business of [`crate::events`].

pub mod console;
pub(crate) mod failure;
pub mod logs;
pub mod usage;

mod bars;

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lakehouse_core::ledger::ArchiveStatus;

use self::bars::{Bars, Figures, size};
pub use self::console::Console;
use self::console::MessageKind;
use self::logs::Verbosity;
use crate::cli::ProgressWhen;
use crate::events::summary::{NAMED_FAILURES, Summary};
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
    fn choose(
        console: Console,
        when: ProgressWhen,
        verbosity: Verbosity,
        is_terminal: bool,
    ) -> Self {
        match (verbosity, when, is_terminal) {
            (Verbosity::Quiet, ..) => Self::Warnings,
            _ if console.writes_logs() => Self::Messages,
            (_, ProgressWhen::Always, true) | (Verbosity::Normal, ProgressWhen::Auto, true) => {
                Self::Bars
            }
            (_, ProgressWhen::Always, false) => Self::Lines,
            _ => Self::Messages,
        }
    }
}

/// Shows events on standard error.
#[derive(Debug)]
pub struct TerminalReporter {
    console: Console,
    view: View,
    bars: Bars,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Messages that were shown, of which none is shown again.
    shown: HashSet<String>,
    failures: usize,
    /// Bytes that are still to come of each archive that is being downloaded.
    missing: HashMap<Arc<str>, u64>,
    figures: Figures,
}

impl TerminalReporter {
    /// Makes a reporter; bars are drawn on a terminal, unless logs (`-v`) would run through them.
    #[must_use]
    pub fn new(console: Console, when: ProgressWhen, verbosity: Verbosity) -> Self {
        Self::with_view(console, View::choose(console, when, verbosity, io::stderr().is_terminal()))
    }

    /// Makes a reporter that shows as much as this one and has received nothing yet.
    #[must_use]
    pub fn restarted(&self) -> Self {
        Self::with_view(self.console, self.view)
    }

    fn with_view(console: Console, view: View) -> Self {
        Self { console, view, bars: Bars::new(view == View::Bars), state: Mutex::default() }
    }

    /// Returns where messages go that are not events.
    #[must_use]
    pub(crate) const fn console(&self) -> Console {
        self.console
    }

    /// Takes the bars away.
    pub fn finish(&self) {
        self.bars.clear();
    }

    /// Takes the bars away and shows a summary.
    pub fn conclude(&self, summary: &Summary) {
        self.finish();
        if self.console.writes_logs() {
            summary.log();
        } else if self.view != View::Warnings {
            self.console.info(&summary.to_string());
        }
    }

    /// Shows a line above the bars, once however often it is reported.
    fn show_once(&self, kind: MessageKind, line: &str) {
        if self.state().shown.insert(line.to_owned()) {
            self.bars.suspend(|| self.console.show(kind, line));
        }
    }

    /// Shows the first failures one by one; the summary counts the others.
    fn show_failure(&self, archive: &str, status: &str, reason: &str) {
        if status == ArchiveStatus::NotPublished.as_str() {
            return;
        }
        let failures = {
            let mut state = self.state();
            state.failures += 1;
            state.failures
        };
        if failures <= NAMED_FAILURES {
            self.show_once(MessageKind::Failure, &format!("{status}: {archive}: {reason}"));
        }
    }

    fn show_message(&self, event: &Event) {
        match event {
            Event::Note(text) if self.view != View::Warnings => {
                self.show_once(MessageKind::Note, text);
            }
            Event::Warning(text) => self.show_once(MessageKind::Warning, text),
            Event::Unlisted { prefix, reason } => {
                self.show_once(MessageKind::Warning, &format!("cannot list {prefix}: {reason}"));
            }
            Event::Model(model) if model.is_failure() => {
                self.show_once(MessageKind::Failure, &model.to_string());
            }
            Event::Check(check) if check.is_failure() => {
                self.show_once(MessageKind::Failure, &check.to_string());
            }
            Event::Failed { archive, status, reason } => self.show_failure(archive, status, reason),
            _ => {}
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
            Event::Verified { bytes } => {
                state.figures.verified_bytes += bytes;
                self.bars.verified(state.figures);
            }
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
        self.show_message(&event);
        match self.view {
            View::Bars => self.draw(&event),
            View::Lines => {
                if let Some(line) = plain_line(&event) {
                    self.show_once(MessageKind::Info, &line);
                }
            }
            View::Messages | View::Warnings => {}
        }
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
