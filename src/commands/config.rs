//! `lakehouse config`: which settings hold, and a file to begin with.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use anyhow::{Context, bail};
use chrono::NaiveDate;
use serde_json::Value;

use super::CommandOutcome;
use crate::cli::{ConfigInitFlags, ConfigShowFlags, ReportFormat};
use crate::settings::{Settings, ShownSetting};
use crate::terminal::console::{self, Tone};

/// A configuration file with every setting.
const TEMPLATE: &str = include_str!("config/lakehouse.toml");

/// Prints the settings that an ingest would have, and where each comes from.
pub(super) fn show(
    settings: Settings,
    flags: &ConfigShowFlags,
    today: NaiveDate,
) -> anyhow::Result<CommandOutcome> {
    let warnings = settings.warnings.clone();
    let shown = settings.shown(flags, today)?;
    match flags.format {
        ReportFormat::Json => console::print_json(&shown)?,
        ReportFormat::Text => {
            let row = |setting: &ShownSetting| {
                vec![setting.name.to_owned(), describe(&setting.value), setting.origin.to_string()]
            };
            let rows: Vec<Vec<String>> = shown.iter().map(row).collect();
            console::print(&console::columns(&["setting", "value", "from"], &rows))?;
        }
    }
    warnings.iter().for_each(|warning| console::tell_as(Tone::Warning, warning));
    Ok(CommandOutcome::Done)
}

/// Writes the file, unless there is one.
pub(super) fn init(flags: &ConfigInitFlags) -> anyhow::Result<CommandOutcome> {
    let path = flags.file.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&flags.file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{path} is there already and stays as it is; name another file")
        }
        opened => opened.with_context(|| format!("cannot write {path}"))?,
    };
    file.write_all(TEMPLATE.as_bytes()).with_context(|| format!("cannot write {path}"))?;
    console::tell(&format!("{path} has every setting; use it with --config {path}"));
    Ok(CommandOutcome::Done)
}

/// Writes a value as people write it: a list by commas, a table as `key: value`.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(describe).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let members =
                members.iter().map(|(name, value)| format!("{name}: {}", describe(value)));
            members.collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    }
}
