//! A prepared statement with values for its parameters, and what is left of its rows.

use std::sync::Arc;

use pgwire::error::PgWireResult;
use pgwire::messages::extendedquery::Bind;

use super::command::Command;
use super::conversation::Prepared;
use super::cursor::Cursor;
use super::error::refused;
use super::parameters;
use super::rows::Formats;

/// What a client executes, in portions if it likes.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) prepared: Arc<Prepared>,
    /// Expressions in place of the parameters.
    values: Vec<String>,
    pub(super) formats: Formats,
    pub(super) progress: Progress,
}

/// How far a portal is.
#[derive(Debug)]
pub(super) enum Progress {
    New,
    Begun { cursor: Cursor, tag: &'static str },
    Ended { tag: &'static str },
}

impl Portal {
    /// Gives the parameters of a statement their values.
    ///
    /// # Errors
    /// When there are too few, or one is no value of its type.
    pub(super) fn bind(prepared: Arc<Prepared>, message: &Bind) -> PgWireResult<Self> {
        let found = message.parameters.len();
        let expected = prepared.parameters.len();
        if found != expected {
            let message = format!("{found} parameters were given, the statement has {expected}");
            return Err(refused("08P01", message));
        }
        let codes = Formats(message.parameter_format_codes.clone());
        let mut values = Vec::with_capacity(expected);
        for (index, (value, wire)) in
            message.parameters.iter().zip(&prepared.parameters).enumerate()
        {
            let is_binary = codes.of(index).value() == 1;
            values.push(parameters::literal(wire, value.as_deref(), is_binary)?);
        }
        let formats = Formats(message.result_column_format_codes.clone());
        Ok(Self { prepared, values, formats, progress: Progress::New })
    }

    /// Returns the command with the values in it; nothing for a text without a statement.
    pub(super) fn command(&self) -> Option<Command> {
        let value = |index: usize| self.values.get(index).cloned();
        let filled = |sql: String| parameters::replace(&sql, value).unwrap_or(sql);
        Some(match self.prepared.command.clone()? {
            Command::Rows(sql) => Command::Rows(filled(sql)),
            Command::Copy { sql, format } => Command::Copy { sql: filled(sql), format },
            Command::Declare { name, sql } => Command::Declare { name, sql: filled(sql) },
            command => command,
        })
    }

    /// Returns the text that is logged, without values.
    pub(super) fn text(&self) -> String {
        match &self.prepared.command {
            Some(Command::Rows(sql) | Command::Copy { sql, .. } | Command::Declare { sql, .. }) => {
                sql.clone()
            }
            _ => String::new(),
        }
    }
}
