//! How the error that ends a command is written: what happened, why, and what to do, in a few
//! lines.

use std::error::Error;
use std::io::{self, ErrorKind};

use crate::error_chain::{messages, store_error};
use crate::settings::SettingsError;

/// Lines of an error and its causes at most, with the hint if there is one.
const LINES: usize = 3;

/// Writes the error, its nearest and its last cause, and a hint where there is one.
pub(crate) fn describe(error: &anyhow::Error) -> String {
    let error: &(dyn Error + 'static) = error.as_ref();
    let hint = chain(error).find_map(hint_for);
    let mut texts = messages(error);
    let lines = LINES - usize::from(hint.is_some());
    if texts.len() > lines {
        texts.drain(lines - 1..texts.len() - 1);
    }
    let described = texts.join("\n  caused by: ");
    match hint {
        Some(hint) => format!("{described}\nhint: {hint}"),
        None => described,
    }
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

/// Returns what to do about one error of a chain, where its kind says so.
fn hint_for(error: &(dyn Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<SettingsError>() {
        return error.hint();
    }
    if let Some(error) = store_error(error) {
        return hint_for_store(error);
    }
    let error = error.downcast_ref::<io::Error>()?;
    // An I/O error that wraps another one has the source of that one as its own, so a chain alone
    // would pass over the inner one.
    hint_for_kind(error.kind()).or_else(|| chain(error.get_ref()?).find_map(hint_for))
}

const fn hint_for_store(error: &object_store::Error) -> Option<&'static str> {
    match error {
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => Some(PERMISSIONS),
        _ => None,
    }
}

const fn hint_for_kind(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Some("make room and run the same command again; nothing that was committed is lost")
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Some(PERMISSIONS),
        ErrorKind::NotADirectory => {
            Some("a file stands where a folder should be: name another place")
        }
        _ => None,
    }
}

const PERMISSIONS: &str = "check who may read and write there, or name another place";
