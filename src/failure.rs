//! How the error that ends a command is told: what happened, why, and what to do, in a few lines.

use crate::console;
use crate::settings::SettingsError;

/// Tells an error on standard error.
pub(crate) fn tell(error: &anyhow::Error) {
    console::tell(&describe(error));
}

/// Writes the error, its nearest and its last cause, and a hint where there is one.
fn describe(error: &anyhow::Error) -> String {
    let mut texts: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = plain(&cause.to_string());
        if texts.last().is_none_or(|last| !last.contains(&text)) {
            texts.push(text);
        }
    }
    if texts.len() > 3 {
        texts.drain(2..texts.len() - 1);
    }
    let told = format!("error: {}", texts.join("\n  because: "));
    match error.chain().find_map(|cause| cause.downcast_ref::<SettingsError>()?.hint()) {
        Some(hint) => format!("{told}\nhint: {hint}"),
        None => told,
    }
}

/// Leaves out what only programmers read: the number of a system error, and all lines but the first.
fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.split(" (os error ").next().unwrap_or(line).to_owned()
}
