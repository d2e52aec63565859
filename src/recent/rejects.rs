//! Rows of answers that cannot be kept, in `meta.rejects` as those of archives are.
//!
//! An archive that is read again replaces its rejects. No two answers have the same name, so a
//! later answer replaces those of earlier answers of the same series and time. Once silver has rows
//! of that time, the rejects leave as provisional rows do.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use lakehouse_core::decode::Reject;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::market::Interval;
use lakehouse_core::schema::TableSchema;
use serde::Deserialize;

use super::SettleError;
use super::source::{SCHEME, Source};
use crate::delta::commit::CommitContext;
use crate::delta::{TableError, Verb};
use crate::meta::rejects::{RejectsTable, RejectsTarget, rejects_files};
use crate::query::{QueryError, Session, text_literal};
use crate::storage::lake::{Lake, Layer, TableName};

/// The rows of an answer that cannot be kept; none, if all can.
#[derive(Debug)]
pub(crate) struct AnswerRejects {
    /// What the column `archive` says.
    pub(crate) source: String,
    pub(crate) rejects: Vec<Reject>,
}

/// The answers of which `meta.rejects` has rows.
#[derive(Debug)]
pub(crate) struct RejectedAnswers(BTreeSet<String>);

#[derive(Deserialize)]
struct Named {
    archive: String,
}

#[derive(Deserialize)]
struct Count {
    rows: u64,
}

impl RejectedAnswers {
    /// Reads which answers they are.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub(crate) async fn read(session: &Session) -> Result<Self, QueryError> {
        let name = TableName::new(Layer::Meta, "rejects");
        // Names of archives sort after these, so that files without any are not read.
        let sql = format!(
            "SELECT DISTINCT archive FROM {name} WHERE archive >= '{SCHEME}' AND archive < 'api;'"
        );
        let found: Vec<Named> = Box::pin(session.rows_if_any(&name, &sql)).await?;
        Ok(Self(found.into_iter().map(|named| named.archive).collect()))
    }

    /// Records the rejects of some answers, unless they are, in the place of those of earlier ones.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(crate) async fn record(
        &mut self,
        lake: &Lake,
        answers: Vec<AnswerRejects>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let mut gone = BTreeSet::new();
        let mut new = Vec::new();
        for answer in answers {
            gone.extend(self.before(&answer.source));
            if !answer.rejects.is_empty() && !self.0.contains(&answer.source) {
                new.push((answer.source, answer.rejects));
            }
        }
        self.replace(lake, gone, new, context).await
    }

    /// Removes the rejects of answers that are meant.
    ///
    /// # Errors
    /// When the table cannot be read or written.
    pub(crate) async fn remove(
        &mut self,
        lake: &Lake,
        is_meant: impl Fn(&str) -> bool,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let gone = self.0.iter().filter(|source| is_meant(source)).cloned().collect();
        self.replace(lake, gone, Vec::new(), context).await
    }

    /// Removes the rejects of answers about time that silver has rows of by now.
    ///
    /// # Errors
    /// When a table cannot be read or written.
    pub(super) async fn remove_published<'a>(
        &mut self,
        lake: &Lake,
        session: &Session,
        schema_of: impl Fn(&Series) -> Option<&'a TableSchema>,
        context: &CommitContext,
    ) -> Result<(), SettleError> {
        let mut published = BTreeSet::new();
        for source in self.0.iter().filter_map(|source| Source::parse(source)) {
            let Some(schema) = schema_of(&source.series) else { continue };
            let name = TableName::new(Layer::Silver, schema.table());
            let sql = published_rows(&source, schema);
            let found: Vec<Count> = Box::pin(session.rows_if_any(&name, &sql)).await?;
            if found.iter().any(|count| count.rows > 0) {
                published.insert(source.name.to_owned());
            }
        }
        Ok(self.replace(lake, published, Vec::new(), context).await?)
    }

    /// Returns the earlier answers of the same series and time.
    fn before(&self, source: &str) -> BTreeSet<String> {
        let Some(answer) = Source::parse(source) else { return BTreeSet::new() };
        let is_before = |known: &&String| {
            let known = Source::parse(known);
            known.is_some_and(|known| known.name != answer.name && known.overlaps(&answer))
        };
        self.0.iter().filter(is_before).cloned().collect()
    }

    async fn replace(
        &mut self,
        lake: &Lake,
        gone: BTreeSet<String>,
        new: Vec<(String, Vec<Reject>)>,
        context: &CommitContext,
    ) -> Result<(), TableError> {
        if gone.is_empty() && new.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = new.iter().map(|(source, _)| source.clone()).collect();
        let target = rejects_files(lake)?;
        let rejects = RejectsTarget { target: Arc::clone(&target), run: Arc::clone(&context.run) };
        let died = TableError::cannot(Verb::Write, target.table(), "rejected rows");
        let written = tokio::task::spawn_blocking(move || rejects.write(&new));
        let files = target.publish_all(written.await.map_err(died)??).await?;
        RejectsTable::open(lake).await?.replace(&gone, files, context).await?;
        self.0.retain(|source| !gone.contains(source));
        self.0.extend(names);
        Ok(())
    }
}

/// Returns the statement that counts the rows of silver on the last day of an answer's time.
fn published_rows(source: &Source<'_>, schema: &TableSchema) -> String {
    let Series { market, symbol, interval, .. } = &source.series;
    let market = text_literal(market.as_str());
    let symbol = text_literal(symbol.as_str());
    let of_interval = |interval: &Interval| format!(" AND bar_interval = '{interval}'");
    let interval = interval.as_ref().map(of_interval).unwrap_or_default();
    let day = source.last_day();
    let time = schema.event_time();
    let instant = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    let from = instant(source.range.from.max(day.from));
    let until = instant(source.range.until);
    format!(
        "SELECT count(*) AS rows FROM silver.{}
         WHERE market = {market} AND symbol = {symbol}{interval} AND date = DATE '{}'
         AND {time} >= TIMESTAMP '{from}' AND {time} < TIMESTAMP '{until}'",
        schema.table(),
        day.from.date_naive(),
    )
}
