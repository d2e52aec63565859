//! What every command can use: settings, clock, console, and reporters made of them.

use std::sync::Arc;

use anyhow::Context as _;
use chrono::NaiveDate;

use crate::cli::{GlobalFlags, SourceFlags};
use crate::clock::Clock;
use crate::settings::{DownloadSettings, Environment, Settings, SettingsError};
use crate::shutdown::Shutdown;
use crate::source::location::SourceUrl;
use crate::source::open_source;
use crate::storage::lake::Lake;
use crate::terminal::TerminalReporter;
use crate::terminal::console::{Console, MessageKind};
use crate::terminal::logs::Verbosity;
use crate::verify::ArchiveSource;

/// The surroundings of a command.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) global: GlobalFlags,
    pub(super) environment: Environment,
    pub(super) verbosity: Verbosity,
    pub(super) console: Console,
    pub(super) clock: Clock,
}

impl Context {
    /// Reads the configuration file, if there is one, and resolves the settings.
    pub(super) fn settings(&self) -> Result<Settings, SettingsError> {
        Settings::resolve(&self.global, self.environment.clone())
    }

    /// Returns the current day, UTC.
    pub(super) fn today(&self) -> NaiveDate {
        self.clock.now().date_naive()
    }

    /// Makes the reporter of a run.
    pub(super) fn reporter(&self) -> Arc<TerminalReporter> {
        let verbosity = self.verbosity.with_filter(self.environment.log_filter.as_deref());
        Arc::new(TerminalReporter::new(self.console, self.global.progress, verbosity))
    }

    /// Listens to the signals that end a process; must be called within a runtime.
    pub(super) fn shutdown(&self) -> Shutdown {
        let console = self.console;
        Shutdown::on_signals(move || {
            console.show(
                MessageKind::Reply,
                "finishing the current batch; press Ctrl-C again to abort",
            );
        })
    }
}

/// Opens the source of archives that a lake has dropped; nothing of a lake that keeps them all.
pub(super) async fn source_of_dropped(
    lake: &Lake,
    settings: &Settings,
    flags: &SourceFlags,
) -> anyhow::Result<Option<ArchiveSource>> {
    if !lake.drops_archives().await? {
        return Ok(None);
    }
    let DownloadSettings { source, listing, fetch, timeouts } = settings.downloads(flags)?;
    let listing = listing.as_ref().map(SourceUrl::expose);
    let source = open_source(source.expose(), listing, timeouts)
        .context("cannot use the source, from which the lake has the archives that it dropped")?;
    Ok(Some(ArchiveSource { source, options: fetch }))
}

/// Opens the lake at a location.
pub(super) fn open_lake(location: &str) -> anyhow::Result<Lake> {
    Lake::open(location).with_context(|| format!("cannot use the lake {location}"))
}
