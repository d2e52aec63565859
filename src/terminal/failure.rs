//! How the error that ends a command is told: what happened, why, and what to do, in a few lines.

use crate::settings::SettingsError;

/// Writes the error, its nearest and its last cause, and a hint where there is one.
pub(crate) fn describe(error: &anyhow::Error) -> String {
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
    let of_settings = error.chain().find_map(|cause| cause.downcast_ref::<SettingsError>()?.hint());
    match of_settings.or_else(|| hint_of_system(texts.last()?)) {
        Some(hint) if texts.len() < 3 => format!("{told}\nhint: {hint}"),
        _ => told,
    }
}

/// Returns what to do about what the system says, where that is always the same.
fn hint_of_system(cause: &str) -> Option<&'static str> {
    let says = |texts: &[&str]| texts.iter().any(|text| cause.contains(text));
    if says(&["No space left", "File too large", "quota exceeded"]) {
        return Some(
            "make room and run the same command again; nothing that was committed is lost",
        );
    }
    if says(&["Permission denied", "Read-only file system", "Operation not permitted"]) {
        return Some("check who may write there, or name another place");
    }
    says(&["Not a directory"])
        .then_some("a file stands where a folder should be: name another place")
}

/// What stores say of themselves before they say what is wrong.
const NOISE: [&str; 8] = [
    "file://",
    "Failed to read delta log object: ",
    "Object at location ",
    "Generic LocalFileSystem error: ",
    "Generic S3 error: ",
    "Unable to copy data to file: ",
    "Unable to walk dir: ",
    "IO error for operation on ",
];

/// The address at which a machine in a cloud asks for its role; asking there means that nothing
/// else was given.
const ROLE_SERVER: &str = "169.254.169.254";

/// Leaves out what only programmers read: the number of a system error, the parts of a library, and
/// all lines but the first.
fn plain(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if let Some((before, _)) =
        line.split_once("Generic S3 error: ").filter(|(_, error)| error.contains(ROLE_SERVER))
    {
        let before = NOISE.iter().fold(before.to_owned(), |text, noise| text.replace(noise, ""));
        return format!(
            "{before}no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        );
    }
    let line = NOISE.iter().fold(line.to_owned(), |text, noise| text.replace(noise, ""));
    line.split(" (os error ").next().unwrap_or(&line).to_owned()
}
