//! Why a whole file cannot be decoded.
//!
//! A single row that cannot is no error but a [`super::Reject`].

use arrow_schema::ArrowError;
use thiserror::Error;

use crate::names::market::Market;

/// Why a whole file cannot be decoded.
#[derive(Debug, Error)]
pub enum DecodeError {
    #[error("no layout of {table} is known for {market}")]
    Market { table: String, market: Market },
    /// The first line is neither a known header nor a row.
    #[error(
        "line {line}: unknown header `{found}` for {table} of {market}; expected `{expected}`, or \
        rows without a header"
    )]
    Header { table: String, market: Market, line: u64, found: String, expected: String },
    /// The first line is a row, of no known layout.
    #[error(
        "line {line}: {fields} fields in `{found}`, which no layout of {table} of {market} has; \
        expected `{expected}`"
    )]
    Fields {
        table: String,
        market: Market,
        line: u64,
        fields: usize,
        found: String,
        expected: String,
    },
    #[error("line {line} is longer than {limit} bytes; the file is no CSV or is damaged")]
    LineTooLong { line: u64, limit: usize },
    /// The columns do not make a batch: a fault of a schema, not of the file.
    #[error("the columns do not fit together: {0}")]
    Batch(#[from] ArrowError),
}
