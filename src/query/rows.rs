//! A short answer as values of Rust, for the program's own queries.

use arrow::json::ArrayWriter;
use futures::TryStreamExt;
use serde::de::DeserializeOwned;

use super::error::QueryError;
use super::session::Session;
use crate::storage::lake::TableName;

impl Session {
    /// Runs a statement and reads its rows, each as an object with a field for every column that is
    /// not null.
    ///
    /// # Errors
    /// Like [`Session::sql`], and when a row is not what `T` expects.
    pub(crate) async fn rows<T: DeserializeOwned>(&self, sql: &str) -> Result<Vec<T>, QueryError> {
        let answer = Box::pin(self.sql(sql)).await?;
        let batches: Vec<_> = answer.try_collect().await.map_err(|error| self.meaning(error))?;
        let unreadable = |message: String| QueryError::Execution { message };
        let mut json = ArrayWriter::new(Vec::new());
        for batch in &batches {
            json.write(batch).map_err(|error| unreadable(error.to_string()))?;
        }
        json.finish().map_err(|error| unreadable(error.to_string()))?;
        let json = json.into_inner();
        // Without a batch nothing was begun that could be finished.
        if json.is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_slice(&json).map_err(|error| unreadable(error.to_string()))
    }

    /// Does the same for a table that need not be there, which then has no rows.
    ///
    /// # Errors
    /// Like [`Session::rows`].
    pub(crate) async fn rows_if_any<T: DeserializeOwned>(
        &self,
        table: &TableName,
        sql: &str,
    ) -> Result<Vec<T>, QueryError> {
        match self.catalog().open(table).await? {
            Some(_) => self.rows(sql).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Writes a text as a literal of SQL.
pub(crate) fn text_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
