//! The dialect of SQL that statements are written in: PostgreSQL's, with DuckDB's arithmetic where
//! the two differ.
//!
//! A statement passes through here three times: its parsed text is corrected (`syntax`), its
//! relations, types and functions are chosen while it is planned (`relations`, `numbers`,
//! `functions` and others), and its plan is rewritten (`rules`). Every session of the program is
//! set up by [`session_state`], so that a statement means the same in a query, in the shell and in
//! a gold model. Which statements are accepted at all is `statement`'s business; settings and
//! limits are the session's.

mod aggregates;
mod bounds;
mod depth;
mod expressions_of;
mod functions;
pub(crate) mod names;
mod numbers;
mod relations;
mod rules;
pub(in crate::query) mod subqueries;
pub(in crate::query) mod synonyms;
mod syntax;
mod times;
mod windows;

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;

pub(crate) use self::syntax::function_call;

/// How deep expressions may be nested.
const MAX_DEPTH: usize = 128;

/// Parses a text into its statements, with the tree as this dialect reads it.
///
/// # Errors
/// When the text is no SQL, or nested too deeply.
pub(crate) fn parse(text: &str) -> Result<VecDeque<Statement>, DataFusionError> {
    let dialect = GenericDialect {};
    depth::check(&dialect, text)?;
    let tokens = syntax::tokens(text, &dialect)?;
    let parser = DFParserBuilder::new(tokens).with_dialect(&dialect);
    let mut statements = parser.with_recursion_limit(MAX_DEPTH).build()?.parse_statements()?;
    for statement in &mut statements {
        numbers::correct(statement);
        times::correct(statement);
        syntax::correct(statement)?;
        names::separate(statement);
    }
    Ok(statements)
}

/// Returns the state of a session that understands the dialect.
pub(crate) fn session_state(config: SessionConfig, runtime: &Arc<RuntimeEnv>) -> SessionState {
    let builder = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features();
    let builder = numbers::register(builder);
    let builder = aggregates::register(builder);
    let builder = functions::register(builder);
    let builder = times::register(builder);
    let builder = windows::register(builder);
    let builder = relations::register(builder);
    let builder = bounds::register(builder);
    rules::register(builder).build()
}
