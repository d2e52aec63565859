//! What requests are answered with: the columns and rows of statements, and prepared statements.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::sql::ActionCreatePreparedStatementResult;
use arrow_flight::{IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use tonic::Status;

use super::columns::{self, Sent};
use super::listing::About;
use super::login::Tokens;
use super::prepared::Prepared;
use super::running::RunningStatements;
use super::service::Wanted;
use super::status::{failed, not_sendable};
use crate::query::{Description, OpenedFiles, Session};
use crate::serve::engine::StatementEngine;
use crate::serve::statement::{Request, StatementError};
use crate::serve::{Door, ServeError};
use crate::shutdown::Shutdown;

/// Answers the requests of all clients.
pub(in crate::serve) struct FlightSql {
    engine: Arc<StatementEngine>,
    session: Session,
    about: About,
    tokens: Arc<Tokens>,
    running: Arc<RunningStatements>,
}

impl FlightSql {
    /// Makes what answers for an engine; nothing is read yet.
    ///
    /// # Errors
    /// When the system has no random numbers for tokens.
    pub(in crate::serve) fn new(engine: Arc<StatementEngine>) -> Result<Self, ServeError> {
        let session = engine.session();
        let about = About::new().map_err(|error| ServeError::Flight(error.into()))?;
        let tokens = Tokens::new().map_err(|error| ServeError::Flight(error.into()))?;
        let running = Arc::default();
        Ok(Self { engine, session, about, tokens: Arc::new(tokens), running })
    }

    pub(super) const fn tokens(&self) -> &Arc<Tokens> {
        &self.tokens
    }

    pub(super) const fn running(&self) -> &Arc<RunningStatements> {
        &self.running
    }

    pub(super) async fn columns(&self, wanted: &Wanted) -> Result<SchemaRef, Status> {
        match wanted {
            Wanted::Listing(listing) => Ok(listing.clone().columns(&self.about)),
            Wanted::Statement(statement) => {
                Ok(columns::of_rows(&self.describe(statement).await?.columns))
            }
        }
    }

    async fn describe(&self, statement: &Prepared) -> Result<Description, Status> {
        let described = self.describe_text(statement.text()).await;
        if described.is_ok() || statement.parameters() == 0 {
            return described.map_err(|error| failed(&error));
        }
        // A parameter of which nothing says the type may be in the way.
        let text = statement.without_parameters();
        self.describe_text(text).await.or(described).map_err(|error| failed(&error))
    }

    async fn describe_text(&self, text: String) -> Result<Description, StatementError> {
        let session = self.session.clone();
        self.engine.compute(async move { session.describe(&text).await }).await
    }

    pub(super) async fn rows(&self, wanted: Wanted, who: String) -> Result<Sent, Status> {
        let statement = match wanted {
            Wanted::Statement(statement) => statement,
            Wanted::Listing(listing) => {
                let rows = listing.rows(&self.about, &self.engine, &self.session).await?;
                return Ok(columns::send_batch(rows));
            }
        };
        let cancel = Shutdown::default();
        let list = |ticket: &str| self.running.list(&who, ticket, &cancel);
        let listed = statement.ticket().and_then(list);
        let text = statement.sql().to_owned();
        let request = Request { door: Door::Flight, who, text, cancel };
        let session = self.session.clone();
        let text = statement.text();
        let opened = OpenedFiles::default();
        let rows = Box::pin(async move { Box::pin(session.planned(&text, opened)).await });
        let answer = self.engine.start_rows(rows, request).await;
        Ok(columns::send(answer.map_err(|error| failed(&error))?, listed))
    }

    pub(super) async fn prepare(
        &self,
        text: &str,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let statement = Prepared::new(text);
        let known = self.describe(&statement).await?;
        let parameter = |index: usize| {
            let data_type = known.parameters.get(&(index + 1)).map(columns::plain);
            let data_type = data_type.unwrap_or(DataType::Utf8);
            Field::new(format!("${}", index + 1), data_type, true)
        };
        let parameters: Vec<Field> = (0..statement.parameters()).map(parameter).collect();
        Ok(ActionCreatePreparedStatementResult {
            prepared_statement_handle: statement.handle(),
            dataset_schema: on_the_wire(&columns::of_rows(&known.columns))?,
            parameter_schema: on_the_wire(&Schema::new(parameters))?,
        })
    }
}

/// Writes columns as the protocol has them.
pub(super) fn on_the_wire(columns: &Schema) -> Result<Bytes, Status> {
    let options = IpcWriteOptions::default();
    let message = IpcMessage::try_from(SchemaAsIpc::new(columns, &options));
    message.map(|IpcMessage(bytes)| bytes).map_err(not_sendable)
}
