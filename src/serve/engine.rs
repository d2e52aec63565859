//! What all doors share: the engine with its memory, the limits, the figures, and the request to
//! stop.

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::runtime_env::RuntimeEnv;
use lakehouse_core::matrix::Matrix;
use tokio::sync::Semaphore;

use super::audit::{AuditCounts, AuditCountsError};
use super::commit_times::CommitTimes;
use super::metrics::Metrics;
use super::statement::{Answer, Request, Rows, StatementError, start};
use super::status::{StatusCache, StatusCacheError};
use super::threads::{Threads, Work};
use crate::audit::OpenRows;
use crate::clock::Clock;
use crate::query::{Engine, OpenedFiles, QueryError, Session, SessionOptions};
use crate::shutdown::Shutdown;
use crate::status::LakeStatus;
use crate::storage::lake::Lake;

/// How old what a statement sees of a table may be: no log is listed for each statement.
const MAX_AGE: Duration = Duration::from_secs(2);

/// What the statements of all doors may use together, and each of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Statements that run at a time; others wait.
    pub(crate) statements: usize,
    /// The longest that a statement may take, waiting included.
    pub(crate) timeout: Duration,
    /// The longest that a client may take no rows of an answer that is not at its end.
    pub(crate) idle: Duration,
}

/// The lake that is served.
#[derive(Clone, Debug)]
pub(crate) struct ServedLake {
    pub(crate) lake: Lake,
    /// The lake's folder or URL, as the user names it.
    pub(crate) location: String,
    pub(crate) matrix: Arc<Matrix>,
    pub(crate) clock: Clock,
}

/// The engine with its limits, over one lake.
#[derive(Debug)]
pub(crate) struct StatementEngine {
    served: ServedLake,
    engine: Engine,
    options: SessionOptions,
    parameters: Vec<(String, String)>,
    limits: Limits,
    running: Arc<Semaphore>,
    threads: Threads,
    metrics: Metrics,
    audit: AuditCounts,
    status: StatusCache,
    commit_times: CommitTimes,
    stopping: Shutdown,
    aborted: Shutdown,
}

impl StatementEngine {
    /// Sets the engine up over a lake; `stopping` is the request to take no more statements.
    ///
    /// # Errors
    /// When the lake's store or the spill folder cannot be used.
    pub(crate) fn new(
        served: ServedLake,
        options: SessionOptions,
        parameters: Vec<(String, String)>,
        limits: Limits,
        stopping: Shutdown,
    ) -> Result<Self, QueryError> {
        let options = SessionOptions { max_age: MAX_AGE, ..options };
        let engine = Engine::over(&served.lake, &options)?;
        let running = Arc::new(Semaphore::new(limits.statements));
        let threads = Threads::new(limits.statements);
        let metrics = Metrics::new();
        let aborted = Shutdown::default();
        Ok(Self {
            served,
            engine,
            options,
            parameters,
            limits,
            running,
            threads,
            metrics,
            audit: AuditCounts::default(),
            status: StatusCache::default(),
            commit_times: CommitTimes::default(),
            stopping,
            aborted,
        })
    }

    /// Opens a session, which shares nothing with others but memory and limits.
    pub(super) fn session(&self) -> Session {
        self.session_with(self.options.clone())
    }

    /// Opens one in which the name alone of a table may mean one of any layer.
    pub(super) fn session_with_search_path(&self) -> Session {
        self.session_with(SessionOptions { search_path: true, ..self.options.clone() })
    }

    fn session_with(&self, options: SessionOptions) -> Session {
        let mut session = Session::with_engine(&self.engine, &self.served.lake, options);
        for (name, value) in &self.parameters {
            session.set_parameter(name, value);
        }
        session
    }

    /// Starts a statement, and returns once its columns are known.
    ///
    /// # Errors
    /// When it is refused, cannot be planned, or exceeds a limit before its first row.
    pub(super) async fn start(
        self: &Arc<Self>,
        session: &Session,
        request: Request,
    ) -> Result<Answer, StatementError> {
        let session = session.clone();
        let text = request.text.clone();
        let opened = OpenedFiles::default();
        let noted = opened.clone();
        let rows = Box::pin(async move { Box::pin(session.planned(&text, noted)).await });
        let answer = self.start_rows(rows, request).await?;
        Ok(answer.noting(opened))
    }

    /// Does the same for rows that do not come from a session's statement.
    ///
    /// # Errors
    /// Like [`Self::start`].
    pub(super) async fn start_rows(
        self: &Arc<Self>,
        rows: Rows,
        request: Request,
    ) -> Result<Answer, StatementError> {
        start(Arc::clone(self), rows, request).await
    }

    /// Does some short work of a statement on threads for statements, within its limit of time.
    ///
    /// # Errors
    /// When the work fails or takes too long.
    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, StatementError> {
        let limit = self.limits.timeout;
        let work = async {
            let Ok(_place) = self.running.acquire().await else {
                return Err(StatementError::Stopping);
            };
            let threads = self.threads.lend(Work::Small).map_err(StatementError::Threads)?;
            match Box::pin(threads.run(Box::pin(work))).await {
                Some(done) => Ok(done?),
                None => Err(StatementError::Stopping),
            }
        };
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => Err(StatementError::TimedOut(limit)),
        }
    }

    /// Returns whether the tables of the lake can be listed.
    pub(super) async fn is_ready(&self) -> bool {
        !self.stopping.is_requested() && self.session().catalog().list().await.is_ok()
    }

    /// Returns what audits found and still holds; nothing if the lake was never audited.
    pub(super) async fn audit(&self) -> Result<Option<OpenRows>, AuditCountsError> {
        self.audit.read(&self.served.lake, self.session().catalog()).await
    }

    /// Returns what the lake holds by series and day.
    pub(super) async fn status(&self) -> Result<Arc<LakeStatus>, StatusCacheError> {
        self.status.read(&self.served, self.session().catalog()).await
    }

    /// Writes the figures in the text format of Prometheus.
    pub(super) async fn figures(&self) -> Result<String, std::fmt::Error> {
        // Figures of the server are worth having while the lake cannot be read.
        if let Ok(Some(open)) = self.audit().await {
            self.metrics.audited(&open);
        }
        self.metrics.memory_used(self.engine.runtime.memory_pool.reserved());
        self.metrics.encode()
    }

    /// Ends all statements that are still running.
    pub(super) fn abort_statements(&self) {
        self.aborted.request();
    }

    pub(super) const fn commit_times(&self) -> &CommitTimes {
        &self.commit_times
    }

    pub(super) fn location(&self) -> &str {
        &self.served.location
    }

    pub(super) const fn stopping(&self) -> &Shutdown {
        &self.stopping
    }

    pub(super) const fn aborted(&self) -> &Shutdown {
        &self.aborted
    }

    pub(super) const fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) const fn running(&self) -> &Arc<Semaphore> {
        &self.running
    }

    pub(super) const fn threads(&self) -> &Threads {
        &self.threads
    }

    /// Returns what statements share: memory, spill files and the lake's store.
    pub(super) fn runtime(&self) -> Arc<RuntimeEnv> {
        Arc::clone(&self.engine.runtime)
    }

    /// Returns the bytes of working memory of all statements together.
    pub(super) const fn memory_limit(&self) -> usize {
        self.engine.memory_limit
    }

    pub(super) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }
}
