//! Checks: what an audit looks for, as their files describe it.
//!
//! A check is one file: a header of SQL comments and one `SELECT`, which returns the rows that are
//! not as they should be. Reading the header is pure and here. Which days a check has to look at
//! again is decided as for gold models ([`crate::gold::recompute`]), of whose machinery a check
//! is the second user; running the statement is the business of the package that runs SQL.

mod check;
mod checks;
mod header;

pub use check::{Check, CheckKind, OutputTable, Severity};
pub use checks::{BrokenCheck, Checks};

#[cfg(test)]
mod tests;
