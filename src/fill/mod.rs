//! `lakehouse fill`: provisional rows of what the archive does not have yet, from the exchange's
//! API.
//!
//! What is missing is read from the lake (`state`) and planned by [`lakehouse_core::fill`]. Answers
//! are kept as they were received (`answers`), and their rows land in the tables of
//! [`crate::recent`], some hundred requests at a time. Each commit follows the version of the table
//! that was planned on; where others were faster, the rest is planned again.

mod answers;
mod report;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use lakehouse_core::fill::{
    Answer, ApiRequest, Endpoint, Endpoints, FillPlan, TimeRange, read_answer,
};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::schema::Schemas;
use thiserror::Error;

use self::answers::{AnswersError, KeptAnswer, KeptAnswers};
pub(crate) use self::report::{FillFailure, FillReport};
use crate::delta::TableError;
use crate::delta::commit::CommitContext;
use crate::events::summary::Counting;
use crate::events::{Event, Reporter};
use crate::meta::runs::{EndedRun, RunsTable};
use crate::meta::scope::Scope;
use crate::query::{QueryError, Session, SessionOptions};
use crate::recent::{
    AnswerRejects, AnswerRows, Landing, RecentTable, RejectedAnswers, SettleError, settle,
    table_name,
};
use crate::source::SourceError;
use crate::source::api::ApiClient;
use crate::storage::StorageError;
use crate::storage::lake::Lake;

/// Requests whose rows are committed together.
const REQUESTS_OF_COMMIT: usize = 256;
/// Requests that are under way at a time.
const PARALLEL: usize = 4;
/// How often the rest is planned again because others changed a table.
const ROUNDS: usize = 10;

/// What is to be filled, in which lake.
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    pub(crate) lake: Lake,
    pub(crate) matrix: Arc<Matrix>,
    pub(crate) schemas: Arc<Schemas>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) scope: Scope,
    /// The days that are filled; the days since the last archive by default.
    pub(crate) days: DateRange,
    /// The command as it was given, for `meta.runs`.
    pub(crate) command: String,
}

/// Why a fill could not be done, or not be finished; what was committed stays.
#[derive(Debug, Error)]
pub(crate) enum FillError {
    #[error("cannot read what the lake has")]
    State(#[from] QueryError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error(transparent)]
    Answers(#[from] AnswersError),
    /// The API refuses to answer, or cannot be reached.
    #[error("the API does not answer; run the same command later to go on")]
    Refused(#[source] SourceError),
    #[error("other processes changed {table} again and again; run the same command again")]
    Contended { table: String },
}

/// How requests of a table ended.
enum Progress {
    Done,
    Overtaken,
}

impl Fill {
    /// Plans what is missing at `now`; writes nothing.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn plan(&self, now: DateTime<Utc>) -> Result<FillPlan, FillError> {
        self.lake.format_version().await?;
        let states = state::read(self, now).await?;
        Ok(FillPlan::new(&states, &self.endpoints, self.days, now))
    }

    /// Takes out what was published, requests and commits what is missing, and records the run,
    /// whose events `counting` receives.
    ///
    /// # Errors
    /// When the lake cannot be read or written, or the API refuses to answer.
    pub(crate) async fn run(
        &self,
        client: &ApiClient,
        context: &CommitContext,
        counting: &Arc<Counting>,
    ) -> Result<FillReport, FillError> {
        let started = context.clock.now();
        let mut report = FillReport::default();
        let outcome = self.fill(client, context, counting, &mut report).await;
        if report.is_empty() {
            return outcome.map(|()| report);
        }
        report.run = Some(context.run.to_string());
        counting.report(Event::Filled(report.figures()));
        let summary = counting.summary();
        let elapsed = (context.clock.now() - started).to_std().unwrap_or_default();
        let ended = EndedRun {
            command: &self.command,
            started,
            summary: &summary.after(elapsed),
            error: outcome.as_ref().err().map(|error| error as _),
            interrupted: report.stopped,
        };
        let recorded = self.record(&ended, context).await;
        // What stopped the work says more than that this could not be recorded either.
        outcome.and(recorded).map(|()| report)
    }

    async fn record(&self, run: &EndedRun<'_>, context: &CommitContext) -> Result<(), FillError> {
        Ok(RunsTable::open(&self.lake).await?.record(run, context).await?)
    }

    async fn fill(
        &self,
        client: &ApiClient,
        context: &CommitContext,
        reporter: &Arc<Counting>,
        report: &mut FillReport,
    ) -> Result<(), FillError> {
        report.replaced(settle(&self.lake, &self.schemas, &self.matrix, context).await?);
        let answers = KeptAnswers::open(&self.lake)?;
        let session = Session::open(&self.lake, SessionOptions::default())?;
        let mut work = Work {
            fill: self,
            client,
            answers,
            context,
            reporter,
            report,
            failed: BTreeSet::new(),
            rejected: RejectedAnswers::read(&session).await?,
            rejects: Vec::new(),
        };
        for round in 0..ROUNDS {
            let versions = state::versions(self).await?;
            let plan = self.plan(context.clock.now()).await?;
            if round == 0 {
                work.report.planned = plan.requests.len() as u64;
            }
            if !plan.requests.is_empty() {
                self.lake.prepare_write().await?;
            }
            match Box::pin(work.carry_out(plan, &versions)).await? {
                None => return Ok(()),
                Some(table) if round + 1 == ROUNDS => return Err(FillError::Contended { table }),
                Some(table) => tracing::info!(table, "others changed it; planning again"),
            }
        }
        Ok(())
    }
}

/// A run that is under way.
struct Work<'a> {
    fill: &'a Fill,
    client: &'a ApiClient,
    answers: KeptAnswers,
    context: &'a CommitContext,
    reporter: &'a Arc<Counting>,
    report: &'a mut FillReport,
    /// Series of which a request failed: what follows would leave a hole behind.
    failed: BTreeSet<Series>,
    /// The answers of which `meta.rejects` has rows.
    rejected: RejectedAnswers,
    /// Those of answers that were read since the last commit.
    rejects: Vec<AnswerRejects>,
}

impl Work<'_> {
    /// Requests and commits a plan, table by table; returns the table that others changed, if any.
    async fn carry_out(
        &mut self,
        plan: FillPlan,
        versions: &BTreeMap<String, i64>,
    ) -> Result<Option<String>, FillError> {
        let mut tables: BTreeMap<String, Vec<ApiRequest>> = BTreeMap::new();
        for request in plan.requests {
            let Some(endpoint) = self.endpoint(&request) else { continue };
            tables.entry(endpoint.schema.table().to_owned()).or_default().push(request);
        }
        for (table, mut requests) in tables {
            // Those of near days together, so that a commit touches few partitions.
            requests.sort_by_key(|request| {
                (request.range.from.date_naive(), request.series.clone(), request.range.from)
            });
            // A table that does not exist yet has its version 0 when it was created.
            let known = versions.get(&table).copied().unwrap_or(0);
            match self.fill_table(&table, requests, known).await? {
                Progress::Done => {}
                Progress::Overtaken => return Ok(Some(table)),
            }
        }
        Ok(None)
    }

    async fn fill_table(
        &mut self,
        table: &str,
        requests: Vec<ApiRequest>,
        known: i64,
    ) -> Result<Progress, FillError> {
        let Some(schema) = self.fill.schemas.get(table) else { return Ok(Progress::Done) };
        let schema = Arc::new(schema.clone());
        let mut opened: Option<RecentTable> = None;
        for chunk in requests.chunks(REQUESTS_OF_COMMIT) {
            if self.context.shutdown.is_requested() {
                self.report.stopped = true;
                return Ok(Progress::Done);
            }
            let (rows, refused) = self.request(chunk).await?;
            // First, so that whoever sees rows finds what was rejected of the same answers.
            let rejects = std::mem::take(&mut self.rejects);
            self.rejected.record(&self.fill.lake, rejects, self.context).await?;
            if !rows.is_empty() {
                let table = match &mut opened {
                    Some(table) => table,
                    empty => {
                        let schema = Arc::clone(&schema);
                        empty.insert(RecentTable::open(&self.fill.lake, schema, known).await?)
                    }
                };
                match table.land(rows, self.context).await? {
                    Landing::At { version, rows } => {
                        self.report.landed(&table_name(&schema), version, rows);
                    }
                    Landing::Overtaken => return Ok(Progress::Overtaken),
                }
            }
            if let Some(error) = refused {
                return Err(FillError::Refused(error));
            }
        }
        Ok(Progress::Done)
    }

    /// Requests some ranges; returns their rows, and the refusal after which nothing more was
    /// requested.
    async fn request(
        &mut self,
        requests: &[ApiRequest],
    ) -> Result<(Vec<AnswerRows>, Option<SourceError>), FillError> {
        let now = self.context.clock.now();
        let mut rows = Vec::new();
        let Self { fill, client, answers, failed, .. } = &*self;
        let wanted = requests.iter().filter(|request| !failed.contains(&request.series));
        let client = *client;
        let mut received = stream::iter(wanted)
            .map(|request| async move {
                let endpoint = fill.endpoints.get(request.series.market, &request.series.data_type);
                (request, endpoint, fetch(client, answers, endpoint, request, now).await)
            })
            .buffered(PARALLEL);
        let mut results = Vec::new();
        let mut refused = None;
        while let Some((request, endpoint, result)) = received.next().await {
            match result {
                Err(Failure::Api(error)) if ends_the_run(&error) => {
                    refused = Some(error);
                    break;
                }
                other => results.push((request, endpoint, other)),
            }
        }
        drop(received);
        for (request, endpoint, result) in results {
            match (endpoint, result) {
                (_, Err(Failure::Lake(error))) => return Err(error.into()),
                (_, Err(Failure::Api(error))) => self.fail(request, error.to_string()),
                (Some(endpoint), Ok(answer)) => rows.extend(self.read(endpoint, request, answer)),
                (None, Ok(_)) => {}
            }
        }
        Ok((rows, refused))
    }

    /// Reads an answer, and counts what is not kept of it.
    fn read(
        &mut self,
        endpoint: &Endpoint,
        request: &ApiRequest,
        kept: KeptAnswer,
    ) -> Option<AnswerRows> {
        if kept.is_reused {
            self.report.reused += 1;
        } else {
            self.report.requested += 1;
            self.report.bytes += kept.body.len() as u64;
        }
        // What was over when it was received: a bar that was not is not over in the answer now.
        let answer = match read_answer(endpoint, request, &kept.body, kept.received_at) {
            Ok(answer) => answer,
            Err(error) => {
                self.fail(request, error.to_string());
                return None;
            }
        };
        self.warn(&request.series, &answer);
        let rejected = answer.rejects.len() as u64;
        self.report.rejected += rejected;
        self.report.partial += answer.partial;
        self.report.outside += answer.outside;
        let rows = answer.rows();
        self.report.empty += u64::from(rows == 0);
        self.rejects.push(AnswerRejects { source: kept.source.clone(), rejects: answer.rejects });
        (rows > 0).then(|| AnswerRows {
            series: request.series.clone(),
            source: kept.source,
            sha256: kept.sha256,
            size: kept.body.len() as u64,
            rejected,
            batches: answer.batches,
        })
    }

    fn warn(&self, series: &Series, answer: &Answer) {
        let Answer { rejects, off_grid, .. } = answer;
        if *off_grid > 0 {
            let text = format!(
                "{series}: {off_grid} bars of the API do not begin where bars of their length begin"
            );
            self.reporter.report(Event::Warning(text));
        }
        let unreadable = rejects.len() as u64 - off_grid;
        if let Some(reject) = rejects.first().filter(|_| unreadable > 0) {
            let text = format!(
                "{series}: {unreadable} rows of the API cannot be read; first: column {}, `{}`: {}",
                reject.column, reject.value, reject.reason
            );
            self.reporter.report(Event::Warning(text));
        }
    }

    fn fail(&mut self, request: &ApiRequest, reason: String) {
        self.reporter.report(Event::Warning(format!("{}: {reason}", request.series)));
        self.failed.insert(request.series.clone());
        let series = request.series.to_string();
        let TimeRange { from, until } = request.range;
        self.report.failures.push(FillFailure::Request { series, from, until, reason });
    }

    fn endpoint(&self, request: &ApiRequest) -> Option<&Endpoint> {
        self.fill.endpoints.get(request.series.market, &request.series.data_type)
    }
}

/// Why a request gave no answer.
enum Failure {
    Api(SourceError),
    Lake(AnswersError),
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::Api(error)
    }
}

impl From<AnswersError> for Failure {
    fn from(error: AnswersError) -> Self {
        Self::Lake(error)
    }
}

/// Returns the answer that an earlier run received a while ago, or requests and keeps it.
async fn fetch(
    client: &ApiClient,
    answers: &KeptAnswers,
    endpoint: Option<&Endpoint>,
    request: &ApiRequest,
    now: DateTime<Utc>,
) -> Result<KeptAnswer, Failure> {
    if let Some(kept) = answers.find(request, now).await? {
        return Ok(kept);
    }
    let Some(endpoint) = endpoint else {
        return Err(SourceError::fatal(&request.series.to_string(), "no such endpoint").into());
    };
    let answer = client.get(endpoint, request).await?;
    Ok(answers.keep(request, &client.url(endpoint, request), answer).await?)
}

/// Returns whether other requests would fail in the same way: a server that refuses is left alone.
const fn ends_the_run(error: &SourceError) -> bool {
    matches!(
        error,
        SourceError::Denied { .. }
            | SourceError::Unreachable { .. }
            | SourceError::Transient { .. }
    )
}
