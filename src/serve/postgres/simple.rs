//! The simple protocol: a text with statements, answered one after another as text.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::Sink;
use pgwire::api::query::{SimpleQueryHandler, send_ready_for_query};
use pgwire::api::results::Response;
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, PgWireConnectionState};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{EmptyQueryResponse, TransactionStatus};
use pgwire::messages::simplequery::Query;

use super::answer::{complete, copy, description, fetch};
use super::command::{Command, split};
use super::conversation::{Conversation, Reply};
use super::error::{not_understood, refused};
use super::rows::{Formats, RowWriter};
use super::wire::{Outlet, Wire};

#[async_trait]
impl SimpleQueryHandler for Conversation {
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let _answering = self.answering.lock().await;
        client.set_state(PgWireConnectionState::QueryInProgress);
        let mut status = client.transaction_status();
        let mut wire = Wire { client, given_up: &self.given_up };
        Box::pin(self.answer_text(&mut wire, &query.query, &mut status)).await?;
        client.set_state(PgWireConnectionState::ReadyForQuery);
        client.set_transaction_status(status);
        send_ready_for_query(client, status).await
    }

    /// Never called, because `on_query` answers.
    async fn do_query<C>(&self, _: &mut C, _: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        Err(refused("XX000", "the statement was not begun"))
    }
}

impl Conversation {
    async fn answer_text(
        &self,
        outlet: &mut dyn Outlet,
        text: &str,
        status: &mut TransactionStatus,
    ) -> PgWireResult<()> {
        let statements = split(text);
        if statements.is_empty() {
            let empty = PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new());
            return outlet.put(vec![empty]).await;
        }
        for statement in statements {
            let command = Command::parse(&statement).map_err(not_understood)?;
            let reply = Box::pin(self.start(command, &statement)).await?;
            Box::pin(self.send(outlet, reply, status)).await?;
        }
        Ok(())
    }

    async fn send(
        &self,
        outlet: &mut dyn Outlet,
        reply: Reply,
        status: &mut TransactionStatus,
    ) -> PgWireResult<()> {
        let end = match reply {
            Reply::Rows { mut cursor, tag } => {
                let mut writer = RowWriter::new(Arc::clone(cursor.columns()), &Formats::default());
                outlet.put(vec![description(writer.fields())]).await?;
                let sent = Box::pin(cursor.send(outlet, &mut writer, None)).await?;
                complete(tag, (tag != "SHOW").then_some(sent.rows))
            }
            Reply::Copy { mut cursor, format } => {
                return Box::pin(copy(outlet, &mut cursor, &format)).await;
            }
            Reply::Fetch { name, rows } => {
                let formats = Formats::default();
                return Box::pin(fetch(outlet, self, &name, rows, &formats, false)).await;
            }
            Reply::Done { tag } => complete(tag, None),
            Reply::Begin => {
                *status = status.to_in_transaction_state();
                complete("BEGIN", None)
            }
            Reply::End { tag } => {
                *status = TransactionStatus::Idle;
                complete(tag, None)
            }
        };
        outlet.put(vec![end]).await
    }
}
