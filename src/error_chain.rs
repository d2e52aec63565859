//! An error with its causes, as people read it.
//!
//! Errors of this program say what was being done and keep the cause as their source. Those of
//! libraries repeat the texts of their causes. Here a chain becomes texts of which none repeats
//! another, without what only programmers read. What to do about it is in [`crate::terminal`].

use std::error::Error;

use deltalake::DeltaTableError;

/// What the local store says before it says what is wrong; the types of these errors are private.
const STORE_PREFIXES: [&str; 4] = [
    "Unable to copy data to file: ",
    "Unable to open file ",
    "Unable to walk dir: ",
    "IO error for operation on ",
];

/// The address of the role server of a cloud's machines. A store sends requests there only when no
/// other credentials were given.
const ROLE_SERVER: &str = "169.254.169.254";

/// Returns the texts of an error and its causes, the outermost first.
pub(crate) fn messages(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut messages: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        if next.is_some() && is_wrapper(error) {
            continue;
        }
        let message = plain(&error.to_string());
        // Libraries often write the text of a cause into the error that has it.
        if messages.last().is_none_or(|last| !last.contains(&message)) {
            messages.push(message);
        }
    }
    messages
}

/// Returns an error and its causes in one line.
pub(crate) fn one_line(error: &(dyn Error + 'static)) -> String {
    messages(error).join(": ")
}

/// Returns whether an error says nothing that its source does not say.
fn is_wrapper(error: &(dyn Error + 'static)) -> bool {
    if let Some(error) = store_error(error) {
        return matches!(error, object_store::Error::Generic { .. });
    }
    matches!(
        error.downcast_ref::<DeltaTableError>(),
        Some(
            DeltaTableError::GenericError { .. }
                | DeltaTableError::Io { .. }
                | DeltaTableError::Kernel { .. }
                | DeltaTableError::KernelError(_)
                | DeltaTableError::ObjectStore { .. }
                | DeltaTableError::Transaction { .. }
        )
    )
}

/// Returns an error of an object store, which errors of this program hold in a box.
pub(crate) fn store_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a object_store::Error> {
    let boxed = || error.downcast_ref::<Box<object_store::Error>>().map(Box::as_ref);
    error.downcast_ref().or_else(boxed)
}

/// Returns the first line of a text, without prefixes of stores and numbers of system errors.
fn plain(text: &str) -> String {
    if text.contains(ROLE_SERVER) {
        return "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            .to_owned();
    }
    let line = text.lines().next().unwrap_or_default();
    let line = STORE_PREFIXES.iter().fold(line.to_owned(), |line, prefix| line.replace(prefix, ""));
    line.split(" (os error ").next().unwrap_or(&line).to_owned()
}
