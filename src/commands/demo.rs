//! `lakehouse demo`: everything at once on made-up archives, without a network.

use anyhow::bail;
use chrono::{DateTime, Utc};

use crate::commands::Outcome;
use crate::settings::Settings;
use crate::terminal::TerminalReporter;

/// Makes archives, ingests them and queries the tables.
pub(super) async fn run(
    _settings: &Settings,
    _now: DateTime<Utc>,
    _reporter: &TerminalReporter,
) -> anyhow::Result<Outcome> {
    bail!("the demo is not built yet")
}
