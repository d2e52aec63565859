//! Errors that name the file, line and key: how the data files in `matrix/` and `schemas/` are
//! read.
//!
//! Whoever adds a row there should learn from the message alone what to correct. What the keys mean
//! belongs to the modules that read the files.

use std::ops::Range;

use serde::de::DeserializeOwned;
use thiserror::Error;

/// What is wrong with a data file, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{file}, line {line}{}: {message}", named(key))]
pub struct DataFileError {
    /// The name of the file in messages.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// The key on that line, or the table if no key of it is meant.
    pub key: String,
    pub message: String,
}

impl DataFileError {
    /// Points at the bytes `span` of `text`, the content of `file`; the key is the one that stands
    /// there.
    #[must_use]
    pub fn new(file: &str, text: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        Self { file: file.to_owned(), line, key: key_at(text, line), message: message.into() }
    }

    /// Names another key than the one that stands on the line, for keys that are absent or nested.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }
}

/// An error in the text itself belongs to no key.
fn named(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!(", `{key}`") }
}

/// Deserialises a TOML file.
///
/// # Errors
///
/// Text that is no TOML, and keys that `T` does not take or misses, with their place.
pub fn parse_toml<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, DataFileError> {
    toml::from_str(text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        let place = DataFileError::new(file, text, span, error.message());
        match missing_field(error.message()) {
            Some(field) => place.with_key(field),
            None => place,
        }
    })
}

/// Finds the key to which a line belongs: its own, or that of a line above whose value it
/// continues.
fn key_at(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().take(line).collect();
    let key = lines.iter().rev().find_map(|line| {
        let line = line.trim();
        if line.starts_with('[') && line.ends_with(']') {
            return Some(line.trim_matches(['[', ']']));
        }
        let (key, _) = line.split_once('=')?;
        let key = key.trim().trim_matches('"');
        key.chars().all(|c| c.is_alphanumeric() || "_-.".contains(c)).then_some(key)
    });
    key.unwrap_or_default().to_owned()
}

/// Reads the name out of serde's own message, the only place where it stands.
fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use toml::Spanned;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        #[serde(default)]
        row: Vec<Row>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Row {
        name: Spanned<String>,
        #[serde(default)]
        sizes: Vec<Spanned<u32>>,
    }

    fn error(text: &str) -> DataFileError {
        parse_toml::<File>("rows.toml", text).unwrap_err()
    }

    #[test]
    fn a_key_that_is_not_known_is_named_with_its_line() {
        let error = error("# rows\n[[row]]\nname = 'a'\nnmae = 'b'\n");
        assert_eq!((error.line, error.key.as_str()), (4, "nmae"));
        assert!(
            error.to_string().starts_with("rows.toml, line 4, `nmae`: unknown field `nmae`"),
            "{error}"
        );
    }

    #[test]
    fn a_key_that_is_missing_is_named_with_the_line_of_its_table() {
        let error = error("[[row]]\nname = 'a'\n\n[[row]]\nsizes = [1]\n");
        assert_eq!((error.line, error.key.as_str()), (4, "name"));
    }

    #[test]
    fn a_value_of_the_wrong_kind_is_found_in_the_middle_of_a_list() {
        let error = error("[[row]]\nname = 'a'\nsizes = [\n  1,\n  'two',\n]\n");
        assert_eq!((error.line, error.key.as_str()), (5, "sizes"));
    }

    #[test]
    fn text_that_is_no_toml_is_found_by_line() {
        assert_eq!(error("[[row]]\nname = 'a\n").line, 2);
        assert_eq!(error("[[row]]\nname 'a'\n").line, 2);
    }

    #[test]
    fn what_a_reader_refuses_is_pointed_at_by_its_span() {
        let text = "[[row]]\nname = 'a'\nsizes = [1, 2]\n[[row]]\nname = 'a'\n";
        let file: File = parse_toml("rows.toml", text).unwrap();
        let error = DataFileError::new("rows.toml", text, file.row[1].name.span(), "there twice");
        assert_eq!(error.to_string(), "rows.toml, line 5, `name`: there twice");
        let size = DataFileError::new("rows.toml", text, file.row[0].sizes[1].span(), "too small");
        assert_eq!((size.line, size.key.as_str()), (3, "sizes"));
    }
}
