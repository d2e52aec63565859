//! One connection: its session, what it prepared, its cursors and settings, and how a command of it
//! is answered.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use pgwire::api::ClientInfo;
use pgwire::error::PgWireResult;
use postgres_types::Type;
use tokio::sync::{Mutex, OnceCell};

use super::cancel::{Current, Registered};
use super::catalog::Catalog;
use super::command::Command;
use super::copy::CopyFormat;
use super::cursor::{Cursor, text_column};
use super::error::refused;
use super::parameters;
use super::portal::Portal;
use super::settings::Settings;
use crate::query::{Description, OpenedFiles, PlannedRows, Session};
use crate::serve::Door;
use crate::serve::engine::StatementEngine;
use crate::serve::statement::{Request, Rows, StatementError};
use crate::shutdown::Shutdown;

/// Statements that a connection may have prepared.
const PREPARED: usize = 1_000;

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Conversation {
    engine: Arc<StatementEngine>,
    session: Session,
    catalog: Arc<Catalog>,
    pub(super) current: Current,
    /// Requested when the client does not receive its answer.
    pub(super) given_up: Shutdown,
    /// The user or the address, and the entry for requests to cancel, once the client is known.
    known: OnceCell<(String, Registered)>,
    pub(super) state: Mutex<State>,
    /// Held while something is answered.
    pub(super) answering: Mutex<()>,
}

/// What commands of the connection change.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) statements: HashMap<String, Arc<Prepared>>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) cursors: HashMap<String, Cursor>,
    settings: Settings,
}

/// A statement with what is known of it.
#[derive(Debug)]
pub(super) struct Prepared {
    /// Nothing for a text without a statement.
    pub(super) command: Option<Command>,
    pub(super) parameters: Vec<Type>,
    /// Nothing for a command without rows.
    pub(super) columns: Option<SchemaRef>,
}

/// How a command is answered.
#[derive(Debug)]
pub(super) enum Reply {
    Rows {
        cursor: Cursor,
        tag: &'static str,
    },
    Copy {
        cursor: Cursor,
        format: CopyFormat,
    },
    /// Rows of a cursor that was declared.
    Fetch {
        name: String,
        rows: Option<usize>,
    },
    Done {
        tag: &'static str,
    },
    Begin,
    End {
        tag: &'static str,
    },
}

impl Conversation {
    pub(super) fn new(engine: Arc<StatementEngine>, catalog: Arc<Catalog>) -> Self {
        Self {
            session: engine.session_with_search_path(),
            engine,
            catalog,
            current: Current::default(),
            given_up: Shutdown::default(),
            known: OnceCell::new(),
            state: Mutex::default(),
            answering: Mutex::default(),
        }
    }

    /// Takes note of who the client is.
    pub(super) fn know(&self, who: String, registered: Registered) {
        // A client starts up once.
        let _ = self.known.set((who, registered));
    }

    /// Waits while something is answered.
    pub(super) async fn rested(&self) {
        drop(self.answering.lock().await);
    }

    fn who(&self) -> String {
        self.known.get().map(|(who, _)| who.clone()).unwrap_or_default()
    }

    /// Finds out what a statement is, given the types of parameters that the client named.
    pub(super) async fn prepare(
        &self,
        text: &str,
        command: Option<Command>,
        named: &[u32],
    ) -> PgWireResult<Prepared> {
        if self.state.lock().await.statements.len() >= PREPARED {
            return Err(refused("53400", "too many prepared statements: deallocate some"));
        }
        let type_of = |oid: &u32| Type::from_oid(*oid).filter(|wire| *wire != Type::UNKNOWN);
        let named: Vec<Option<Type>> = named.iter().map(type_of).collect();
        let named = |index: usize| named.get(index).cloned().flatten();
        let description = match &command {
            Some(Command::Rows(sql) | Command::Copy { sql, .. } | Command::Declare { sql, .. }) => {
                Some(self.describe(sql, named).await?)
            }
            _ => None,
        };
        let inferred = |index: usize| {
            let description = description.as_ref();
            description.and_then(|known| known.parameters.get(&(index + 1)))
        };
        let parameters = (0..parameters::count(text))
            .map(|index| named(index).unwrap_or_else(|| parameters::inferred(inferred(index))))
            .collect();
        let columns = match &command {
            Some(Command::Rows(_)) => description.map(|known| known.columns),
            Some(Command::Show { name }) => Some(text_column(name)),
            Some(Command::Fetch { name, .. }) => {
                let state = self.state.lock().await;
                state.cursors.get(name).map(|cursor| Arc::clone(cursor.columns()))
            }
            _ => None,
        };
        Ok(Prepared { command, parameters, columns })
    }

    async fn describe(
        &self,
        sql: &str,
        named: impl Fn(usize) -> Option<Type>,
    ) -> Result<Description, StatementError> {
        let null = |index: usize| named(index).map(|wire| parameters::typed_null(&wire));
        let text = parameters::replace(sql, null).unwrap_or_else(|| sql.to_owned());
        let described = self.describe_text(text).await;
        if described.is_ok() || parameters::count(sql) == 0 {
            return described;
        }
        // A parameter of which nothing says the type may be in the way.
        let null = |index: usize| Some(parameters::typed_null(&named(index).unwrap_or(Type::TEXT)));
        let text = parameters::replace(sql, null).unwrap_or_else(|| sql.to_owned());
        self.describe_text(text).await.or(described)
    }

    async fn describe_text(&self, sql: String) -> Result<Description, StatementError> {
        if Catalog::is_named_in(&sql) {
            let catalog = Arc::clone(&self.catalog);
            return self.engine.compute(async move { catalog.describe(&sql).await }).await;
        }
        let session = self.session.clone();
        self.engine.compute(async move { session.describe(&sql).await }).await
    }

    /// Begins to answer a command; `text` is what is logged of it.
    pub(super) async fn start(&self, command: Command, text: &str) -> PgWireResult<Reply> {
        let reply = match command {
            Command::Rows(sql) => {
                Reply::Rows { cursor: self.open(sql, text).await?, tag: "SELECT" }
            }
            Command::Copy { sql, format } => {
                Reply::Copy { cursor: self.open(sql, text).await?, format }
            }
            Command::Declare { name, sql } => {
                let cursor = self.open(sql, text).await?;
                self.state.lock().await.cursors.insert(name, cursor);
                Reply::Done { tag: "DECLARE CURSOR" }
            }
            Command::Fetch { name, rows } => Reply::Fetch { name, rows },
            command => self.set(command).await?,
        };
        Ok(reply)
    }

    /// Answers a command that runs no statement.
    async fn set(&self, command: Command) -> PgWireResult<Reply> {
        let mut state = self.state.lock().await;
        match command {
            Command::Set { name, value } => {
                state.settings.set(&name, value);
                Ok(Reply::Done { tag: "SET" })
            }
            Command::Reset { name } => {
                state.settings.reset(name.as_deref());
                Ok(Reply::Done { tag: "RESET" })
            }
            Command::Show { name } => {
                let Some(value) = state.settings.get(&name) else {
                    let message = format!("there is no setting `{name}`");
                    return Err(refused("42704", message));
                };
                Ok(Reply::Rows { cursor: Cursor::text(&name, value), tag: "SHOW" })
            }
            Command::CloseCursor { name } => state.close(name.as_deref()),
            Command::Deallocate { name } => {
                match name {
                    Some(name) => drop(state.statements.remove(&name)),
                    None => state.statements.clear(),
                }
                Ok(Reply::Done { tag: "DEALLOCATE" })
            }
            Command::Begin => Ok(Reply::Begin),
            Command::End { tag } => {
                state.end_transaction();
                Ok(Reply::End { tag })
            }
            Command::Ignored { tag } => Ok(Reply::Done { tag }),
            Command::Rows(_)
            | Command::Copy { .. }
            | Command::Declare { .. }
            | Command::Fetch { .. } => Err(refused("XX000", "the statement was not begun")),
        }
    }

    /// Begins a statement.
    async fn open(&self, sql: String, text: &str) -> Result<Cursor, StatementError> {
        let request = Request {
            door: Door::Postgres,
            who: self.who(),
            text: text.to_owned(),
            cancel: self.current.next(),
        };
        let rows: Rows = if Catalog::is_named_in(&sql) {
            let catalog = Arc::clone(&self.catalog);
            Box::pin(async move { Ok(PlannedRows::of(Box::pin(catalog.rows(&sql)).await?)) })
        } else {
            let session = self.session.clone();
            let opened = OpenedFiles::default();
            Box::pin(async move { Box::pin(session.planned(&sql, opened)).await })
        };
        Ok(Cursor::new(self.engine.start_rows(rows, request).await?))
    }
}

impl State {
    /// Ends everything that lasts as long as a transaction.
    pub(super) fn end_transaction(&mut self) {
        self.cursors.clear();
        self.portals.clear();
    }

    fn close(&mut self, name: Option<&str>) -> PgWireResult<Reply> {
        match name {
            None => self.cursors.clear(),
            Some(name) if self.cursors.remove(name).is_none() => {
                return Err(refused("34000", format!("there is no cursor `{name}`")));
            }
            Some(_) => {}
        }
        Ok(Reply::Done { tag: "CLOSE CURSOR" })
    }
}

/// Returns who a client says it is.
pub(super) fn user_of(client: &dyn ClientInfo) -> String {
    let user = client.metadata().get(pgwire::api::METADATA_USER);
    user.cloned().unwrap_or_default()
}
