//! Arithmetic of SQL: exact, or an error that helps.

mod exact;
mod listed;
mod properties;
mod spilled;

use std::path::Path;

use lakehouse::output::{Format, OutputError, OutputOptions, write_stream};
use lakehouse::query::{Session, SessionOptions};
use lakehouse::storage::lake::Lake;
use tempfile::TempDir;

/// A session over a lake without tables.
struct Calculator {
    session: Session,
    _lake: TempDir,
}

impl Calculator {
    fn new() -> Self {
        let lake = tempfile::tempdir().unwrap();
        let session = open(lake.path(), SessionOptions::default());
        Self { session, _lake: lake }
    }

    /// Answers a statement with its lines below the header, or with the error's text.
    async fn lines(&self, sql: &str) -> Result<Vec<String>, String> {
        answer(&self.session, sql).await
    }

    /// Answers an expression with one value.
    async fn value(&self, expression: &str) -> Result<String, String> {
        let lines = self.lines(&format!("SELECT {expression}")).await?;
        assert_eq!(lines.len(), 1, "{expression}: {lines:?}");
        Ok(lines[0].clone())
    }
}

fn open(lake: &Path, options: SessionOptions) -> Session {
    Session::open(&Lake::open(lake.to_str().unwrap()).unwrap(), options).unwrap()
}

async fn answer(session: &Session, sql: &str) -> Result<Vec<String>, String> {
    let rows = session.sql(sql).await.map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    let written = write_stream(rows, Format::Csv, &mut out, OutputOptions::default()).await;
    match written {
        Ok(_) => {
            let text = String::from_utf8(out).unwrap();
            Ok(text.lines().skip(1).map(|line| line.trim_matches('"').to_owned()).collect())
        }
        Err(OutputError::Query(error)) => Err(session.meaning(error).to_string()),
        Err(other) => panic!("{sql}: {other}"),
    }
}
