//! `lakehouse query`: one SQL statement on the lake's tables.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::{QueryFlags, ResultFormat};
use crate::commands::Outcome;
use crate::settings::Settings;

/// Runs the statement and writes its rows.
pub(super) async fn run(flags: &QueryFlags, _settings: &Settings) -> anyhow::Result<Outcome> {
    let _statement = statement(flags)?;
    let _format = format(flags);
    bail!("queries are not built yet")
}

/// Returns the statement: typed, in a file, or on standard input.
fn statement(flags: &QueryFlags) -> anyhow::Result<String> {
    let text = match (flags.sql.as_deref(), flags.file.as_deref()) {
        (Some("-"), _) => from_standard_input()?,
        (Some(sql), _) => sql.to_owned(),
        (None, Some(file)) if file == Path::new("-") => from_standard_input()?,
        (None, Some(file)) => {
            fs::read_to_string(file).with_context(|| format!("the statement {} cannot be read", file.display()))?
        }
        (None, None) => String::new(),
    };
    if text.trim().is_empty() {
        bail!("the statement is empty");
    }
    Ok(text)
}

fn from_standard_input() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_to_string(&mut text).context("the statement on standard input cannot be read")?;
    Ok(text)
}

/// Returns the format asked for, or that of the output file's extension, or a table.
fn format(flags: &QueryFlags) -> ResultFormat {
    let extension = flags.output.as_deref().and_then(Path::extension).and_then(|extension| extension.to_str());
    let by_extension = match extension {
        Some("csv") => ResultFormat::Csv,
        Some("tsv") => ResultFormat::Tsv,
        Some("json") => ResultFormat::Json,
        Some("ndjson" | "jsonl") => ResultFormat::Ndjson,
        Some("md") => ResultFormat::Markdown,
        Some("parquet") => ResultFormat::Parquet,
        Some("arrow" | "feather" | "ipc") => ResultFormat::Arrow,
        _ => ResultFormat::Table,
    };
    flags.format.unwrap_or(by_extension)
}
