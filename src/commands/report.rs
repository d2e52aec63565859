//! `lakehouse report`: what the lake holds, as one web page.

use std::io::{IsTerminal, Write};

use anyhow::{Context, bail};

use super::scope::scope;
use super::{CommandOutcome, status};
use crate::cli::StatusReportFlags;
use crate::clock::Clock;
use crate::report_html::{Page, PageOptions};
use crate::settings::Settings;
use crate::storage::lake::Lake;
use crate::terminal::console;

/// Bars of a chart when nothing else is asked for.
const BARS: usize = 500;

/// Writes the page.
pub(super) async fn run(
    flags: &StatusReportFlags,
    settings: Settings,
    clock: &Clock,
) -> anyhow::Result<CommandOutcome> {
    if flags.output.is_none() && std::io::stdout().is_terminal() {
        bail!("a web page does not belong on a terminal; name a file with -o report.html");
    }
    let scope = scope(&flags.scope, &settings.matrix)?;
    let status = status::read(&settings, &scope, clock).await?;
    let lake = Lake::open(&settings.lake)?;
    let options = PageOptions {
        location: settings.lake,
        made_at: clock.now(),
        bars: flags.bars.unwrap_or(BARS),
    };
    let page = Box::pin(Page::read(&lake, &settings.matrix, &scope, status, options)).await?;
    let html = page.html()?;
    let Some(path) = &flags.output else {
        console::print(&html)?;
        return Ok(CommandOutcome::Done);
    };
    let unwritable = || format!("cannot write {}", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // Whoever looks at the file meanwhile sees the old page or the new one, and never a half.
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or_else(|| ".".as_ref()))
        .with_context(unwritable)?;
    file.write_all(html.as_bytes()).with_context(unwritable)?;
    readable_by_others(file.as_file()).with_context(unwritable)?;
    file.persist(path).with_context(unwritable)?;
    console::tell(&format!("wrote {}: open it in a browser", path.display()));
    Ok(CommandOutcome::Done)
}

/// Temporary files are for their owner alone, and a page is for showing around.
#[cfg(unix)]
fn readable_by_others(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
