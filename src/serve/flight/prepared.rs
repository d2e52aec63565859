//! Statements as clients hand them back: the text with the values of its parameters.
//!
//! The server keeps nothing of a prepared statement, so that there is no limit on their number,
//! none is forgotten, and each is planned on the newest versions of its tables.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::status::not_understood;
use crate::serve::parameters::{UNKNOWN, count, numbered, replace};

/// A statement with values for its parameters, or without them yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Prepared {
    /// Parameters have numbers.
    sql: String,
    /// Expressions in place of the parameters.
    values: Vec<String>,
    /// The name of the ticket that this is handed out with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ticket: Option<String>,
}

impl Prepared {
    /// Takes a statement as a client writes it.
    pub(super) fn new(text: &str) -> Self {
        Self { sql: numbered(text), values: Vec::new(), ticket: None }
    }

    /// Reads what [`Self::handle`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    pub(super) fn read(handle: &[u8]) -> Result<Self, Status> {
        serde_json::from_slice(handle).map_err(not_understood)
    }

    /// Returns what the client hands back.
    pub(super) fn handle(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// Gives the parameters their values.
    ///
    /// # Errors
    /// When there are too many or too few.
    pub(super) fn bind(self, values: Vec<String>) -> Result<Self, Status> {
        let expected = self.parameters();
        if values.len() != expected {
            let found = values.len();
            return Err(Status::invalid_argument(format!(
                "{found} values were given, the statement has {expected} parameters"
            )));
        }
        Ok(Self { values, ..self })
    }

    /// Gives it the name of a ticket.
    pub(super) fn with_ticket(self, name: String) -> Self {
        Self { ticket: Some(name), ..self }
    }

    /// Returns the name of its ticket, if it has one.
    pub(super) fn ticket(&self) -> Option<&str> {
        self.ticket.as_deref()
    }

    /// Returns how many parameters there are.
    pub(super) fn parameters(&self) -> usize {
        count(&self.sql)
    }

    /// Returns the statement without values, as it is logged.
    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    /// Returns the statement with the values in it.
    pub(super) fn text(&self) -> String {
        if self.values.is_empty() {
            return self.sql.clone();
        }
        replace(&self.sql, |index| self.values.get(index).cloned())
            .unwrap_or_else(|| self.sql.clone())
    }

    /// Returns the statement with NULL for parameters without a value.
    pub(super) fn without_parameters(&self) -> String {
        let value = |index: usize| {
            Some(self.values.get(index).cloned().unwrap_or_else(|| UNKNOWN.to_owned()))
        };
        replace(&self.sql, value).unwrap_or_else(|| self.sql.clone())
    }
}
