//! What is wrong with a model, and on which line of its file.

use thiserror::Error;

/// A model that cannot be built as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}, line {line}: {message}")]
pub struct ModelError {
    /// The name of the file in messages.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    pub message: String,
}

impl ModelError {
    /// Points at a line of a file.
    #[must_use]
    pub fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}
