//! What can go wrong with a statement, in words for the person who typed it.
//!
//! The engine's own messages name its parts; here they become what is wrong with the statement, the
//! lake or the limits, in one line and without the engine's vocabulary.

use std::error::Error;

use bytesize::ByteSize;
use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::common::{Column, DataFusionError, SchemaError};
use thiserror::Error;
use url::Url;

use super::dialect::synonyms;
use crate::delta::damage::LogError;
use crate::storage::lake::TableName;
use crate::storage::{StorageError, location_of};

/// A statement that could not be answered.
#[derive(Debug, Error)]
pub enum QueryError {
    /// The text is no SQL; the message ends with the line and column.
    #[error("SQL syntax: {message}")]
    Syntax { message: String },
    /// The text holds none or several statements.
    #[error("expected one statement, found {found}: run them one at a time")]
    NotOneStatement { found: usize },
    /// The statement does something other than read.
    #[error(
        "`{statement}` is refused: only reading is possible here \
         (SELECT, WITH, VALUES, EXPLAIN, SHOW, DESCRIBE)"
    )]
    ReadOnly { statement: String },
    /// A table is not in the lake.
    #[error("no table `{name}`{}", advise(name, *expected, tables))]
    UnknownTable {
        name: String,
        /// Whether the program knows the table and the lake just has no data for it.
        expected: bool,
        /// The tables that there are.
        tables: Vec<TableName>,
    },
    /// A column is not in the tables that the statement reads.
    #[error("no column `{name}`: {}", suggest(name, columns))]
    UnknownColumn { name: String, columns: Vec<String> },
    /// The statement is SQL but has no meaning: types that do not fit, unknown functions, and the
    /// like.
    #[error("{message}")]
    Invalid { message: String },
    /// The statement needs more memory than it may have, and could not spill to disk.
    #[error(
        "the query needs more memory than its limit of {}: raise the limit, or read fewer rows or \
         columns",
        ByteSize(*limit as u64)
    )]
    Memory {
        /// Bytes.
        limit: usize,
    },
    /// A table exists but cannot be read.
    #[error("cannot read the table at {location}")]
    Table { location: String, source: Box<dyn Error + Send + Sync> },
    /// The table has no such version yet.
    #[error("the table at {location} has no version {version}: its newest is {newest}")]
    NoVersion { location: String, version: u64, newest: u64 },
    /// The table was created after the time of the query.
    #[error(
        "the table at {location} did not exist at {time}: its oldest version is from {first}",
        time = shown(time),
        first = shown(first)
    )]
    NotThere { location: String, time: DateTime<Utc>, first: DateTime<Utc> },
    /// A statement names a parameter that has no value.
    #[error("no value for the parameter `${name}`: give it with --param {name}=VALUE")]
    NoValue { name: String },
    /// A view cannot be used.
    #[error("cannot use the view `{name}` in {place}")]
    View {
        name: String,
        /// The file, with the line where it is known.
        place: String,
        source: Box<Self>,
    },
    /// The lake's tables cannot be listed.
    #[error("cannot list the tables of `{layer}`")]
    List { layer: &'static str, source: object_store::Error },
    /// The lake cannot be reached at all.
    #[error(transparent)]
    Lake(StorageError),
    /// The engine panicked.
    #[error("the engine has a fault that this statement meets: {message}; please report it")]
    Fault { message: String },
    /// Reading went wrong half-way.
    #[error("reading failed: {message}")]
    Execution { message: String },
}

impl QueryError {
    /// Returns the error of a table that cannot be read.
    pub(super) fn table(url: &Url, source: LogError) -> Self {
        Self::Table { location: location_of(url), source: source.into_cause() }
    }

    /// Says what an error of the engine means to the user; `limit` is the bytes that the session
    /// may use.
    pub(crate) fn from_engine(error: DataFusionError, limit: usize) -> Self {
        match error {
            DataFusionError::External(source) => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => match source.downcast::<DataFusionError>() {
                    Ok(inner) => Self::from_engine(*inner, limit),
                    Err(source) => Self::Execution { message: one_line(&source.to_string()) },
                },
            },
            DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => {
                Self::from_engine(*inner, limit)
            }
            DataFusionError::SQL(error, _) => Self::Syntax { message: syntax(&error.to_string()) },
            error => Self::from_root(error.find_root(), limit),
        }
    }

    fn from_root(root: &DataFusionError, limit: usize) -> Self {
        match root {
            DataFusionError::ResourcesExhausted(_) => Self::Memory { limit },
            DataFusionError::ExecutionJoin(error) => Self::Fault { message: error.to_string() },
            DataFusionError::SQL(error, _) => Self::Syntax { message: syntax(&error.to_string()) },
            DataFusionError::SchemaError(error, _) => match error.as_ref() {
                SchemaError::FieldNotFound { field, valid_fields } => Self::UnknownColumn {
                    name: field.name.clone(),
                    columns: valid_fields
                        .iter()
                        .map(|column: &Column| column.name.clone())
                        .collect(),
                },
                other => Self::Invalid { message: lower_first(&one_line(&other.to_string())) },
            },
            DataFusionError::Plan(message) if message.starts_with(UNKNOWN_FUNCTION) => {
                Self::Invalid { message: unknown_function(message) }
            }
            DataFusionError::Plan(message)
            | DataFusionError::NotImplemented(message)
            | DataFusionError::Configuration(message) => Self::Invalid { message: plain(message) },
            DataFusionError::ArrowError(error, _) => {
                Self::Execution { message: plain(&error.to_string()) }
            }
            DataFusionError::Execution(message) => Self::Execution { message: plain(message) },
            other => Self::Execution { message: plain(&other.message()) },
        }
    }
}

fn shown(time: &DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn advise(name: &str, expected: bool, tables: &[TableName]) -> String {
    let there = match tables {
        [] => "the lake has no tables".to_owned(),
        tables => format!("the lake has {}", join(tables.iter().map(ToString::to_string))),
    };
    let meant = synonyms::table(name).filter(|here| tables.iter().any(|t| t.to_string() == *here));
    if let (false, Some(here)) = (expected, meant) {
        return format!(": did you mean `{here}`?");
    }
    match expected {
        true if name.starts_with("gold.") => {
            format!(" yet: run `lakehouse gold` once its inputs exist; {there}")
        }
        true => format!(" yet: run `lakehouse ingest` for its data type first; {there}"),
        false if tables.is_empty() => format!(": {there} yet, run `lakehouse ingest` first"),
        false => format!(": {there}"),
    }
}

/// A misspelt name is mostly two letters off at worst; anything farther is better served by the
/// list.
fn suggest(name: &str, columns: &[String]) -> String {
    if let Some(here) = synonyms::column(name, columns) {
        return format!("did you mean `{here}`?");
    }
    let distance = |column: &&String| levenshtein(&name.to_lowercase(), &column.to_lowercase());
    match columns.iter().min_by_key(distance) {
        None => "the statement reads no table that has columns".to_owned(),
        Some(nearest) if distance(&nearest) <= 2 => format!("did you mean `{nearest}`?"),
        Some(_) => format!("there are {}", join(columns.iter().cloned())),
    }
}

/// How the engine's message about a name that is no function begins.
const UNKNOWN_FUNCTION: &str = "Invalid function '";

/// The engine suggests the function with the most similar letters, however different they are.
fn unknown_function(message: &str) -> String {
    let mut quoted = message.split('\'').skip(1).step_by(2);
    let name = quoted.next().unwrap_or_default();
    if let Some(here) = synonyms::function(name) {
        return format!("no function `{name}`: write {here}");
    }
    match quoted.next().filter(|nearest| levenshtein(&name.to_lowercase(), nearest) <= 2) {
        Some(nearest) => format!("no function `{name}`: did you mean `{nearest}`?"),
        None => format!("no function `{name}`: SHOW FUNCTIONS lists all"),
    }
}

fn join(names: impl Iterator<Item = String>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

/// The parser says `sql parser error: Expected: …, found: FROM at Line: 1, Column: 8`.
fn syntax(message: &str) -> String {
    let message =
        message.trim_start_matches("sql parser error: ").trim_start_matches("ParserError(\"");
    let message = message.replace(" at Line: ", " at line ").replace(", Column: ", ", column ");
    let message = message.replace("Expected: ", "expected ").replace("found: ", "found ");
    let message = message.replace("found EOF", "found the end of the text");
    lower_first(&one_line(&message)).trim_end_matches("\")").to_owned()
}

fn plain(message: &str) -> String {
    let message = reason_of_refused_types(message);
    let end = ["\n\nbacktrace:", "This issue was likely"]
        .iter()
        .filter_map(|end| message.find(end))
        .min();
    let message = one_line(without_tree(&message[..end.unwrap_or(message.len())]))
        .replace("Error during planning: ", "")
        .replace("While expanding wildcard, ", "");
    let message = lower_first(message.trim_start_matches("Internal error: "))
        .trim_end_matches(['.', ' '])
        .to_owned();
    in_sql(&message)
}

/// A function that says itself why it does not take some types is more helpful than what the engine
/// says around it.
fn reason_of_refused_types(message: &str) -> &str {
    let Some((_, reason)) = message.split_once("user-defined coercion failed with: ") else {
        return message;
    };
    let reason = reason.split_once(" No function matches").map_or(reason, |(reason, _)| reason);
    reason.trim_start_matches("Error during planning: ")
}

/// Cuts a message where it begins to print the parsed text as the parser's own structures.
fn without_tree(message: &str) -> &str {
    let is_tree = ["Span(", "span: ", "Ident {"].iter().any(|part| message.contains(part));
    match message.find(['{', '(']) {
        Some(start) if is_tree => message[..start].trim_end(),
        _ => message,
    }
}

/// The engine's names of types, as one would write them in SQL.
const TYPES: [(&str, &str); 14] = [
    ("LargeUtf8", "text"),
    ("Utf8View", "text"),
    ("Utf8", "text"),
    ("Boolean", "boolean"),
    ("UInt64", "bigint unsigned"),
    ("Int64", "bigint"),
    ("Int32", "int"),
    ("Int16", "smallint"),
    ("Float64", "double"),
    ("Float32", "real"),
    ("Date32", "date"),
    ("Decimal128", "decimal"),
    ("Timestamp(Microsecond, Some(\"UTC\"))", "timestamp"),
    ("Timestamp(µs, \"UTC\")", "timestamp"),
];

fn in_sql(message: &str) -> String {
    TYPES.iter().fold(message.to_owned(), |text, (engine, sql)| text.replace(engine, sql))
}

fn one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Messages begin in lower case, but names and abbreviations stay as they are.
fn lower_first(message: &str) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}
