//! Options of existing configurations that were meant for another program, an external downloader.
//!
//! What means something here is mapped, the rest is named in a warning: nobody should wonder later
//! why an option had no effect.

use super::FileOptions;
use crate::config::data_file::DataFileError;
use crate::config::tree::NodeReader;
use crate::selection::join;

const WORKFLOW: &str = "archive_collection";

pub(super) fn workflow_type(
    _: &mut FileOptions,
    value: NodeReader<'_>,
) -> Result<(), DataFileError> {
    match value.text()? {
        WORKFLOW => Ok(()),
        other => {
            Err(value.error(format_args!("unknown workflow type `{other}`; expected {WORKFLOW}")))
        }
    }
}

/// Takes `true` as it is: archives always go in batches.
pub(super) fn enable_batch_mode(
    options: &mut FileOptions,
    value: NodeReader<'_>,
) -> Result<(), DataFileError> {
    if !value.flag()? {
        warn(
            options,
            "`enable_batch_mode = false` is ignored: archives always go in batches, see \
            `batch_size`",
        );
    }
    Ok(())
}

pub(super) fn part_size_mb(
    options: &mut FileOptions,
    value: NodeReader<'_>,
) -> Result<(), DataFileError> {
    value.number(1_u64)?;
    warn(options, "`part_size_mb` is ignored: an archive comes in one stream, whatever its size");
    Ok(())
}

/// Maps `--retry-count` and `--numworkers`, each as `--name=value` or in two items; the file's own
/// options win.
pub(super) fn s5cmd_extra_args(
    options: &mut FileOptions,
    value: NodeReader<'_>,
) -> Result<(), DataFileError> {
    let mut items = value.items()?;
    let mut ignored = Vec::new();
    while let Some(item) = items.next() {
        let text = item.text()?;
        let (name, inline) =
            text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
        if !matches!(name, "--retry-count" | "-r" | "--numworkers") {
            ignored.push(text);
            continue;
        }
        let following = if inline.is_none() { items.next() } else { None };
        let number = match (inline, following) {
            (Some(number), _) => number,
            (None, Some(following)) => following.text()?,
            (None, None) => "",
        };
        let number: u32 = number.parse().map_err(|_| {
            item.error(format_args!("`{name}` expects a whole number, found `{number}`"))
        })?;
        match name {
            "--numworkers" if number == 0 => {
                return Err(item.error("`--numworkers` expects at least 1"));
            }
            "--numworkers" if options.max_parallel_downloads.is_none() => {
                options.max_parallel_downloads = usize::try_from(number).ok();
                options.lines.insert("max_parallel_downloads", value.node.line);
            }
            "--numworkers" => {}
            _ if options.retries.is_none() => {
                options.retries = Some(number);
                options.lines.insert("retries", value.node.line);
            }
            _ => {}
        }
    }
    if !ignored.is_empty() {
        warn(
            options,
            format!("{} in `s5cmd_extra_args` has no meaning here and is ignored", join(ignored)),
        );
    }
    Ok(())
}

fn warn(options: &mut FileOptions, text: impl Into<String>) {
    options.warnings.push(text.into());
}
