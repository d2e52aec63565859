//! A model: one gold table, as its file describes it.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::header::{self, HeaderLines};
use super::inputs::Inputs;
use super::{ModelColumn, ModelError, Partitioning};
use crate::embedded::GOLD_FILES;
use crate::listing::checksum::Sha256Hex;
use crate::names::partition::Partition;
use crate::names::table::TableName;

/// What a gold table is, and the statement that fills it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) text: String,
    pub(super) description: String,
    pub(super) partitioning: Partitioning,
    pub(super) key: Vec<String>,
    pub(super) inputs: Inputs,
    pub(super) lookback: u32,
    pub(super) lookahead: u32,
    pub(super) columns: Vec<ModelColumn>,
    pub(super) lines: HeaderLines,
}

/// A statement that fills no table of its own, as the machinery of models runs it.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) name: String,
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) partitioning: Partitioning,
    pub(crate) inputs: Vec<TableName>,
    pub(crate) lookback: u32,
    pub(crate) lookahead: u32,
    pub(crate) lines: HeaderLines,
}

impl From<Statement> for Model {
    fn from(statement: Statement) -> Self {
        Self {
            name: statement.name,
            file: statement.file,
            text: statement.text,
            description: String::new(),
            partitioning: statement.partitioning,
            key: Vec::new(),
            inputs: statement.inputs.into(),
            lookback: statement.lookback,
            lookahead: statement.lookahead,
            columns: Vec::new(),
            lines: statement.lines,
        }
    }
}

impl Model {
    /// Reads a model's file; its name without `.sql` is the table's.
    ///
    /// # Errors
    ///
    /// What is wrong with the header, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, ModelError> {
        let header = header::parse(file, text)?;
        Ok(Self {
            name: header.name,
            file: file.to_owned(),
            text: text.to_owned(),
            description: header.description,
            partitioning: header.partitioning,
            key: header.key,
            inputs: header.inputs,
            lookback: header.lookback,
            lookahead: header.lookahead,
            columns: header.columns,
            lines: header.lines,
        })
    }

    /// Returns the statement under another name, with another table in place of its inputs.
    pub(crate) fn over(&self, name: String, input: &TableName) -> Self {
        let text = self.inputs().iter().fold(self.text.clone(), |text, written| {
            replace_name(&text, &written.to_string(), &input.to_string())
        });
        Self { name, text, inputs: vec![input.clone()].into(), ..self.clone() }
    }

    /// Returns the table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns whether it is one of the program's own.
    #[must_use]
    pub fn is_builtin(&self) -> bool {
        let file = format!("{}.sql", self.name);
        GOLD_FILES.iter().any(|(name, text)| *name == file && *text == self.text)
    }

    /// Returns the name of the file in messages.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the whole file: the header is comments, so lines of the text are lines of the
    /// statement.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the file from the statement's first line on.
    #[must_use]
    pub fn select(&self) -> String {
        self.text.lines().skip(self.lines.select - 1).collect::<Vec<_>>().join("\n")
    }

    /// Returns what a row of the table is.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns how the table is partitioned.
    #[must_use]
    pub const fn partitioning(&self) -> Partitioning {
        self.partitioning
    }

    /// Returns the columns that identify a row.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// Returns the columns by which the rows of a file are sorted: the key without what all its
    /// rows share.
    #[must_use]
    pub fn sort_columns(&self) -> Vec<String> {
        let shared = self.partitioning.columns();
        self.key.iter().filter(|column| !shared.contains(&column.as_str())).cloned().collect()
    }

    /// Returns the tables that the statement reads, in the order in which they are to be opened.
    #[must_use]
    pub fn inputs(&self) -> &[TableName] {
        self.inputs.tables()
    }

    /// Returns the tables of silver that the statement reads together with their provisional rows,
    /// as `all.<table>`.
    #[must_use]
    pub const fn with_provisional(&self) -> &BTreeSet<String> {
        self.inputs.with_provisional()
    }

    /// Returns the name by which the statement reads one of its inputs.
    #[must_use]
    pub fn written_name(&self, input: &TableName) -> String {
        self.inputs.written(input)
    }

    /// Returns the names that the header lists as inputs.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        self.inputs.names()
    }

    /// Returns the days before a partition's own on which its rows may depend.
    #[must_use]
    pub const fn lookback(&self) -> u32 {
        self.lookback
    }

    /// Returns the days after a partition's own on which its rows may depend.
    #[must_use]
    pub const fn lookahead(&self) -> u32 {
        self.lookahead
    }

    /// Returns the columns besides those by which the table is partitioned, in the table's order.
    #[must_use]
    pub fn columns(&self) -> &[ModelColumn] {
        &self.columns
    }

    /// Returns the partitions whose rows may depend on those of a partition of an input.
    pub fn dependents(&self, changed: Partition) -> impl Iterator<Item = Partition> + use<> {
        changed.around(self.lookahead, self.lookback)
    }

    /// Returns the partitions of the inputs on which a partition's rows may depend.
    pub fn dependencies(&self, target: Partition) -> impl Iterator<Item = Partition> + use<> {
        target.around(self.lookback, self.lookahead)
    }

    /// Returns a text that changes with what the table holds, and not with descriptions, comments
    /// or blank lines.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let key = self.key.join(", ");
        hash.update(format!(
            "{:?} {key} {} {}\n",
            self.partitioning, self.lookback, self.lookahead
        ));
        for column in &self.columns {
            hash.update(format!("{} ", column.name));
        }
        let is_code = |line: &&str| !line.is_empty() && !line.starts_with("--");
        for line in self.text.lines().map(str::trim).filter(is_code) {
            hash.update(format!("\n{line}"));
        }
        Sha256Hex::from_bytes(hash.finalize().into()).to_string()
    }

    /// Points at the line of the key.
    #[must_use]
    pub fn key_error(&self, message: impl Into<String>) -> ModelError {
        ModelError::new(&self.file, self.lines.key, message)
    }

    /// Points at the line of the inputs.
    #[must_use]
    pub fn inputs_error(&self, message: impl Into<String>) -> ModelError {
        ModelError::new(&self.file, self.lines.inputs, message)
    }

    /// Points at the line where the columns begin.
    #[must_use]
    pub fn columns_error(&self, message: impl Into<String>) -> ModelError {
        ModelError::new(&self.file, self.lines.columns, message)
    }

    /// Points at the statement, or at a line of the file that is known to be meant.
    #[must_use]
    pub fn select_error(&self, line: Option<usize>, message: impl Into<String>) -> ModelError {
        ModelError::new(&self.file, line.unwrap_or(self.lines.select), message)
    }
}

/// Puts one name in place of another wherever it is not the beginning of a longer one.
fn replace_name(text: &str, from: &str, to: &str) -> String {
    let mut parts = text.split(from);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_longer = part.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        replaced.push_str(if is_longer { from } else { to });
        replaced.push_str(part);
    }
    replaced
}
