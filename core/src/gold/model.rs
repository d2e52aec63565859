//! A model: one gold table, as its file describes it.

use std::fmt;

use arrow_schema::DataType;
use sha2::{Digest, Sha256};

use super::{ModelError, header};
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
    pub(super) inputs: Vec<TableName>,
    pub(super) lookback: u32,
    pub(super) lookahead: u32,
    pub(super) columns: Vec<ModelColumn>,
    pub(super) lines: Lines,
}

/// Where things stand in the file, counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) key: usize,
    pub(super) inputs: usize,
    pub(super) columns: usize,
    pub(super) select: usize,
}

/// How a gold table is cut into parts that are built one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// By market and UTC day.
    MarketAndDate,
    /// Not at all: the table is built as a whole.
    Whole,
}

impl Partitioning {
    /// Returns the columns by which the table is partitioned.
    #[must_use]
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::MarketAndDate => &["market", "date"],
            Self::Whole => &[],
        }
    }
}

/// A column of a gold table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelColumn {
    pub name: String,
    pub kind: ColumnKind,
    /// Such as `quote asset`; empty where there is none.
    pub unit: String,
    pub description: String,
}

/// What sort of value a column has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    Integer,
    Decimal,
    Double,
    Boolean,
    Date,
    Timestamp,
}

impl ColumnKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Text,
        Self::Integer,
        Self::Decimal,
        Self::Double,
        Self::Boolean,
        Self::Date,
        Self::Timestamp,
    ];

    /// Returns the word that stands for it in a header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Decimal => "decimal",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Timestamp => "timestamp",
        }
    }

    /// Returns the kind of an Arrow type; nothing for a type that a gold table cannot store.
    #[must_use]
    pub fn of(data_type: &DataType) -> Option<Self> {
        Some(match data_type {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Dictionary(_, values) => {
                return Self::of(values).filter(|kind| *kind == Self::Text);
            }
            DataType::Int16 | DataType::Int32 | DataType::Int64 => Self::Integer,
            DataType::Decimal128(..) => Self::Decimal,
            DataType::Float64 => Self::Double,
            DataType::Boolean => Self::Boolean,
            DataType::Date32 => Self::Date,
            DataType::Timestamp(arrow_schema::TimeUnit::Microsecond, Some(_)) => Self::Timestamp,
            _ => return None,
        })
    }
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Model {
    /// Reads a model's file; its name without `.sql` is the table's.
    ///
    /// # Errors
    ///
    /// What is wrong with the header, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Self, ModelError> {
        header::parse(file, text)
    }

    /// Returns the table's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the file as its reader called it.
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

    /// Returns the columns that tell a row from all others.
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

    /// Returns the tables that the statement reads.
    #[must_use]
    pub fn inputs(&self) -> &[TableName] {
        &self.inputs
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
