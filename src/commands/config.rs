//! `lakehouse config`: the settings in use, and a configuration file with all of them.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::CommandOutcome;
use super::context::Context;
use crate::cli::setting::configuration_file;
use crate::cli::{ConfigCommand, ConfigInitFlags, ConfigShowFlags, ReportFormat};
use crate::settings::ShownSetting;
use crate::terminal::console::{self, MessageKind};

/// Prints the settings, or writes a file.
pub(super) fn run(command: &ConfigCommand, context: &Context) -> anyhow::Result<CommandOutcome> {
    match command {
        ConfigCommand::Show(flags) => show(flags, context),
        ConfigCommand::Init(flags) => init(flags, context),
    }
}

/// Prints the settings of an ingest, and where each comes from.
fn show(flags: &ConfigShowFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let warnings = settings.warnings.clone();
    let shown = settings.shown(flags, context.today())?;
    match flags.format {
        ReportFormat::Json => console::print_json(&shown)?,
        ReportFormat::Text => {
            let rows: Vec<Vec<String>> = shown.iter().map(cells).collect();
            console::print(&console::columns(&["setting", "value", "from"], &rows))?;
        }
    }
    for warning in &warnings {
        context.console.show(MessageKind::Warning, warning);
    }
    Ok(CommandOutcome::Done)
}

fn cells(setting: &ShownSetting) -> Vec<String> {
    vec![setting.name.to_owned(), describe(&setting.value), setting.origin.to_string()]
}

/// Writes the file, unless there is one.
fn init(flags: &ConfigInitFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let path = flags.file.display();
    let mut file = match OpenOptions::new().write(true).create_new(true).open(&flags.file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("{path} exists already and is not changed; name another file")
        }
        opened => opened.with_context(|| format!("cannot write {path}"))?,
    };
    file.write_all(configuration_file().as_bytes())
        .with_context(|| format!("cannot write {path}"))?;
    context.console.info(&format!("{path} has every setting; use it with --config {path}"));
    Ok(CommandOutcome::Done)
}

/// Formats a value for people: a list with commas, a table as `key: value`.
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
