//! Statements that need no lake: rows are typed in the statement.

use lakehouse::output::{Format, OutputOptions, write_stream};
use lakehouse::query::{QueryError, Session, SessionOptions};
use lakehouse::storage::lake::Lake;
use tempfile::TempDir;

/// A session over a lake without tables.
pub(crate) struct Dialect {
    session: Session,
    _folder: TempDir,
}

impl Dialect {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        let session = Session::open(&lake, SessionOptions::default()).unwrap();
        Self { session, _folder: folder }
    }

    /// Returns the rows of an answer as CSV without its header; NULL is empty.
    pub(crate) async fn rows(&self, sql: &str) -> String {
        match self.answer(sql).await {
            // A row that is one NULL is written as an empty text.
            Ok(csv) => csv.split_once('\n').unwrap().1.replace("\"\"", "").trim_end().to_owned(),
            Err(error) => panic!("{sql}: {error}"),
        }
    }

    /// Returns what a statement that is refused, or fails, says.
    pub(crate) async fn refusal(&self, sql: &str) -> String {
        match self.answer(sql).await {
            Ok(csv) => panic!("{sql} was answered: {csv}"),
            Err(error) => error.to_string(),
        }
    }

    /// Compares the rows of each answer with what is expected.
    pub(crate) async fn expect(&self, cases: &[(&str, &str)]) {
        for (sql, expected) in cases {
            assert_eq!(self.rows(sql).await, *expected, "{sql}");
        }
    }

    async fn answer(&self, sql: &str) -> Result<String, QueryError> {
        let rows = Box::pin(self.session.sql(sql)).await?;
        let mut out = Vec::new();
        let written = write_stream(rows, Format::Csv, &mut out, OutputOptions::default()).await;
        match written {
            Ok(_) => Ok(String::from_utf8(out).unwrap()),
            Err(lakehouse::output::OutputError::Query(error)) => Err(self.session.meaning(error)),
            Err(error) => panic!("{sql}: {error}"),
        }
    }
}
