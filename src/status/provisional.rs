//! Provisional rows: how many each table has, and of which days and series.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::period::DateRange;
use serde::{Deserialize, Serialize};

use crate::query::{QueryError, Session};
use crate::recent::series_of;
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

/// The provisional rows of each series, by day.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProvisionalDays(BTreeMap<Series, ProvisionalSeries>);

/// The provisional rows of one series.
#[derive(Clone, Debug)]
pub(crate) struct ProvisionalSeries {
    /// The table that has them.
    pub(crate) table: String,
    pub(crate) days: BTreeMap<NaiveDate, ProvisionalDay>,
}

/// The provisional rows of a day of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProvisionalDay {
    pub(crate) rows: u64,
    /// The answers that they are from, at least one.
    pub(crate) answers: u64,
    /// The newest of them, as the column `archive` has it.
    pub(crate) answer: String,
}

#[derive(Deserialize)]
struct RowsOfAnswer {
    archive: String,
    date: NaiveDate,
    rows: u64,
}

impl ProvisionalDays {
    /// Counts the rows of tables on some days by series and day. Of their columns one is read, in
    /// which a value repeats for a whole answer.
    ///
    /// # Errors
    /// When a table cannot be read.
    pub(super) async fn read(
        session: &Session,
        tables: &[ProvisionalRows],
        dates: DateRange,
    ) -> Result<Self, QueryError> {
        let mut days = Self::default();
        for ProvisionalRows { table, .. } in tables {
            let sql = format!(
                "SELECT archive, date, count(*) AS rows FROM {table}
                 GROUP BY archive, date ORDER BY archive, date"
            );
            let found: Vec<RowsOfAnswer> = Box::pin(session.rows(&sql)).await?;
            let found = found.into_iter().filter(|rows| dates.contains(rows.date));
            found.for_each(|rows| days.add(table, rows));
        }
        Ok(days)
    }

    /// Returns what is provisional of a series, if anything is.
    pub(crate) fn of(&self, series: &Series) -> Option<&ProvisionalSeries> {
        self.0.get(series)
    }

    fn add(&mut self, table: &str, found: RowsOfAnswer) {
        let RowsOfAnswer { archive: answer, date, rows } = found;
        let Some(series) = series_of(&answer) else { return };
        let empty = || ProvisionalSeries { table: table.to_owned(), days: BTreeMap::new() };
        let day = self.0.entry(series).or_insert_with(empty).days.entry(date);
        let day = day.or_insert(ProvisionalDay { rows: 0, answers: 0, answer: String::new() });
        day.rows += rows;
        day.answers += 1;
        day.answer = answer;
    }
}

impl ProvisionalSeries {
    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> u64 {
        self.days.values().map(|day| day.rows).sum()
    }
}
