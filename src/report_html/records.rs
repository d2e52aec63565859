//! Rejected rows and corrections, from the lake's own tables, as many as a page can show.

use lakehouse_core::matrix::Matrix;
use serde::{Deserialize, Serialize};

use super::PageError;
use crate::meta::changes::{ChangesTable, Correction};
use crate::meta::scope::Scope;
use crate::query::Session;
use crate::recent::series_of;
use crate::storage::lake::{Lake, Layer, TableName};

/// Rows of a list in the page.
const SHOWN: usize = 500;

/// Rows that are read of a table to find those in scope.
const READ: usize = 20_000;

/// The first rows of a list, and how many there are.
#[derive(Debug, Serialize)]
pub(super) struct Bounded<T> {
    pub(super) rows: Vec<T>,
    pub(super) total: usize,
}

/// What the page lists besides the coverage.
#[derive(Debug)]
pub(super) struct Records {
    pub(super) rejects: Bounded<RejectedRows>,
    /// The newest first.
    pub(super) corrections: Bounded<Correction>,
}

/// Rejected rows of one archive and column with the same reason.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RejectedRows {
    archive: String,
    #[serde(default)]
    column: String,
    reason: String,
    rows: u64,
    /// The first of the lines.
    line: i64,
    /// The value on that line, or one like it.
    #[serde(default)]
    value: String,
}

impl Records {
    /// Reads what is in scope; a table that does not exist has no rows.
    pub(super) async fn read(
        lake: &Lake,
        session: &Session,
        matrix: &Matrix,
        scope: &Scope,
    ) -> Result<Self, PageError> {
        let has = |archive: &str| match series_of(archive) {
            Some(series) => scope.has_series(&series),
            None => matrix.identify(archive).is_ok_and(|key| scope.has(&key)),
        };
        let rejects = format!(
            "SELECT archive, \"column\", reason, count(*) AS rows, min(line) AS line, \
             first_value(value ORDER BY line) AS value FROM meta.rejects \
             GROUP BY archive, \"column\", reason ORDER BY rows DESC, archive, line LIMIT {READ}"
        );
        let rejects =
            session.rows_if_any(&TableName::new(Layer::Meta, "rejects"), &rejects).await?;
        let mut corrections = ChangesTable::peek(lake).await?;
        corrections.reverse();
        Ok(Self {
            rejects: bounded(rejects, |row: &RejectedRows| has(&row.archive)),
            corrections: bounded(corrections, |row: &Correction| has(&row.archive)),
        })
    }
}

fn bounded<T>(mut rows: Vec<T>, has: impl Fn(&T) -> bool) -> Bounded<T> {
    rows.retain(has);
    let total = rows.len();
    rows.truncate(SHOWN);
    Bounded { rows, total }
}
