//! How the error that ends a command is told: what happened, why, and what to do, in a few lines.

use crate::console::{self, Tone};
use crate::settings::SettingsError;

/// Tells an error on standard error.
pub(crate) fn tell(error: &anyhow::Error) {
    console::tell_as(Tone::Error, &describe(error));
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
    let told = texts.join("\n  because: ");
    match error.chain().find_map(|cause| cause.downcast_ref::<SettingsError>()?.hint()) {
        Some(hint) => format!("{told}\nhint: {hint}"),
        None => told,
    }
}

/// What stores say of themselves before they say what is wrong.
const NOISE: [&str; 6] = [
    "Failed to read delta log object: ",
    "Object at location ",
    "Generic LocalFileSystem error: ",
    "Generic S3 error: ",
    "Unable to walk dir: ",
    "IO error for operation on ",
];

/// The address at which a machine in a cloud asks for its role; asking there means that nothing else was given.
const ROLE_SERVER: &str = "169.254.169.254";

/// Leaves out what only programmers read: the number of a system error, the parts of a library, and all lines but
/// the first.
fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if let Some((before, _)) = line.split_once("Generic S3 error: ").filter(|(_, error)| error.contains(ROLE_SERVER)) {
        let before = NOISE.iter().fold(before.to_owned(), |text, noise| text.replace(noise, ""));
        return format!("{before}no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
    }
    let line = NOISE.iter().fold(line.to_owned(), |text, noise| text.replace(noise, ""));
    line.split(" (os error ").next().unwrap_or(&line).to_owned()
}
