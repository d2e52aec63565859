//! Gold: tables made from other tables by SQL, and built again only where something changed.
//!
//! Each gold table says in its own commits from which version of each input it was built. A run
//! finds the partitions that the inputs' logs changed since (`inputs`), adds what the model looks
//! back and ahead, computes exactly those (`compute`) and replaces them in one commit
//! (`build`). What the models are, and what follows from a change, is decided in
//! [`lakehouse_core::gold`].

mod build;
pub(crate) mod chunks;
mod compute;
mod day;
pub(crate) mod error;
pub(crate) mod history;
pub(crate) mod inputs;
mod origin;
mod report;
pub(crate) mod select;
mod state;
mod tables;
pub(crate) mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use lakehouse_core::gold::{Model, Models, Recompute};
use lakehouse_core::schema::Schemas;
use uuid::Uuid;

use self::build::build;
use self::error::BuildError;
pub use self::error::GoldError;
pub use self::report::GoldReport;
use self::state::{BuildState, build_state};
pub(crate) use self::tables::{descriptions, read_folder};
pub use self::tables::{known_tables, load_models};
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::events::{Event, ModelReport, Reporter};
use crate::query::{Engine, QueryError, SessionOptions};
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer};

/// How often a build is started again because another process committed first, before it is given
/// up.
const ATTEMPTS: usize = 20;

/// Bytes that a build may use before it continues on disk.
const MEMORY: usize = 1 << 30;

/// Which gold tables are to be brought up to date, in which lake.
#[derive(Clone, Debug)]
pub struct Gold {
    pub lake: Lake,
    pub models: Arc<Models>,
    pub schemas: Arc<Schemas>,
    /// The models that are requested, with those that they read; all if none is named.
    pub only: Vec<String>,
    /// Build the requested models from all of their inputs, whatever changed.
    pub full: bool,
    /// A request to end the run after the model that is being built.
    pub shutdown: Shutdown,
}

/// What a run has found out about the models that came before.
#[derive(Debug, Default)]
struct FinishedModels {
    /// The columns of each table, whether it exists or not.
    schemas: BTreeMap<String, SchemaRef>,
    /// What would have been built of each, in a run that builds nothing.
    pending: BTreeMap<String, Recompute>,
    /// Models whose tables are not what they should be.
    failed: BTreeSet<String>,
}

impl Gold {
    /// Makes an update of all tables, each only where its inputs changed.
    #[must_use]
    pub fn new(lake: Lake, models: Arc<Models>, schemas: Arc<Schemas>) -> Self {
        Self { lake, models, schemas, only: Vec::new(), full: false, shutdown: Shutdown::default() }
    }

    /// Brings the tables up to date, one after the other; a model that fails keeps only those from
    /// being built that read it.
    ///
    /// # Errors
    /// When a requested model does not exist, or the lake cannot be used at all.
    pub async fn build(
        &self,
        reporter: &Arc<dyn Reporter>,
        clock: &Clock,
    ) -> Result<GoldReport, GoldError> {
        let run = Uuid::now_v7().simple().to_string();
        let shutdown = self.shutdown.clone();
        let context = CommitContext { run: run.into(), clock: clock.clone(), shutdown };
        let report = Box::pin(self.work(Some(&context), reporter)).await?;
        Ok(report)
    }

    /// Finds out what a build would do; writes nothing.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub async fn plan(&self, reporter: &Arc<dyn Reporter>) -> Result<GoldReport, GoldError> {
        Box::pin(self.work(None, reporter)).await
    }

    async fn work(
        &self,
        context: Option<&CommitContext>,
        reporter: &Arc<dyn Reporter>,
    ) -> Result<GoldReport, GoldError> {
        let wanted = self.requested()?;
        self.lake.check_format().await.map_err(QueryError::Lake)?;
        let options = SessionOptions { memory_limit: Some(MEMORY), ..SessionOptions::default() };
        let engine = Engine::over(&self.lake, &options)?;
        let mut finished = FinishedModels::default();
        let mut report = GoldReport {
            dry_run: context.is_none(),
            run: context.map(|context| Arc::clone(&context.run)),
            models: Vec::new(),
        };
        let mut add = |model: ModelReport| {
            reporter.report(Event::Model(model.clone()));
            report.models.push(model);
        };
        // Models that cannot be parsed come first: those that read them are then skipped.
        let broken = self.models.broken().iter();
        for broken in broken.filter(|model| wanted.contains(model.name.as_str())) {
            finished.failed.insert(broken.name.clone());
            add(ModelReport::failed(&broken.name, &broken.error));
        }
        for model in self.models.models().iter().filter(|model| wanted.contains(model.name())) {
            if self.shutdown.is_requested() {
                break;
            }
            add(self.bring_up_to_date(model, &engine, &mut finished, context).await);
        }
        Ok(report)
    }

    /// Returns the models that are to be built: the named ones, and those that they read.
    fn requested(&self) -> Result<BTreeSet<&str>, GoldError> {
        let all = self.models.names();
        if self.only.is_empty() {
            return Ok(all);
        }
        if let Some(unknown) = self.only.iter().find(|name| !all.contains(name.as_str())) {
            let models = all.into_iter().map(str::to_owned).collect();
            return Err(GoldError::UnknownModel { name: unknown.clone(), models });
        }
        Ok(self.models.with_upstream(self.only.iter().map(String::as_str)))
    }

    /// Returns whether a model is to be built in full because that was requested.
    fn is_full_build(&self, model: &Model) -> bool {
        self.full && (self.only.is_empty() || self.only.iter().any(|name| name == model.name()))
    }

    async fn bring_up_to_date(
        &self,
        model: &Model,
        engine: &Engine,
        finished: &mut FinishedModels,
        context: Option<&CommitContext>,
    ) -> ModelReport {
        let upstream = model.inputs().iter().filter(|input| input.layer == Layer::Gold);
        let failed =
            upstream.map(|input| &input.name).find(|name| finished.failed.contains(*name)).cloned();
        let done = match failed {
            Some(failed) => Err(BuildError::Upstream(failed)),
            None => Box::pin(self.try_model(model, engine, finished, context)).await,
        };
        done.unwrap_or_else(|failure| {
            finished.failed.insert(model.name().to_owned());
            match failure {
                BuildError::Upstream(name) => ModelReport::skipped(model.name(), &name),
                failure => ModelReport::failed(model.name(), &failure),
            }
        })
    }

    async fn try_model(
        &self,
        model: &Model,
        engine: &Engine,
        finished: &mut FinishedModels,
        context: Option<&CommitContext>,
    ) -> Result<ModelReport, BuildError> {
        // What is stale is decided again on each attempt: the build that landed first may have left
        // nothing to do.
        let mut attempts = 0;
        while attempts < ATTEMPTS {
            let state = match build_state(self, model, engine, finished).await {
                Err(BuildError::Overtaken) => {
                    attempts += 1;
                    continue;
                }
                state => state?,
            };
            finished.schemas.insert(model.name().to_owned(), state.read_schema());
            let is_stale = !state.recompute.is_nothing();
            let Some(context) = context.filter(|_| is_stale || state.is_far_behind()) else {
                return Ok(planned(model, state, finished));
            };
            match build(&self.lake, model, engine, &state, context).await {
                Ok(_) if !is_stale => return Ok(planned(model, state, finished)),
                Ok(built) => return Ok(ModelReport::built(model.name(), &state, built)),
                // Whoever lands a part leaves less to do.
                Err(BuildError::Overtaken) => attempts += usize::from(!state.is_unfinished),
                Err(failure) => return Err(failure),
            }
        }
        Err(BuildError::Overtaken)
    }
}

fn planned(model: &Model, state: BuildState, finished: &mut FinishedModels) -> ModelReport {
    let report = ModelReport::planned(model.name(), &state);
    finished.pending.insert(model.name().to_owned(), state.recompute);
    report
}
