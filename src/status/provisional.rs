//! Provisional rows: how many each table has, and of which days.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::query::{QueryError, Session};
use crate::storage::lake::{Layer, TableName};

/// What a table of provisional rows has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ProvisionalRows {
    pub(crate) table: String,
    pub(crate) rows: u64,
    pub(crate) first_day: NaiveDate,
    pub(crate) last_day: NaiveDate,
}

#[derive(Deserialize)]
struct Counted {
    rows: u64,
    first_day: Option<NaiveDate>,
    last_day: Option<NaiveDate>,
}

/// Counts the rows of each table that has any; the log has all that is needed.
///
/// # Errors
/// When a table cannot be read.
pub(super) async fn provisional_rows(
    session: &Session,
) -> Result<Vec<ProvisionalRows>, QueryError> {
    let mut provisional = Vec::new();
    for name in session.catalog().list_layer(Layer::Recent).await? {
        let name = TableName::new(Layer::Recent, &name);
        let sql = format!(
            "SELECT count(*) AS rows, min(date) AS first_day, max(date) AS last_day FROM {name}"
        );
        let counted: Vec<Counted> = Box::pin(session.rows(&sql)).await?;
        for Counted { rows, first_day, last_day } in counted {
            if let Some((first_day, last_day)) = first_day.zip(last_day) {
                let table = name.to_string();
                provisional.push(ProvisionalRows { table, rows, first_day, last_day });
            }
        }
    }
    Ok(provisional)
}
