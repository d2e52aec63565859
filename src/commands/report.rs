//! `lakehouse report`: the status of the lake with charts, as one HTML file.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context as _, bail};

use super::context::{Context, open_lake};
use super::scope::scope;
use super::{CommandOutcome, status};
use crate::cli::StatusReportFlags;
use crate::output::OutputFile;
use crate::report_html::{Page, PageOptions};
use crate::terminal::console;

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
    let options =
        PageOptions { location: settings.lake, made_at: context.clock.now(), bars: flags.bars };
    let page = Box::pin(Page::read(&lake, &settings.matrix, &scope, status, options)).await?;
    let html = page.html()?;
    let Some(path) = &flags.output else {
        console::print(&html)?;
        return Ok(CommandOutcome::Done);
    };
    write(path, &html).with_context(|| format!("cannot write {}", path.display()))?;
    context.console.info(&format!("wrote {}: open it in a browser", path.display()));
    Ok(CommandOutcome::Done)
}

fn write(path: &Path, html: &str) -> io::Result<()> {
    let mut file = OutputFile::create(path)?;
    file.write_all(html.as_bytes())?;
    file.finish()
}
