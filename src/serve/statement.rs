//! One statement of a client, from its place in the queue to its last row.
//!
//! A statement is a task of its own that hands over one batch at a time, computed on threads that
//! nothing else uses. So it ends where its limit is, or when the client goes, even if nobody reads
//! from it or it never pauses, and gives its place in the queue back at that moment.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use lakehouse_core::foreign::message;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::Door;
use super::engine::{Limits, StatementEngine};
use super::reader::Reader;
use super::threads::Work;
use crate::error_chain::messages;
use crate::events::MESSAGES;
use crate::query::{OpenedFiles, PlannedRows, QueryError};
use crate::shutdown::Shutdown;

/// Letters of a statement that are logged.
const LOGGED_LETTERS: usize = 200;

/// Why a statement ended before its last row.
#[derive(Debug, Error)]
pub(super) enum StatementError {
    #[error("{}", messages(.0).join(": "))]
    Query(#[from] QueryError),
    #[error(
        "the statement was ended after its limit of {}: read fewer rows, or raise --timeout",
        humantime::format_duration(*.0)
    )]
    TimedOut(Duration),
    #[error(
        "the statement was ended because none of its rows were read for {}: read them faster, or \
         raise --idle-timeout",
        humantime::format_duration(*.0)
    )]
    Idle(Duration),
    #[error("cannot start threads for the statement: run fewer at a time (--max-statements)")]
    Threads(#[source] io::Error),
    #[error("the statement was cancelled")]
    Cancelled,
    /// Nobody hears this.
    #[error("the client is gone")]
    Unread,
    #[error("the server is stopping: connect to it again later")]
    Stopping,
}

impl StatementError {
    /// Returns the word for this in logs and figures.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Query(_) | Self::Threads(_) => "failed",
            Self::TimedOut(_) => "timed_out",
            Self::Idle(_) => "idle",
            Self::Cancelled => "cancelled",
            Self::Unread => "unread",
            Self::Stopping => "stopped",
        }
    }
}

/// What plans a statement.
pub(super) type Rows = Pin<Box<dyn Future<Output = Result<PlannedRows, QueryError>> + Send>>;

/// A statement with where it comes from.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) door: Door,
    /// The user, or the address where there are no users.
    pub(super) who: String,
    pub(super) text: String,
    /// Ends the statement when requested.
    pub(super) cancel: Shutdown,
}

/// The rows of a statement, as they are found. Dropping it ends the statement.
#[derive(Debug)]
pub(super) struct Answer {
    begin: Instant,
    /// The data files that it has read, where this is noted.
    opened: OpenedFiles,
    schema: SchemaRef,
    batches: mpsc::Receiver<RecordBatch>,
    /// Nothing once the end was returned.
    end: Option<oneshot::Receiver<Result<(), StatementError>>>,
    reader: Reader,
}

impl Answer {
    /// Returns when the statement came.
    pub(super) const fn begin(&self) -> Instant {
        self.begin
    }

    /// Says where the files that are read for it are noted.
    pub(super) fn noting(self, opened: OpenedFiles) -> Self {
        Self { opened, ..self }
    }

    /// Returns the data files that were read for it so far.
    pub(super) const fn opened(&self) -> &OpenedFiles {
        &self.opened
    }

    /// Returns the columns.
    pub(super) const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Takes note that the client takes rows, which were returned before.
    pub(super) fn touch(&self) {
        self.reader.rest();
    }

    /// Returns the next rows; nothing at the end.
    ///
    /// # Errors
    /// When the statement fails or exceeds a limit.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, StatementError> {
        self.reader.wait();
        let next = self.next_batch().await;
        self.reader.rest();
        next
    }

    async fn next_batch(&mut self) -> Result<Option<RecordBatch>, StatementError> {
        // A statement that never pauses ends without closing its side.
        let Some(end) = &mut self.end else { return Ok(self.batches.recv().await) };
        let ended = tokio::select! {
            biased;
            Some(batch) = self.batches.recv() => return Ok(Some(batch)),
            ended = end => ended,
        };
        self.end = None;
        match ended {
            // What was found last may not be taken yet.
            Ok(Ok(())) => Ok(self.batches.recv().await),
            Ok(Err(error)) => Err(error),
            // The task is gone without a word, so rows may be missing.
            Err(_) => Err(StatementError::Stopping),
        }
    }
}

/// A running statement, seen from the threads that answer clients.
struct Running {
    engine: Arc<StatementEngine>,
    request: Request,
    /// Both are gone once they are at work.
    rows: Option<Rows>,
    finder: Option<Finder>,
    batches: mpsc::Sender<RecordBatch>,
    /// Rows that were handed over.
    count: Arc<AtomicU64>,
    reader: Reader,
}

/// The side of a running statement that finds rows.
struct Finder {
    columns: oneshot::Sender<SchemaRef>,
    batches: mpsc::Sender<RecordBatch>,
    count: Arc<AtomicU64>,
    memory_limit: usize,
}

/// Starts a statement, and returns once its columns are known.
pub(super) async fn start(
    engine: Arc<StatementEngine>,
    rows: Rows,
    request: Request,
) -> Result<Answer, StatementError> {
    let begin = Instant::now();
    let (batch_sender, batches) = mpsc::channel(1);
    let (column_sender, columns) = oneshot::channel();
    let (end_sender, mut end) = oneshot::channel();
    let count = Arc::new(AtomicU64::new(0));
    let finder = Finder {
        columns: column_sender,
        batches: batch_sender.clone(),
        count: Arc::clone(&count),
        memory_limit: engine.memory_limit(),
    };
    let reader = Reader::default();
    let running = Running {
        engine,
        request,
        rows: Some(rows),
        finder: Some(finder),
        batches: batch_sender,
        count,
        reader: reader.clone(),
    };
    tokio::spawn(async move {
        // Nobody is there to be answered if this cannot be sent.
        let _ = end_sender.send(Box::pin(running.run()).await);
    });
    tokio::select! {
        biased;
        Ok(schema) = columns => {
            reader.rest();
            let opened = OpenedFiles::default();
            Ok(Answer { begin, opened, schema, batches, end: Some(end), reader })
        }
        ended = &mut end => match ended {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Err(StatementError::Stopping),
        },
    }
}

impl Running {
    async fn run(mut self) -> Result<(), StatementError> {
        let begin = Instant::now();
        let ended = Box::pin(self.until_stopped()).await;
        let outcome = ended.as_ref().map_or_else(StatementError::outcome, |()| "done");
        self.record(begin.elapsed(), outcome);
        ended
    }

    /// Finds rows until something ends it.
    async fn until_stopped(&mut self) -> Result<(), StatementError> {
        let engine = Arc::clone(&self.engine);
        let cancel = self.request.cancel.clone();
        let batches = self.batches.clone();
        let reader = self.reader.clone();
        let Limits { timeout, idle, .. } = engine.limits();
        if engine.stopping().is_requested() {
            return Err(StatementError::Stopping);
        }
        tokio::select! {
            biased;
            () = cancel.requested() => Err(StatementError::Cancelled),
            () = engine.aborted().requested() => Err(StatementError::Stopping),
            () = batches.closed() => Err(StatementError::Unread),
            () = tokio::time::sleep(timeout) => Err(StatementError::TimedOut(timeout)),
            () = reader.rested_for(idle) => Err(StatementError::Idle(idle)),
            ended = Box::pin(self.answer()) => ended,
        }
    }

    async fn answer(&mut self) -> Result<(), StatementError> {
        let waiting = self.engine.metrics().waiting();
        let Ok(_place) = self.engine.running().acquire().await else {
            return Err(StatementError::Stopping);
        };
        drop(waiting);
        let (Some(rows), Some(finder)) = (self.rows.take(), self.finder.take()) else {
            return Ok(());
        };
        let threads = self.engine.threads();
        let mut lent = threads.lend(Work::Small).map_err(StatementError::Threads)?;
        let planned = lent.run(rows).await.ok_or(StatementError::Stopping)??;
        // What it reads is known now. Those that read little do not wait behind the others.
        let work = Work::of(planned.reads());
        if work == Work::Large {
            lent = threads.lend(work).map_err(StatementError::Threads)?;
        }
        lent.run(Box::pin(finder.find(planned))).await.ok_or(StatementError::Stopping)?
    }

    /// Counts and logs the statement.
    fn record(&self, elapsed: Duration, outcome: &'static str) {
        let Request { door, who, text, .. } = &self.request;
        let rows = self.count.load(Ordering::Relaxed);
        self.engine.metrics().record(*door, outcome, elapsed, rows);
        let words: Vec<&str> = text.split_whitespace().collect();
        let text: String = words.join(" ").chars().take(LOGGED_LETTERS).collect();
        tracing::info!(
            target: MESSAGES,
            %door,
            who = %message(who),
            text = %message(&text),
            rows,
            seconds = elapsed.as_secs_f64(),
            outcome,
            "statement"
        );
    }
}

impl Finder {
    async fn find(self, planned: PlannedRows) -> Result<(), StatementError> {
        let mut rows = planned.begin().await?;
        let _ = self.columns.send(rows.schema());
        while let Some(batch) = rows.next().await {
            let batch = batch.map_err(|error| QueryError::from_engine(error, self.memory_limit))?;
            self.count.fetch_add(batch.num_rows() as u64, Ordering::Relaxed);
            if self.batches.send(batch).await.is_err() {
                return Err(StatementError::Unread);
            }
        }
        Ok(())
    }
}
