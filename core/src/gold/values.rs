//! The values that headers of models and of checks have in common.
//!
//! Separate from [`super::header`] because a check's header has other keys around the same values.

use super::{ModelError, Partitioning};
use crate::names::table::{Layer, TableName};

/// Reads values of a header; errors point at a line of this file.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderValues<'a> {
    pub(crate) file: &'a str,
}

impl HeaderValues<'_> {
    pub(crate) fn partitions(self, line: usize, value: &str) -> Result<Partitioning, ModelError> {
        let words: Vec<&str> = value.split(',').map(str::trim).collect();
        match words[..] {
            ["market", "date"] => Ok(Partitioning::MarketAndDate),
            ["none"] => Ok(Partitioning::Whole),
            _ => Err(self.error(
                line,
                format!("`partitions`: expected `market, date` or `none`, found `{value}`"),
            )),
        }
    }

    pub(crate) fn names(
        self,
        line: usize,
        key: &str,
        value: &str,
    ) -> Result<Vec<String>, ModelError> {
        let names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
        let twice = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
        match twice {
            _ if names.iter().any(String::is_empty) => Err(self.error(
                line,
                format!("`{key}`: expected names separated by commas, found `{value}`"),
            )),
            Some((_, name)) => Err(self.error(line, format!("`{key}` names `{name}` twice"))),
            None => Ok(names),
        }
    }

    pub(crate) fn inputs(self, line: usize, value: &str) -> Result<Vec<TableName>, ModelError> {
        let names = self.names(line, "inputs", value)?;
        names.iter().map(|name| self.input(line, name)).collect()
    }

    pub(crate) fn input(self, line: usize, name: &str) -> Result<TableName, ModelError> {
        let parts = name.split_once('.').and_then(|(layer, name)| {
            let layer = Layer::named(layer)?;
            is_name(name).then(|| TableName::new(layer, name))
        });
        parts.ok_or_else(|| {
            self.error(
                line,
                format!("`inputs`: expected a table such as silver.klines, found `{name}`"),
            )
        })
    }

    pub(crate) fn days(self, line: usize, key: &str, value: &str) -> Result<u32, ModelError> {
        let days = value.strip_suffix(" days").or_else(|| value.strip_suffix(" day"));
        let days = days.and_then(|days| days.parse().ok()).filter(|days| *days <= 3_650);
        days.ok_or_else(|| {
            self.error(
                line,
                format!("`{key}`: expected days such as `1 day` or `30 days`, found `{value}`"),
            )
        })
    }

    pub(crate) fn error(self, line: usize, message: impl Into<String>) -> ModelError {
        ModelError::new(self.file, line, message)
    }
}

/// Lines of values are indented, so that one may begin like a key.
pub(crate) fn is_outside(comment: &str) -> bool {
    comment.len() - comment.trim_start().len() <= 1
}

/// Returns whether a text can name a table or a column: unquoted in SQL, and a file on every disk.
pub(crate) fn is_name(text: &str) -> bool {
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    text.starts_with(|first: char| first.is_ascii_lowercase()) && text.chars().all(plain)
}

/// Joins the lines of a text; an empty line stays one.
pub(crate) fn paragraphs(lines: &[&str]) -> String {
    let mut text = String::new();
    for line in lines {
        match (line.is_empty(), text.is_empty() || text.ends_with('\n')) {
            (true, true) => {}
            (true, false) => text.push('\n'),
            (false, true) => text.push_str(line),
            (false, false) => text.extend([" ", line]),
        }
    }
    text.trim_end().to_owned()
}
