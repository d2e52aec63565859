//! `lakehouse report`: the status of the lake with charts, as one HTML file.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context as _, bail};
use tempfile::NamedTempFile;

use super::context::{Context, open_lake};
use super::scope::scope;
use super::{CommandOutcome, status};
use crate::cli::StatusReportFlags;
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
    replace(path, &html).with_context(|| format!("cannot write {}", path.display()))?;
    context.console.info(&format!("wrote {}: open it in a browser", path.display()));
    Ok(CommandOutcome::Done)
}

/// Writes a file as a whole: a reader sees the old page or the new one, never half of it.
fn replace(path: &Path, html: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))?;
    file.write_all(html.as_bytes())?;
    readable_by_others(file.as_file())?;
    file.persist(path)?;
    Ok(())
}

/// Lets others read the page: only its owner can read a temporary file.
#[cfg(unix)]
fn readable_by_others(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
