//! What clients read to find out about tables and types: `pg_catalog`, `information_schema`, and
//! PostgreSQL's functions about the server.
//!
//! It has an engine context without the program's dialect, shared by all connections, because the
//! numbers of tables must be the same for all. Only statements that name something of it come here.

mod casts;
mod columns;
mod comments;
mod format;
mod functions;
mod information_schema;
mod lake;
mod plannable;

use std::sync::Arc;

use datafusion::catalog::CatalogProvider;
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::setup_pg_catalog;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use self::comments::Comments;
use self::information_schema::INFORMATION_SCHEMA;
use self::lake::PgLake;
use self::plannable::plannable;
use crate::query::{CATALOG, Description, QueryError, Session, dialect};
use crate::serve::engine::StatementEngine;

/// Functions that only the catalog has, or knows better.
const FUNCTIONS: &[&str] = &[
    "col_description",
    "current_database",
    "current_schema",
    "current_schemas",
    "current_setting",
    "current_user",
    "format_type",
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_schema_privilege",
    "has_table_privilege",
    "obj_description",
    "parse_ident",
    "quote_ident",
    "session_user",
    "set_config",
    "shobj_description",
    "to_regclass",
    "to_regtype",
    "version",
];

/// The catalog of one server.
pub(in crate::serve) struct Catalog {
    context: SessionContext,
    /// The lake's tables, as any session sees them.
    session: Session,
    parser: PostgresCompatibilityParser,
    comments: Comments,
    memory_limit: usize,
}

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Catalog").finish_non_exhaustive()
    }
}

impl Catalog {
    /// Sets the catalog up; nothing is read yet.
    ///
    /// # Errors
    /// When a table of it cannot be made.
    pub(in crate::serve) async fn new(engine: &StatementEngine) -> Result<Self, QueryError> {
        let session = engine.session();
        let config = SessionConfig::new()
            .with_create_default_catalog_and_schema(false)
            .with_default_catalog_and_schema(CATALOG, "silver");
        let context = SessionContext::new_with_config_rt(config, engine.runtime());
        let comments = Comments::default();
        let lake = Arc::new(PgLake::new(Arc::clone(session.catalog()), comments.clone()));
        context.register_catalog(CATALOG, Arc::clone(&lake) as Arc<dyn CatalogProvider>);
        let memory_limit = engine.memory_limit();
        setup_pg_catalog(&context, CATALOG, EmptyContextProvider)
            .map_err(|error| QueryError::from_engine(*error, memory_limit))?;
        functions::register(&context, &comments);
        Box::pin(information_schema::register(&context, lake.as_ref()))
            .await
            .map_err(|error| QueryError::from_engine(error, memory_limit))?;
        let parser = PostgresCompatibilityParser::new();
        Ok(Self { context, session, parser, comments, memory_limit })
    }

    /// Returns whether a statement reads something of the catalog.
    pub(super) fn is_named_in(sql: &str) -> bool {
        let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else {
            return false;
        };
        let mut tokens = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_)));
        let mut next = tokens.next();
        while let Some(token) = next {
            next = tokens.next();
            let Token::Word(word) = token else { continue };
            let name = word.value.to_lowercase();
            let is_called = matches!(next, Some(Token::LParen));
            let is_function = is_called || ["current_user", "session_user"].contains(&&*name);
            let is_schema = name.starts_with("pg_") || name == INFORMATION_SCHEMA;
            let is_cast = name == "regclass";
            if is_schema || is_cast || (is_function && FUNCTIONS.contains(&&*name)) {
                return true;
            }
        }
        false
    }

    /// Describes a statement.
    pub(super) async fn describe(&self, sql: &str) -> Result<Description, QueryError> {
        let plan = Box::pin(self.plan(sql)).await?;
        Description::of(&plan).map_err(|error| self.meaning(error))
    }

    /// Runs a statement.
    pub(super) async fn rows(&self, sql: &str) -> Result<SendableRecordBatchStream, QueryError> {
        let plan = Box::pin(self.plan(sql)).await?;
        let meaning = |error| self.meaning(error);
        let frame = Box::pin(self.context.execute_logical_plan(plan)).await.map_err(meaning)?;
        Box::pin(frame.execute_stream()).await.map_err(meaning)
    }

    async fn plan(&self, sql: &str) -> Result<LogicalPlan, QueryError> {
        self.session.catalog().list().await?;
        let words = sql.to_lowercase();
        if words.contains("description") || words.contains("regclass") {
            Box::pin(self.read_comments()).await?;
        }
        let sql = plannable(sql);
        let syntax = |error: &dyn ToString| QueryError::Syntax { message: error.to_string() };
        let mut statements = self.parser.parse(&sql).map_err(|error| syntax(&error))?;
        let (Some(mut statement), true) = (statements.pop(), statements.is_empty()) else {
            return Err(QueryError::NotOneStatement { found: statements.len() });
        };
        casts::resolve(&mut statement);
        let statement = Statement::Statement(Box::new(statement));
        let plan = Box::pin(self.plan_statement(statement)).await;
        let plan = plan.map_err(|error| self.meaning(error))?;
        let reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let first = sql.split_whitespace().next().unwrap_or_default().to_uppercase();
        reads.verify_plan(&plan).map_err(|_| QueryError::ReadOnly { statement: first })?;
        Ok(plan)
    }

    /// Plans a statement, which may select the same twice: names stay as they are where they can.
    async fn plan_statement(
        &self,
        mut statement: Statement,
    ) -> Result<LogicalPlan, DataFusionError> {
        let state = self.context.state();
        match Box::pin(state.statement_to_plan(statement.clone())).await {
            Err(error) if error.to_string().contains("unique expression names") => {
                dialect::names::separate(&mut statement);
                Box::pin(state.statement_to_plan(statement)).await
            }
            planned => planned,
        }
    }

    /// Finds out which numbers the described tables and columns have.
    async fn read_comments(&self) -> Result<(), QueryError> {
        let sql = "SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c \
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";
        let frame = Box::pin(self.context.sql(sql)).await.map_err(|error| self.meaning(error))?;
        let tables = Box::pin(frame.collect()).await.map_err(|error| self.meaning(error))?;
        Box::pin(self.comments.read(self.session.catalog(), &tables)).await
    }

    fn meaning(&self, error: DataFusionError) -> QueryError {
        QueryError::from_engine(error, self.memory_limit)
    }
}

#[cfg(test)]
mod tests {
    use super::Catalog;

    #[test]
    fn the_catalog_answers_what_names_it_and_nothing_else() {
        for sql in [
            "SELECT pg_catalog.version()",
            "select current_schema()",
            "SELECT current_user",
            "SELECT * FROM pg_class",
            "SELECT current_setting('server_version_num')::int/100 as version",
            "SELECT table_name FROM information_schema.tables",
        ] {
            assert!(Catalog::is_named_in(sql), "{sql}");
        }
        for sql in [
            "SELECT version FROM meta.ingests",
            "SELECT 'pg_catalog'",
            "SELECT 1 -- pg_class",
            "SELECT max(version) FROM t",
        ] {
            assert!(!Catalog::is_named_in(sql), "{sql}");
        }
    }
}
