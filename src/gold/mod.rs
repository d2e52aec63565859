//! Gold: tables made from other tables by SQL, and built anew only where something changed.
//!
//! Each gold table says in its own commits from which version of each input it was built. A run
//! finds the partitions that the inputs' logs changed since (`inputs`), adds what the model looks
//! back and ahead, computes exactly those (`compute`) and replaces them in one commit
//! (`build`). What the models are, and what follows from a change, is decided in
//! [`lakehouse_core::gold`].

mod build;
mod chunks;
mod compute;
mod error;
mod history;
mod inputs;
mod report;
mod select;
mod state;
mod tables;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use lakehouse_core::gold::{Model, Models, Recompute};
use lakehouse_core::schema::Schemas;
use uuid::Uuid;

use self::build::build;
use self::error::Failure;
pub use self::error::GoldError;
pub use self::report::GoldReport;
use self::state::{State, look};
pub(crate) use self::tables::descriptions;
pub use self::tables::{known_tables, load_models};
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::events::{Event, ModelReport, Reporter};
use crate::query::{Engine, QueryError, SessionOptions};
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer};

/// How often a build that others overtook is begun anew before they are held to have won for good.
const ATTEMPTS: usize = 20;

/// Bytes that a build may work with before it goes on on disk.
const MEMORY: usize = 1 << 30;

/// Which gold tables are to be brought up to date, in which lake.
#[derive(Clone, Debug)]
pub struct Gold {
    pub lake: Lake,
    pub models: Arc<Models>,
    pub schemas: Arc<Schemas>,
    /// The models that are wanted, and what they read with them; all if none is named.
    pub only: Vec<String>,
    /// Build the wanted models from all of their inputs, whatever changed.
    pub full: bool,
    /// A request to end the run after the model that is being built.
    pub shutdown: Shutdown,
}

/// What a run knows of the models that it has dealt with.
#[derive(Debug, Default)]
struct Known {
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
    /// When a model that is wanted does not exist, or the lake cannot be used at all.
    pub async fn build(
        &self,
        reporter: &Arc<dyn Reporter>,
        clock: &Clock,
    ) -> Result<GoldReport, GoldError> {
        let run = Uuid::now_v7().simple().to_string();
        let context = CommitContext { run: run.into(), clock: clock.clone() };
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
        let wanted = self.wanted()?;
        self.lake.check_format().await.map_err(QueryError::Lake)?;
        let options = SessionOptions { memory_limit: Some(MEMORY), ..SessionOptions::default() };
        let engine = Engine::over(&self.lake, &options)?;
        let mut known = Known::default();
        let mut report = GoldReport { dry_run: context.is_none(), models: Vec::new() };
        let mut take = |model: ModelReport| {
            reporter.report(Event::Model(model.clone()));
            report.models.push(model);
        };
        for broken in
            self.models.broken().iter().filter(|model| wanted.contains(model.name.as_str()))
        {
            known.failed.insert(broken.name.clone());
            take(ModelReport::failed(&broken.name, &broken.error));
        }
        for model in self.models.models().iter().filter(|model| wanted.contains(model.name())) {
            if self.shutdown.is_requested() {
                break;
            }
            take(self.bring_up_to_date(model, &engine, &mut known, context).await);
        }
        Ok(report)
    }

    fn wanted(&self) -> Result<BTreeSet<&str>, GoldError> {
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

    /// Whether everything of a model is to be built, because somebody asked for it.
    fn is_asked(&self, model: &Model) -> bool {
        self.full && (self.only.is_empty() || self.only.iter().any(|name| name == model.name()))
    }

    async fn bring_up_to_date(
        &self,
        model: &Model,
        engine: &Engine,
        known: &mut Known,
        context: Option<&CommitContext>,
    ) -> ModelReport {
        let upstream = model.inputs().iter().filter(|input| input.layer == Layer::Gold);
        let failed =
            upstream.map(|input| &input.name).find(|name| known.failed.contains(*name)).cloned();
        let done = match failed {
            Some(failed) => Err(Failure::Upstream(failed)),
            None => Box::pin(self.try_model(model, engine, known, context)).await,
        };
        done.unwrap_or_else(|failure| {
            known.failed.insert(model.name().to_owned());
            match failure {
                Failure::Upstream(name) => ModelReport::skipped(model.name(), &name),
                failure => ModelReport::failed(model.name(), &failure),
            }
        })
    }

    async fn try_model(
        &self,
        model: &Model,
        engine: &Engine,
        known: &mut Known,
        context: Option<&CommitContext>,
    ) -> Result<ModelReport, Failure> {
        for _ in 0..ATTEMPTS {
            let state = look(self, model, engine, known).await?;
            known.schemas.insert(model.name().to_owned(), state.read_schema());
            let Some(context) = context.filter(|_| !state.recompute.is_nothing()) else {
                return Ok(planned(model, state, known));
            };
            match build(&self.lake, model, engine, &state, context).await {
                Ok(built) => return Ok(ModelReport::built(model.name(), &state, built)),
                Err(Failure::Overtaken) => {}
                Err(failure) => return Err(failure),
            }
        }
        Err(Failure::Overtaken)
    }
}

fn planned(model: &Model, state: State, known: &mut Known) -> ModelReport {
    let report = ModelReport::planned(model.name(), &state);
    known.pending.insert(model.name().to_owned(), state.recompute);
    report
}
