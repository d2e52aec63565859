//! Which texts are accepted as a statement: exactly one, and one that only reads.
//!
//! Decided on the parsed text, before anything is planned; the session checks the plan a second
//! time, so that a kind of statement that is new to the parser is refused too.

use datafusion::sql::parser::{ExplainStatement, Statement};
use datafusion::sql::sqlparser::ast;

use super::dialect;
use super::error::QueryError;

/// Parses a text that must hold one statement that reads; a semicolon at its end is fine.
pub(super) fn parse(text: &str) -> Result<Statement, QueryError> {
    let statements = dialect::parse(text);
    let mut statements = statements.map_err(|error| QueryError::from_engine(error, 0))?;
    match (statements.pop_front(), statements.len()) {
        (Some(statement), 0) if reads(&statement) => Ok(statement),
        (Some(_), 0) => Err(read_only(text)),
        (first, more) => {
            Err(QueryError::NotOneStatement { found: more + usize::from(first.is_some()) })
        }
    }
}

/// Says that a text does something other than read.
pub(super) fn read_only(text: &str) -> QueryError {
    let explains = |word: &&str| {
        ["EXPLAIN", "ANALYZE", "VERBOSE"].iter().any(|own| own.eq_ignore_ascii_case(word))
    };
    let words = text.split_whitespace().skip_while(explains);
    let words = words.filter(|word| word.chars().all(char::is_alphabetic)).take(2);
    QueryError::ReadOnly { statement: words.map(str::to_uppercase).collect::<Vec<_>>().join(" ") }
}

/// Returns whether the answer depends on the list of tables.
pub(super) fn lists_tables(text: &str) -> bool {
    let text = text.to_lowercase();
    text.contains("information_schema") || text.contains("show") || text.contains("describe")
}

fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => reads_in_sql(statement),
        Statement::Explain(ExplainStatement { statement, .. }) => reads(statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

fn reads_in_sql(statement: &ast::Statement) -> bool {
    match statement {
        ast::Statement::Explain { statement, .. } => reads_in_sql(statement),
        ast::Statement::Query(_)
        | ast::Statement::ExplainTable { .. }
        | ast::Statement::ShowTables { .. }
        | ast::Statement::ShowColumns { .. }
        | ast::Statement::ShowFunctions { .. }
        | ast::Statement::ShowVariable { .. } => true,
        _ => false,
    }
}
