//! The lake for assistants: a server of the Model Context Protocol on standard input and output.
//!
//! It has four tools that only read. An assistant has little room, so every answer is bounded in
//! rows and bytes, and says what it leaves out. Errors are part of the answer, so that the
//! assistant reads them and can correct its statement.

mod tables;
mod tools;

use std::sync::Arc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListToolsResult, PaginatedRequestParams, ServerCapabilities, ServerConfig,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Map, Value};

use self::tools::Call;
use super::engine::StatementEngine;
use super::rows_json::JsonRows;
use super::statement::Request;
use super::{Door, ServeError};
use crate::error_chain::messages;
use crate::shutdown::Shutdown;
use crate::status::StatusDocument;

/// Rows that are taken from a statement before its size is looked at.
const STEP: usize = 50;

const INSTRUCTIONS: &str = "\
The public market-data archive of Binance as Delta tables, read-only. Begin with list_tables, then \
describe_table. Tables have the partitions market and date: filter by both, and by symbol. Times \
are in UTC. Prices and quantities are exact decimals and come as texts. Dialect: that of \
PostgreSQL, with names of tables such as silver.klines. Aggregate in SQL rather than read rows.";

/// How much an answer may hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerLimits {
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
}

/// The tools over one lake.
#[derive(Clone, Debug)]
pub(crate) struct McpServer {
    engine: Arc<StatementEngine>,
    limits: AnswerLimits,
}

impl McpServer {
    pub(crate) fn new(engine: StatementEngine, limits: AnswerLimits) -> Self {
        Self { engine: Arc::new(engine), limits }
    }

    /// Answers requests until the input ends or a shutdown is requested.
    ///
    /// # Errors
    /// When what is read is not the protocol.
    pub(crate) async fn run(self) -> Result<(), ServeError> {
        let stopping = self.engine.stopping().clone();
        let serving = Box::pin(async {
            let service = self.serve(rmcp::transport::stdio()).await.map_err(Box::new)?;
            // The task ends with the input; that it was cancelled is no failure.
            let _ = service.waiting().await;
            Ok(())
        });
        tokio::select! {
            biased;
            () = stopping.requested() => Ok(()),
            served = serving => served,
        }
    }

    async fn answer(&self, call: Call) -> Result<String, String> {
        match call {
            Call::ListTables => self.list_tables().await,
            Call::DescribeTable(table) => self.describe_table(&table).await,
            Call::Query { sql, max_rows } => Box::pin(self.query(sql, max_rows)).await,
            Call::Status => Box::pin(self.status()).await,
        }
    }

    async fn list_tables(&self) -> Result<String, String> {
        json(&tables::list(self.engine.session().catalog()).await.map_err(text)?)
    }

    async fn describe_table(&self, name: &str) -> Result<String, String> {
        let session = self.engine.session();
        json(&tables::describe(session.catalog(), name).await?)
    }

    /// Runs a statement, and ends it once the answer is full.
    async fn query(&self, sql: String, max_rows: Option<usize>) -> Result<String, String> {
        let request = Request {
            door: Door::Mcp,
            who: "assistant".to_owned(),
            text: sql,
            cancel: Shutdown::default(),
        };
        let session = self.engine.session();
        let mut answer = self.engine.start(&session, request).await.map_err(text)?;
        let most = max_rows.unwrap_or(self.limits.rows).min(self.limits.rows);
        let mut rows = JsonRows::new(&answer, Some(most));
        let mut written = Vec::new();
        'answer: while let Some(batch) = answer.next().await.map_err(text)? {
            for start in (0..batch.num_rows()).step_by(STEP) {
                let length = STEP.min(batch.num_rows() - start);
                written.extend(rows.write(&batch.slice(start, length))?);
                if written.len() > self.limits.bytes {
                    rows.cut();
                }
                if rows.is_full() {
                    break 'answer;
                }
            }
        }
        written.extend(rows.finish(None));
        String::from_utf8(written).map_err(text)
    }

    /// Returns the status without its series, which may be thousands.
    async fn status(&self) -> Result<String, String> {
        let status = Box::pin(self.engine.status()).await.map_err(text)?;
        let document = StatusDocument::new(self.engine.location(), &status);
        let mut document = serde_json::to_value(&document).map_err(text)?;
        if let Value::Object(fields) = &mut document {
            fields.remove("series");
            cut(fields, "failed");
            cut(fields, "runs");
        }
        json(&document)
    }
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("lakehouse", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(tools::all(self.limits)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let call = Call::parse(&request.name, request.arguments.unwrap_or_default())?;
        let answer = tokio::select! {
            biased;
            // Dropping the answer ends its statement.
            () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
            answer = Box::pin(self.answer(call)) => answer,
        };
        let result = match answer {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(text) => CallToolResult::error(vec![ContentBlock::text(text)]),
        };
        Ok(result.into())
    }
}

/// Failures and runs of a status that an assistant reads.
const RECORDS: usize = 10;

fn cut(document: &mut Map<String, Value>, field: &str) {
    if let Some(Value::Array(records)) = document.get_mut(field) {
        records.truncate(RECORDS);
    }
}

fn json(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string(value).map_err(text)
}

/// Returns an error with its causes as one line.
fn text(error: impl std::error::Error + 'static) -> String {
    messages(&error).join(": ")
}
