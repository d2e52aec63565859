//! The header of a model's file: SQL comments that say what the table is.
//!
//! ```sql
//! -- What a row is, in some lines.
//! --
//! -- partitions: market, date
//! -- key: market, date, symbol
//! -- inputs: silver.klines
//! -- lookback: 1 day
//! --
//! -- columns:
//! --   symbol  text: the symbol as published
//! --   open    decimal, quote asset: price of the first trade,
//! --     in as many lines as it takes
//! SELECT …
//! ```

use std::path::Path;

use super::inputs::Inputs;
use super::values::{HeaderValues, is_name, is_outside, paragraphs};
use super::{ColumnKind, ModelColumn, ModelError, Partitioning};

/// Keys of a header; a line that begins with one of them and a colon says it.
const KEYS: [&str; 6] = ["partitions", "key", "inputs", "lookback", "lookahead", "columns"];

/// What the header of a model says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) partitioning: Partitioning,
    pub(super) key: Vec<String>,
    pub(super) inputs: Inputs,
    pub(super) lookback: u32,
    pub(super) lookahead: u32,
    pub(super) columns: Vec<ModelColumn>,
    pub(super) lines: HeaderLines,
}

/// Where things stand in the file, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeaderLines {
    pub(crate) key: usize,
    pub(crate) inputs: usize,
    pub(crate) columns: usize,
    pub(crate) select: usize,
}

/// Reads the header of a model's file.
pub(super) fn parse(file: &str, text: &str) -> Result<Header, ModelError> {
    let mut header = HeaderReader { file, ..HeaderReader::default() };
    let mut select = None;
    for (number, line) in (1..).zip(text.lines()) {
        match line.trim().strip_prefix("--") {
            Some(comment) => header.take(number, comment)?,
            None if line.trim().is_empty() => {}
            None => {
                select = Some(number);
                break;
            }
        }
    }
    header.finish(text, select)
}

/// What was read so far.
#[derive(Debug, Default)]
struct HeaderReader<'a> {
    file: &'a str,
    description: Vec<&'a str>,
    partitioning: Option<Partitioning>,
    key: Vec<String>,
    inputs: Inputs,
    lookback: Option<u32>,
    lookahead: Option<u32>,
    columns: Vec<ModelColumn>,
    /// Spaces before the name of the first column.
    indent: usize,
    lines: HeaderLines,
    /// Whether a key was met, so that the description is over.
    begun: bool,
}

impl<'a> HeaderReader<'a> {
    fn take(&mut self, line: usize, comment: &'a str) -> Result<(), ModelError> {
        let text = comment.trim();
        let key = text.split_once(':').filter(|(key, _)| KEYS.contains(key));
        let in_columns = self.lines.columns > 0;
        match key {
            Some((key, value)) if !in_columns || is_outside(comment) => {
                self.begun = true;
                self.set(line, key, value.trim())
            }
            _ if text.is_empty() && self.begun => Ok(()),
            _ if !self.begun => {
                self.description.push(text);
                Ok(())
            }
            _ if in_columns => self.column(line, comment),
            _ => {
                Err(self
                    .error(line, format!("expected one of {}, found `{text}`", KEYS.join(", "))))
            }
        }
    }

    fn set(&mut self, line: usize, key: &str, value: &str) -> Result<(), ModelError> {
        let known = match key {
            "partitions" => self.partitioning.is_some(),
            "key" => self.lines.key > 0,
            "inputs" => self.lines.inputs > 0,
            "lookback" => self.lookback.is_some(),
            "lookahead" => self.lookahead.is_some(),
            _ => self.lines.columns > 0,
        };
        if known {
            return Err(self.error(line, format!("`{key}` is given twice")));
        }
        match key {
            "partitions" => self.partitioning = Some(self.values().partitions(line, value)?),
            "key" => (self.lines.key, self.key) = (line, self.values().names(line, key, value)?),
            "inputs" => {
                self.inputs = Inputs::parse(self.values(), line, value)?;
                self.lines.inputs = line;
            }
            "lookback" => self.lookback = Some(self.values().days(line, key, value)?),
            "lookahead" => self.lookahead = Some(self.values().days(line, key, value)?),
            _ => self.lines.columns = line,
        }
        Ok(())
    }

    /// Reads `name kind, unit: description`, or more of the description of the column above.
    fn column(&mut self, line: usize, comment: &str) -> Result<(), ModelError> {
        let (indent, text) = (comment.len() - comment.trim_start().len(), comment.trim());
        let says_something = text.split_once(':').is_some_and(|(key, _)| is_name(key));
        if self.columns.is_empty() {
            self.indent = indent;
        } else if indent < self.indent && !says_something {
            // The header is over: this is about the statement.
            return Ok(());
        } else if indent > self.indent
            && let Some(column) = self.columns.last_mut()
        {
            column.description = format!("{} {text}", column.description);
            return Ok(());
        }
        let expected = || {
            format!(
                "expected a column such as `open decimal, quote asset: first price`, found `{text}`"
            )
        };
        let parts = text.split_once(':').and_then(|(left, description)| {
            let (name, kind) = left.split_once(char::is_whitespace)?;
            Some((name, kind.trim(), description.trim()))
        });
        let parts = parts.filter(|(name, _, description)| is_name(name) && !description.is_empty());
        let Some((name, kind, description)) = parts else {
            return Err(self.error(line, expected()));
        };
        let (kind, unit) = kind.split_once(',').unwrap_or((kind, ""));
        let kind = self.kind(line, name, kind.trim())?;
        if self.columns.iter().any(|column| column.name == name) {
            return Err(self.error(line, format!("the column `{name}` is there twice")));
        }
        let (name, unit, description) =
            (name.to_owned(), unit.trim().to_owned(), description.to_owned());
        self.columns.push(ModelColumn { name, kind, unit, description });
        Ok(())
    }

    fn kind(&self, line: usize, column: &str, word: &str) -> Result<ColumnKind, ModelError> {
        let found = ColumnKind::ALL.into_iter().find(|kind| kind.as_str() == word);
        let valid = || ColumnKind::ALL.map(ColumnKind::as_str).join(", ");
        found.ok_or_else(|| {
            self.error(line, format!("`{column}`: expected one of {}, found `{word}`", valid()))
        })
    }

    fn finish(mut self, text: &str, select: Option<usize>) -> Result<Header, ModelError> {
        let end = select.unwrap_or_else(|| text.lines().count().max(1));
        let given = [
            ("partitions", self.partitioning.is_some()),
            ("key", self.lines.key > 0),
            ("inputs", self.lines.inputs > 0),
            ("columns", !self.columns.is_empty()),
        ];
        if let Some((key, _)) = given.into_iter().find(|(_, given)| !given) {
            return Err(self.error(end, format!("the header above does not say `{key}`")));
        }
        let Some(select) = select else {
            return Err(self.error(end, "expected a SELECT below the header"));
        };
        self.lines.select = select;
        let name =
            Path::new(self.file).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_name(name) {
            let expected = "a table's name is made of lower-case letters, digits and underscores";
            return Err(
                self.error(1, format!("{expected}; rename the file, whose name is the table's"))
            );
        }
        let partitioning = self.partitioning.unwrap_or(Partitioning::Whole);
        // Their types are always the same, so that they may be listed or not.
        self.columns.retain(|column| !partitioning.columns().contains(&column.name.as_str()));
        self.check_key(partitioning)?;
        Ok(Header {
            name: name.to_owned(),
            description: paragraphs(&self.description),
            partitioning,
            key: self.key,
            inputs: self.inputs,
            lookback: self.lookback.unwrap_or(0),
            lookahead: self.lookahead.unwrap_or(0),
            columns: self.columns,
            lines: self.lines,
        })
    }

    /// A key that lacked a partition column could be the same in two partitions, which are never
    /// compared.
    fn check_key(&self, partitioning: Partitioning) -> Result<(), ModelError> {
        let error = |message| Err(self.error(self.lines.key, message));
        if let Some(lacking) =
            partitioning.columns().iter().find(|column| !self.key.iter().any(|key| key == *column))
        {
            return error(format!("`key` lacks the partition column `{lacking}`"));
        }
        let listed = |key: &&String| {
            partitioning.columns().contains(&key.as_str())
                || self.columns.iter().any(|column| column.name == **key)
        };
        match self.key.iter().find(|key| !listed(key)) {
            Some(unknown) => {
                error(format!("`key` names `{unknown}`, which is not among the columns"))
            }
            None => Ok(()),
        }
    }

    const fn values(&self) -> HeaderValues<'a> {
        HeaderValues { file: self.file }
    }

    fn error(&self, line: usize, message: impl Into<String>) -> ModelError {
        self.values().error(line, message)
    }
}
