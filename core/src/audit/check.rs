//! A check: what is looked for, how bad it is, and what a reader should do about it.

use std::fmt;

use sha2::{Digest, Sha256};

use super::header;
use crate::gold::{Model, ModelError, Partitioning};
use crate::listing::checksum::Sha256Hex;
use crate::names::table::TableName;

/// One check of an audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The statement with its inputs and days, as models have them.
    pub(super) statement: Model,
    pub(super) file_name: String,
    pub(super) description: String,
    pub(super) severity: Severity,
    pub(super) output: OutputTable,
    pub(super) is_split_by_symbol: bool,
    pub(super) data_type: String,
    pub(super) expected: String,
    pub(super) kinds: Vec<CheckKind>,
    pub(super) means: String,
    pub(super) remedy: String,
    pub(super) source: String,
    pub(super) example: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Not as expected, but there are days on which it is right.
    Warning,
    /// The data is wrong.
    Error,
}

/// The table to which a check writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputTable {
    /// `meta.findings`.
    Findings,
    /// `meta.gaps`.
    Gaps,
}

/// One of the things that a check finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckKind {
    pub name: String,
    pub description: String,
}

impl Severity {
    /// Every severity.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Error];

    /// Returns the word that stands for it in headers and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl OutputTable {
    /// Returns the word that stands for it in headers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Gaps => "gaps",
        }
    }
}

impl Check {
    /// Reads a check's file; its name without `.sql` is the check's.
    ///
    /// A file that names several data types makes a check for each of them, with the name of the
    /// table added to the file's.
    ///
    /// # Errors
    /// What is wrong with the header, with its line.
    pub fn parse(file: &str, text: &str) -> Result<Vec<Self>, ModelError> {
        header::parse(file, text)
    }

    /// Returns the check's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.statement.name()
    }

    /// Returns the name of its file without `.sql`, which checks of several data types share.
    #[must_use]
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    /// Returns the statement, its inputs and the days around one that it reads.
    #[must_use]
    pub const fn statement(&self) -> &Model {
        &self.statement
    }

    /// Returns the tables that the statement reads.
    #[must_use]
    pub fn inputs(&self) -> &[TableName] {
        self.statement.inputs()
    }

    /// Returns whether its days are audited one by one or all together.
    #[must_use]
    pub const fn partitioning(&self) -> Partitioning {
        self.statement.partitioning()
    }

    /// Returns what is looked for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Returns how bad its findings are.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// Returns the table to which it writes.
    #[must_use]
    pub const fn output(&self) -> OutputTable {
        self.output
    }

    /// Returns whether the rows of a symbol are checked without those of others, so that a day can
    /// be read in parts.
    #[must_use]
    pub const fn is_split_by_symbol(&self) -> bool {
        self.is_split_by_symbol
    }

    /// Returns the data type of findings of which the statement does not give one.
    #[must_use]
    pub fn data_type(&self) -> &str {
        &self.data_type
    }

    /// Returns what is right, for findings of which the statement does not say it.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns what it finds; a check with one kind has its own name for it.
    #[must_use]
    pub fn kinds(&self) -> &[CheckKind] {
        &self.kinds
    }

    /// Returns what a finding means.
    #[must_use]
    pub fn means(&self) -> &str {
        &self.means
    }

    /// Returns what a reader should do.
    #[must_use]
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// Returns where the knowledge comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Returns an example of what it catches.
    #[must_use]
    pub fn example(&self) -> &str {
        &self.example
    }

    /// Returns a text that changes with what the check finds, and not with words about it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let inputs: Vec<String> = self.inputs().iter().map(ToString::to_string).collect();
        hash.update(format!(
            "{} {} {} {}\n{}\n{}\n",
            self.severity,
            self.output.as_str(),
            self.data_type,
            self.expected,
            inputs.join(", "),
            self.statement.fingerprint()
        ));
        Sha256Hex::from_bytes(hash.finalize().into()).to_string()
    }
}
