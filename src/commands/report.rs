//! `lakehouse report`: the status of the lake with charts, as one HTML file.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::context::{Context, open_lake};
use super::names::misspelled_in_lake;
use super::scope::scope;
use super::{CommandOutcome, names, status};
use crate::cli::StatusReportFlags;
use crate::output::OutputFile;
use crate::report_html::{Page, PageOptions};
use crate::terminal::console::{self, MessageKind};

/// Writes the page.
pub(super) async fn run(
    flags: &StatusReportFlags,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    if flags.output.is_none() && std::io::stdout().is_terminal() {
        bail!("a web page does not belong on a terminal; name a file with -o report.html");
    }
    let settings = context.settings()?;
    let scope = scope(&flags.scope, &settings.matrix)?;
    let status = status::read(&settings, &scope, context).await?;
    let lake = open_lake(&settings.lake)?;
    let matrix = Arc::new(settings.matrix.clone());
    let misspelled = misspelled_in_lake(&lake, &matrix, &scope).await?;
    let outcome = names::check(&misspelled, status.series.is_empty(), |text| {
        context.console.show(MessageKind::Warning, &text);
    })?;
    let options =
        PageOptions { location: settings.lake, made_at: context.clock.now(), bars: flags.bars };
    let page = Box::pin(Page::read(&lake, &settings.matrix, &scope, status, options)).await?;
    let html = page.html()?;
    let Some(path) = &flags.output else {
        console::print(&html)?;
        return Ok(outcome);
    };
    write(path, &html).with_context(|| format!("cannot write {}", path.display()))?;
    context.console.info(&format!("wrote {}: open it in a browser", path.display()));
    Ok(outcome)
}

fn write(path: &Path, html: &str) -> io::Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write_all(html.as_bytes())?;
    file.finish()
}
