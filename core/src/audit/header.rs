//! The header of a check's file: SQL comments that say what is looked for.
//!
//! ```sql
//! -- What is wrong, in a sentence or some lines.
//! --
//! -- severity: error
//! -- data type: klines; several, each with its table, make a check for each of them
//! -- partitions: market, date
//! -- split by: symbol
//! -- inputs: silver.klines
//! -- lookback: 1 day
//! -- expected: what a row should be like
//! -- means: what a finding says about the data,
//! --   in as many lines as it takes
//! -- do: what a reader should do
//! -- source: where this is known from
//! -- example: what was caught
//! -- kinds:
//! --   name: what this kind of finding is
//! SELECT …
//! ```

use std::path::Path;

use super::{Check, CheckKind, OutputTable, Severity};
use crate::gold::values::{HeaderValues, is_name, is_outside, paragraphs};
use crate::gold::{HeaderLines, Model, ModelError, Statement};

/// Keys of a header; a line that begins with one of them and a colon says it.
const KEYS: [&str; 14] = [
    "severity",
    "data type",
    "partitions",
    "split by",
    "inputs",
    "lookback",
    "lookahead",
    "writes",
    "expected",
    "means",
    "do",
    "source",
    "example",
    "kinds",
];
/// Keys without which a finding could not be understood.
const REQUIRED: [&str; 6] = ["severity", "partitions", "inputs", "means", "do", "source"];

/// A key with its value, and the line where it begins.
#[derive(Debug)]
struct Entry<'a> {
    key: &'a str,
    line: usize,
    /// The value, and the lines below it that are indented.
    lines: Vec<(usize, &'a str)>,
}

impl Entry<'_> {
    fn text(&self) -> String {
        let lines: Vec<&str> =
            self.lines.iter().map(|(_, text)| *text).filter(|text| !text.is_empty()).collect();
        paragraphs(&lines)
    }
}

/// What stands above the statement.
#[derive(Debug)]
struct Header<'a> {
    values: HeaderValues<'a>,
    description: Vec<&'a str>,
    entries: Vec<Entry<'a>>,
    /// The line of the statement, or the last of the file.
    end: usize,
}

/// Reads a file of one check, or of one for each data type that it names.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Check>, ModelError> {
    let header = Header::read(file, text)?;
    let has_select = text.lines().nth(header.end - 1).is_some_and(is_code);
    if !has_select {
        return Err(header.values.error(header.end, "expected a SELECT below the header"));
    }
    if let Some(key) = REQUIRED.into_iter().find(|key| header.entry(key).is_none()) {
        let message = format!("the header above does not say `{key}`");
        return Err(header.values.error(header.end, message));
    }
    let statement = header.statement(file, text)?;
    let expected = header.text("expected");
    let kinds = header.kinds(statement.name(), &expected)?;
    let check = Check {
        file_name: statement.name().to_owned(),
        statement,
        description: paragraphs(&header.description),
        severity: header.severity()?,
        output: header.output()?,
        is_split_by_symbol: header.is_split_by_symbol()?,
        data_type: header.text("data type"),
        expected,
        kinds,
        means: header.text("means"),
        remedy: header.text("do"),
        source: header.text("source"),
        example: header.text("example"),
    };
    let data_types = check.data_type.matches(',').count() + 1;
    if data_types > 1 && data_types != check.inputs().len() {
        let line = header.entry("data type").map_or(1, |entry| entry.line);
        let message = format!(
            "`data type`: a check of {data_types} data types has a table for each of them in \
             `inputs`, and there are {}",
            check.inputs().len()
        );
        return Err(header.values.error(line, message));
    }
    Ok(per_data_type(check))
}

/// Makes a check for each data type; the statement is written for the first of them.
fn per_data_type(check: Check) -> Vec<Check> {
    let data_types: Vec<&str> = check.data_type.split(',').map(str::trim).collect();
    if data_types.len() == 1 {
        return vec![check];
    }
    let mut checks = Vec::with_capacity(data_types.len());
    for (data_type, input) in data_types.into_iter().zip(check.inputs()) {
        let name = format!("{}_{}", check.file_name, input.name);
        let statement = check.statement.over(name, input);
        checks.push(Check { statement, data_type: data_type.to_owned(), ..check.clone() });
    }
    checks
}

fn is_code(line: &str) -> bool {
    !line.trim().is_empty() && !line.trim().starts_with("--")
}

impl<'a> Header<'a> {
    fn read(file: &'a str, text: &'a str) -> Result<Self, ModelError> {
        let values = HeaderValues { file };
        let mut header = Self { values, description: Vec::new(), entries: Vec::new(), end: 1 };
        for (number, line) in (1..).zip(text.lines()) {
            header.end = number;
            if is_code(line) {
                break;
            }
            if let Some(comment) = line.trim().strip_prefix("--") {
                header.take(number, comment)?;
            }
        }
        Ok(header)
    }

    fn take(&mut self, line: usize, comment: &'a str) -> Result<(), ModelError> {
        let text = comment.trim();
        let key = text.split_once(':').filter(|(key, _)| KEYS.contains(key));
        if let Some((key, value)) = key.filter(|_| is_outside(comment)) {
            if self.entry(key).is_some() {
                return Err(self.values.error(line, format!("`{key}` is given twice")));
            }
            self.entries.push(Entry { key, line, lines: vec![(line, value.trim())] });
            return Ok(());
        }
        match self.entries.last_mut() {
            None => self.description.push(text),
            Some(_) if text.is_empty() => {}
            Some(entry) if !is_outside(comment) => entry.lines.push((line, text)),
            Some(_) => {
                let message = format!("expected one of {}, found `{text}`", KEYS.join(", "));
                return Err(self.values.error(line, message));
            }
        }
        Ok(())
    }

    fn entry(&self, key: &str) -> Option<&Entry<'a>> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Returns a value, empty where there is none.
    fn text(&self, key: &str) -> String {
        self.entry(key).map(Entry::text).unwrap_or_default()
    }

    fn statement(&self, file: &str, text: &str) -> Result<Model, ModelError> {
        let name = Path::new(file).file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        if !is_name(name) {
            let message = "a check's name is made of lower-case letters, digits and underscores; \
                           rename the file, whose name is the check's";
            return Err(self.values.error(1, message));
        }
        let line = |key| self.entry(key).map_or(1, |entry| entry.line);
        let inputs = self.values.inputs(line("inputs"), &self.text("inputs"))?;
        let partitioning = self.values.partitions(line("partitions"), &self.text("partitions"))?;
        Ok(Model::from(Statement {
            name: name.to_owned(),
            file: file.to_owned(),
            text: text.to_owned(),
            partitioning,
            inputs,
            lookback: self.days("lookback")?,
            lookahead: self.days("lookahead")?,
            lines: HeaderLines {
                key: self.end,
                inputs: line("inputs"),
                columns: self.end,
                select: self.end,
            },
        }))
    }

    fn days(&self, key: &str) -> Result<u32, ModelError> {
        let Some(entry) = self.entry(key) else { return Ok(0) };
        if self.text("partitions") == "none" {
            let message = format!("`{key}`: a check that reads all days has no days around them");
            return Err(self.values.error(entry.line, message));
        }
        self.values.days(entry.line, key, &entry.text())
    }

    fn severity(&self) -> Result<Severity, ModelError> {
        let value = self.text("severity");
        let found = Severity::ALL.into_iter().find(|severity| severity.as_str() == value);
        let valid = Severity::ALL.map(Severity::as_str).join(", ");
        self.one_of("severity", &value, found, &valid)
    }

    fn output(&self) -> Result<OutputTable, ModelError> {
        if self.entry("writes").is_none() {
            return Ok(OutputTable::Findings);
        }
        let value = self.text("writes");
        let tables = [OutputTable::Findings, OutputTable::Gaps];
        let found = tables.into_iter().find(|table| table.as_str() == value);
        self.one_of("writes", &value, found, "findings, gaps")
    }

    fn is_split_by_symbol(&self) -> Result<bool, ModelError> {
        let Some(entry) = self.entry("split by") else { return Ok(false) };
        let value = entry.text();
        let found = (value == "symbol").then_some(true);
        self.one_of("split by", &value, found, "symbol")
    }

    fn one_of<T>(
        &self,
        key: &str,
        value: &str,
        found: Option<T>,
        valid: &str,
    ) -> Result<T, ModelError> {
        let line = self.entry(key).map_or(1, |entry| entry.line);
        found.ok_or_else(|| {
            self.values.error(line, format!("`{key}`: expected one of {valid}, found `{value}`"))
        })
    }

    /// Reads `name: description` lines; a check without them has one kind, of its own name.
    fn kinds(&self, check: &str, expected: &str) -> Result<Vec<CheckKind>, ModelError> {
        let Some(entry) = self.entry("kinds") else {
            let description = format!("not as expected: {expected}");
            return Ok(vec![CheckKind { name: check.to_owned(), description }]);
        };
        let mut kinds: Vec<CheckKind> = Vec::new();
        for (line, text) in entry.lines.iter().filter(|(_, text)| !text.is_empty()) {
            match text.split_once(':').filter(|(name, _)| is_name(name)) {
                Some((name, _)) if kinds.iter().any(|kind| kind.name == name) => {
                    return Err(self
                        .values
                        .error(*line, format!("the kind `{name}` is there twice")));
                }
                Some((name, description)) => kinds.push(CheckKind {
                    name: name.to_owned(),
                    description: description.trim().to_owned(),
                }),
                None => match kinds.last_mut() {
                    Some(kind) => kind.description = format!("{} {text}", kind.description),
                    None => {
                        let message = format!(
                            "expected a kind such as `crossed_book: bid above ask`, found `{text}`"
                        );
                        return Err(self.values.error(*line, message));
                    }
                },
            }
        }
        Ok(kinds)
    }
}
