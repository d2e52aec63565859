//! The extended protocol: statements are prepared, get values, and are executed in portions.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::api::portal::Portal as UnusedPortal;
use pgwire::api::query::ExtendedQueryHandler;
use pgwire::api::results::Response;
use pgwire::api::stmt::NoopQueryParser;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete,
    PortalSuspended, Sync as PgSync, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::{EmptyQueryResponse, ReadyForQuery, TransactionStatus};

use super::answer::{complete, copy, description, fetch};
use super::command::{Command, split};
use super::conversation::{Conversation, Prepared, Reply};
use super::error::{not_understood, refused};
use super::portal::{Portal, Progress};
use super::rows::{Formats, RowWriter, fields};
use super::wire::{Outlet, Wire};

#[async_trait]
impl ExtendedQueryHandler for Conversation {
    type Statement = String;
    type QueryParser = NoopQueryParser;

    /// Never called, because `on_parse` parses.
    fn query_parser(&self) -> Arc<Self::QueryParser> {
        Arc::new(NoopQueryParser::new())
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Box::pin(self.parse(&message)).await?;
        client.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.bind(&message).await?;
        client.feed(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_describe<C>(&self, client: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let messages = self.description(&message).await?;
        Wire { client, given_up: &self.given_up }.put(messages).await
    }

    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let _answering = self.answering.lock().await;
        let mut status = client.transaction_status();
        let mut wire = Wire { client, given_up: &self.given_up };
        let name = message.name.as_deref().unwrap_or_default();
        let most = usize::try_from(message.max_rows).ok().filter(|most| *most > 0);
        Box::pin(self.execute(&mut wire, name, most, &mut status)).await?;
        client.set_transaction_status(status);
        Ok(())
    }

    async fn on_sync<C>(&self, client: &mut C, _: PgSync) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let status = client.transaction_status();
        if status == TransactionStatus::Idle {
            self.state.lock().await.portals.clear();
        }
        let ready = ReadyForQuery::new(status);
        client.send(PgWireBackendMessage::ReadyForQuery(ready)).await?;
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn on_close<C>(&self, client: &mut C, message: Close) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or_default();
        let mut state = self.state.lock().await;
        if message.target_type == TARGET_TYPE_BYTE_STATEMENT {
            state.statements.remove(name);
        } else {
            state.portals.remove(name);
            state.cursors.remove(name);
        }
        drop(state);
        client.feed(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await?;
        Ok(())
    }

    /// Never called, because `on_execute` answers.
    async fn do_query<C>(
        &self,
        _: &mut C,
        _: &UnusedPortal<Self::Statement>,
        _: usize,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Self::Statement>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(refused("XX000", "the statement was not begun"))
    }
}

impl Conversation {
    async fn parse(&self, message: &Parse) -> PgWireResult<()> {
        let mut statements = split(&message.query);
        if statements.len() > 1 {
            return Err(refused("42601", "a prepared statement is one statement"));
        }
        let text = statements.pop().unwrap_or_default();
        let command = match text.as_str() {
            "" => None,
            text => Some(Command::parse(text).map_err(not_understood)?),
        };
        let prepared = Box::pin(self.prepare(&text, command, &message.type_oids)).await?;
        let name = message.name.clone().unwrap_or_default();
        self.state.lock().await.statements.insert(name, Arc::new(prepared));
        Ok(())
    }

    async fn bind(&self, message: &Bind) -> PgWireResult<()> {
        let mut state = self.state.lock().await;
        let statement = message.statement_name.as_deref().unwrap_or_default();
        let Some(prepared) = state.statements.get(statement) else {
            return Err(unknown_statement(statement));
        };
        let portal = Portal::bind(Arc::clone(prepared), message)?;
        state.portals.insert(message.portal_name.clone().unwrap_or_default(), portal);
        Ok(())
    }

    async fn description(&self, message: &Describe) -> PgWireResult<Vec<PgWireBackendMessage>> {
        let name = message.name.as_deref().unwrap_or_default();
        let state = self.state.lock().await;
        let columns = |prepared: &Prepared, formats: &Formats| match &prepared.columns {
            Some(columns) => description(&fields(columns, formats)),
            None => PgWireBackendMessage::NoData(NoData::new()),
        };
        if message.target_type == TARGET_TYPE_BYTE_STATEMENT {
            let Some(prepared) = state.statements.get(name) else {
                return Err(unknown_statement(name));
            };
            let types = prepared.parameters.iter().map(postgres_types::Type::oid).collect();
            let parameters = ParameterDescription::new(types);
            let parameters = PgWireBackendMessage::ParameterDescription(parameters);
            return Ok(vec![parameters, columns(prepared, &Formats::default())]);
        }
        if let Some(portal) = state.portals.get(name) {
            return Ok(vec![columns(&portal.prepared, &portal.formats)]);
        }
        match state.cursors.get(name) {
            Some(cursor) => Ok(vec![description(&fields(cursor.columns(), &Formats::default()))]),
            None => Err(refused("34000", format!("there is no portal `{name}`"))),
        }
    }

    async fn execute(
        &self,
        outlet: &mut dyn Outlet,
        name: &str,
        most: Option<usize>,
        status: &mut TransactionStatus,
    ) -> PgWireResult<()> {
        let Some(mut portal) = self.state.lock().await.portals.remove(name) else {
            return Err(refused("34000", format!("there is no portal `{name}`")));
        };
        if matches!(portal.progress, Progress::New) {
            let Some(command) = portal.command() else {
                let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
                return outlet.put(vec![empty]).await;
            };
            let reply = Box::pin(self.start(command, &portal.text())).await?;
            match reply {
                Reply::Rows { cursor, tag } => portal.progress = Progress::Begun { cursor, tag },
                reply => return Box::pin(self.finish(outlet, reply, &portal, status)).await,
            }
        }
        Box::pin(portion(outlet, &mut portal, most)).await?;
        self.state.lock().await.portals.insert(name.to_owned(), portal);
        Ok(())
    }

    /// Answers a command that has no portions.
    async fn finish(
        &self,
        outlet: &mut dyn Outlet,
        reply: Reply,
        portal: &Portal,
        status: &mut TransactionStatus,
    ) -> PgWireResult<()> {
        let end = match reply {
            Reply::Copy { mut cursor, format } => {
                return Box::pin(copy(outlet, &mut cursor, &format)).await;
            }
            Reply::Fetch { name, rows } => {
                return Box::pin(fetch(outlet, self, &name, rows, &portal.formats, true)).await;
            }
            Reply::Begin => {
                *status = status.to_in_transaction_state();
                complete("BEGIN", None)
            }
            Reply::End { tag } => {
                *status = TransactionStatus::Idle;
                complete(tag, None)
            }
            Reply::Done { tag } | Reply::Rows { tag, .. } => complete(tag, None),
        };
        outlet.put(vec![end]).await
    }
}

/// Sends the next rows of a portal.
async fn portion(
    outlet: &mut dyn Outlet,
    portal: &mut Portal,
    most: Option<usize>,
) -> PgWireResult<()> {
    let (cursor, tag) = match &mut portal.progress {
        Progress::Begun { cursor, tag } => (cursor, *tag),
        Progress::New => return Err(refused("XX000", "the statement was not begun")),
        Progress::Ended { tag } => return outlet.put(vec![complete(tag, Some(0))]).await,
    };
    let columns = portal.prepared.columns.as_ref().unwrap_or_else(|| cursor.columns());
    let mut writer = RowWriter::new(Arc::clone(columns), &portal.formats);
    let sent = Box::pin(cursor.send(outlet, &mut writer, most)).await?;
    if sent.is_full {
        return outlet
            .put(vec![PgWireBackendMessage::PortalSuspended(PortalSuspended::new())])
            .await;
    }
    portal.progress = Progress::Ended { tag };
    outlet.put(vec![complete(tag, (tag != "SHOW").then_some(sent.rows))]).await
}

fn unknown_statement(name: &str) -> PgWireError {
    refused("26000", format!("there is no prepared statement `{name}`"))
}
