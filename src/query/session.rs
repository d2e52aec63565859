//! A session: the engine set up over one lake, with its limits, answering one statement at a time.
//!
//! Settings that decide whether answers are exact live here and nowhere else. Nothing outside the
//! lake can be reached: no other store, no file as a table, no statement that writes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::common::{DataFusionError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use futures::{StreamExt, stream};
use lakehouse_core::names::table::ALL_SCHEMA;
use url::{Position, Url};

use super::catalog::LakeCatalog;
use super::error::QueryError;
use super::opened::OpenedFiles;
use super::parameters::{self, Description, Parameters, Positional};
use super::planned::{PlannedReads, PlannedRows, planned_reads};
use super::snapshot::At;
use super::views::{SCHEMA as VIEWS, ViewTables, Views};
use super::{dialect, explain, panics, statement};
use crate::storage::lake::{Lake, Layer, TableName};
use crate::storage::store_of;

/// The lake's name as a catalog, and the layer in which a table's name alone is looked up.
pub(crate) const CATALOG: &str = "lake";
const DEFAULT_LAYER: Layer = Layer::Silver;

/// Small enough to run next to an ingest on a small machine; what exceeds it spills to disk.
const DEFAULT_MEMORY_LIMIT: usize = 2 << 30;

/// What a session may use.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// Bytes of working memory; 2 GiB when not given.
    pub memory_limit: Option<usize>,
    /// The folder to spill to when memory runs out; the system's temporary folder when not given.
    pub spill_folder: Option<PathBuf>,
    /// How many partitions are worked on at a time; one per processor when not given.
    pub target_partitions: Option<usize>,
    /// Which version of the tables is read.
    pub at: At,
    /// How old what is known of a table's newest version may be; with zero, each statement looks.
    pub max_age: Duration,
    /// Tables that the program can fill, so that a missing table is not taken for a misspelt one.
    pub known_tables: Vec<TableName>,
    /// Statements that are read like tables.
    pub views: Views,
    /// Whether the name alone of a table may mean one of gold or meta too.
    pub search_path: bool,
}

/// The engine with its settings and limits, over a lake's files and none of its tables.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) config: SessionConfig,
    pub(crate) runtime: Arc<RuntimeEnv>,
    /// Bytes.
    pub(crate) memory_limit: usize,
    /// The dialect, set up once: that costs more than planning most statements.
    state: Arc<SessionState>,
}

impl Engine {
    /// Sets the engine up; whoever uses it says which tables there are.
    ///
    /// # Errors
    /// When the lake's store or the spill folder cannot be used.
    pub(crate) fn over(lake: &Lake, options: &SessionOptions) -> Result<Self, QueryError> {
        let memory_limit = options.memory_limit.unwrap_or(DEFAULT_MEMORY_LIMIT);
        let invalid = |error| QueryError::from_engine(error, memory_limit);
        let runtime = runtime(memory_limit, options.spill_folder.clone()).map_err(invalid)?;
        register_store(&runtime, lake.storage().engine_url())?;
        let runtime = Arc::new(runtime);
        let config = config(options.target_partitions);
        let state = Arc::new(dialect::session_state(config.clone(), &runtime));
        Ok(Self { config, runtime, memory_limit, state })
    }

    /// Returns a context without tables, which understands the program's dialect of SQL.
    pub(crate) fn context(&self, config: SessionConfig) -> SessionContext {
        let mut state = SessionState::clone(&self.state);
        *state.config_mut() = config;
        // A copy of a state has the catalogs of the other.
        state.register_catalog_list(Arc::new(MemoryCatalogProviderList::new()));
        SessionContext::new_with_state(state)
    }
}

/// SQL over one lake.
#[derive(Clone)]
pub struct Session {
    context: SessionContext,
    catalog: Arc<LakeCatalog>,
    memory_limit: usize,
    known_tables: Vec<TableName>,
    parameters: Parameters,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Session {
    /// Sets up the engine over a lake; nothing is read yet.
    ///
    /// # Errors
    /// When the lake's store or the spill folder cannot be used.
    pub fn open(lake: &Lake, options: SessionOptions) -> Result<Self, QueryError> {
        let engine = Engine::over(lake, &options)?;
        Ok(Self::with_engine(&engine, lake, options))
    }

    /// Opens a session on an engine that several share, with its limits.
    pub(crate) fn with_engine(engine: &Engine, lake: &Lake, options: SessionOptions) -> Self {
        let context = engine.context(engine.config.clone());
        let state = context.state_weak_ref();
        let state = move || state.upgrade().map(|state| state.read().clone());
        let views = ViewTables::new(options.views, state);
        let catalog = LakeCatalog::new(lake, options.at).with_max_age(options.max_age);
        let mut catalog = catalog.with_views(views);
        if options.search_path {
            catalog = catalog.with_search_path();
        }
        let catalog = Arc::new(catalog);
        context.register_catalog(CATALOG, Arc::clone(&catalog) as _);
        Self {
            context,
            catalog,
            memory_limit: engine.memory_limit,
            known_tables: options.known_tables,
            parameters: Parameters::new(),
        }
    }

    /// Returns the lake's tables.
    #[must_use]
    pub const fn catalog(&self) -> &Arc<LakeCatalog> {
        &self.catalog
    }

    /// Returns the engine's context, for plans made in code.
    #[must_use]
    pub const fn context(&self) -> &SessionContext {
        &self.context
    }

    /// Gives a parameter a value: what `$name` stands for in the statements that follow.
    pub(crate) fn set_parameter(&mut self, name: &str, value: &str) {
        self.parameters.insert(name.to_owned(), value.to_owned());
    }

    /// Runs one statement that reads; rows come as they are found.
    ///
    /// # Errors
    /// When the text is not one statement that reads, names what does not exist, or cannot be
    /// planned.
    pub async fn sql(&self, text: &str) -> Result<SendableRecordBatchStream, QueryError> {
        let planned = Box::pin(self.planned(text, OpenedFiles::default())).await?;
        planned.begin().await
    }

    /// Plans the rows of one statement that reads; which data files are opened for it is noted in
    /// `opened`.
    ///
    /// # Errors
    /// Like [`Session::sql`].
    pub(crate) async fn planned(
        &self,
        text: &str,
        opened: OpenedFiles,
    ) -> Result<PlannedRows, QueryError> {
        let (mut state, plan) = Box::pin(self.plan(text)).await?.into_parts();
        state.config_mut().set_extension(Arc::new(opened));
        let query = DataFrame::new(state, plan);
        let session = self.clone();
        if explain::explained(query.logical_plan()).is_some() {
            let begin = async move { session.caught_rows(session.run(query)).await };
            return Ok(PlannedRows::new(PlannedReads::default(), begin));
        }
        let context = Arc::new(query.task_ctx());
        let plan = Box::pin(panics::caught(query.create_physical_plan())).await;
        let plan = plan.map_err(|error| self.meaning(error))?;
        let reads = planned_reads(&plan).map_err(|error| self.meaning(error))?;
        let rows = async move { execute_stream(plan, context) };
        Ok(PlannedRows::new(reads, async move { session.caught_rows(rows).await }))
    }

    async fn caught_rows(
        &self,
        rows: impl Future<Output = Result<SendableRecordBatchStream, DataFusionError>>,
    ) -> Result<SendableRecordBatchStream, QueryError> {
        let rows = Box::pin(panics::caught(rows)).await;
        rows.map(panics::caught_in).map_err(|error| self.meaning(error))
    }

    /// Plans one statement that reads, without running it.
    ///
    /// # Errors
    /// Like [`Session::sql`].
    pub async fn plan(&self, text: &str) -> Result<DataFrame, QueryError> {
        panics::caught(Box::pin(self.plan_text(text))).await
    }

    async fn plan_text(&self, text: &str) -> Result<DataFrame, QueryError> {
        let plan = Box::pin(self.logical_plan(text, Positional::Refused)).await?;
        Box::pin(self.context.execute_logical_plan(plan)).await.map_err(|error| self.meaning(error))
    }

    /// Returns the columns of a statement, and the types of its parameters `$1`, `$2`, …, which
    /// need no values for this.
    ///
    /// # Errors
    /// Like [`Session::sql`].
    pub(crate) async fn describe(&self, text: &str) -> Result<Description, QueryError> {
        panics::caught(Box::pin(async {
            let plan = Box::pin(self.logical_plan(text, Positional::Left)).await?;
            Description::of(&plan).map_err(|error| self.meaning(error))
        }))
        .await
    }

    /// Plans a text that must be one statement that reads.
    async fn logical_plan(
        &self,
        text: &str,
        positional: Positional,
    ) -> Result<LogicalPlan, QueryError> {
        let mut statement = statement::parse(text)?;
        parameters::prepare(&mut statement, &self.parameters, positional)?;
        self.catalog.check_format().await?;
        if statement::lists_tables(text) {
            self.catalog.list().await?;
        }
        let state = self.context.state();
        let tables =
            state.resolve_table_references(&statement).map_err(|error| self.meaning(error))?;
        let plan = match Box::pin(plan_statement(&state, statement)).await {
            Ok(plan) => plan,
            Err(error) => return Err(self.why_not_planned(error, tables).await),
        };
        let plan = match positional {
            Positional::Refused => parameters::bind(plan, &self.parameters),
            Positional::Left => Ok(plan),
        };
        let plan = plan.map_err(|error| self.meaning(error))?;
        dialect::subqueries::refuse_unplannable(&plan).map_err(|error| self.meaning(error))?;
        let reads = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        reads.verify_plan(&plan).map_err(|_| statement::read_only(text))?;
        Ok(plan)
    }

    /// Says what an error means that came from a stream of this session.
    #[must_use]
    pub fn meaning(&self, error: DataFusionError) -> QueryError {
        QueryError::from_engine(error, self.memory_limit)
    }

    pub(super) async fn run(
        &self,
        query: DataFrame,
    ) -> Result<SendableRecordBatchStream, DataFusionError> {
        let Some(about) = explain::explained(query.logical_plan()).cloned() else {
            return query.execute_stream().await;
        };
        let counted = self.count_files(&about, query.schema().as_arrow().clone().into()).await?;
        let answer = query.execute_stream().await?;
        let schema = answer.schema();
        let answer = answer.chain(stream::iter(counted.map(Ok)));
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, answer)))
    }

    async fn count_files(
        &self,
        about: &LogicalPlan,
        answer: SchemaRef,
    ) -> Result<Option<RecordBatch>, DataFusionError> {
        let physical = self.context.state().create_physical_plan(about).await?;
        explain::files_read(about, &physical, &answer)
    }

    /// A table that does not exist is the likeliest cause, and the engine reports it in other
    /// words.
    async fn why_not_planned(
        &self,
        error: DataFusionError,
        tables: Vec<TableReference>,
    ) -> QueryError {
        for table in tables {
            if let Some(missing) = self.missing(&table).await {
                return missing;
            }
        }
        self.meaning(error)
    }

    async fn missing(&self, table: &TableReference) -> Option<QueryError> {
        let schema = table.schema().unwrap_or(DEFAULT_LAYER.as_str());
        let is_function = self.context.table_function(table.table()).is_ok();
        let is_view = [DEFAULT_LAYER.as_str(), VIEWS].contains(&schema)
            && self.catalog.has_view(table.table());
        if schema == "information_schema" || is_function || is_view {
            return None;
        }
        let layer = Layer::named(schema).or((schema == ALL_SCHEMA).then_some(Layer::Silver));
        let name = layer.map(|layer| TableName::new(layer, table.table()));
        if let Some(name) = &name
            && !matches!(self.catalog.open(name).await, Ok(None))
        {
            return None;
        }
        let tables = match self.catalog.list().await {
            Ok(tables) => tables,
            Err(error) => return Some(error),
        };
        let expected = name.as_ref().is_some_and(|name| self.known_tables.contains(name));
        Some(QueryError::UnknownTable { name: table.to_string(), expected, tables })
    }
}

/// Plans a statement whose columns all have different names in the end.
async fn plan_statement(
    state: &SessionState,
    mut statement: Statement,
) -> Result<LogicalPlan, DataFusionError> {
    let plan = match Box::pin(state.statement_to_plan(statement.clone())).await {
        Err(error) if error.to_string().contains("unique expression names") => {
            dialect::names::separate_from_wildcards(&mut statement);
            Box::pin(state.statement_to_plan(statement)).await?
        }
        planned => planned?,
    };
    dialect::names::separate_columns(plan)
}

fn runtime(
    memory_limit: usize,
    spill_folder: Option<PathBuf>,
) -> Result<RuntimeEnv, DataFusionError> {
    let mode = spill_folder.map_or(DiskManagerMode::OsTmpDirectory, |folder| {
        DiskManagerMode::Directories(vec![folder])
    });
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory_limit)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
        .build()
}

/// The engine starts out with all local files; afterwards it knows the lake's store alone.
fn register_store(runtime: &RuntimeEnv, lake: &Url) -> Result<(), QueryError> {
    let unusable = |source| QueryError::List { layer: "lake", source };
    if let Ok(files) = Url::parse("file://") {
        let _ = runtime.deregister_object_store(&files);
    }
    if let Ok(host) = Url::parse(&lake[..Position::BeforePath]) {
        runtime.register_object_store(&host, store_of(lake).map_err(unusable)?);
    }
    Ok(())
}

fn config(target_partitions: Option<usize>) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, DEFAULT_LAYER.as_str())
        .with_information_schema(true);
    if let Some(partitions) = target_partitions {
        config = config.with_target_partitions(partitions.max(1));
    }
    let options = config.options_mut();
    // Otherwise a literal such as 0.1 is floating point, compares inexactly with decimals, and
    // prunes nothing.
    options.sql_parser.parse_float_as_decimal = true;
    options.execution.parquet.pushdown_filters = true;
    // `IS NOT TRUE` and the like are never NULL, which only one of the two plans knows. The check
    // would refuse the statement: https://github.com/apache/datafusion/issues/24096.
    options.execution.skip_physical_aggregate_schema_check = true;
    options.execution.time_zone = Some("UTC".to_owned());
    // The values of one side of a join, pushed into the scan of the other as a list, panic on
    // dictionary columns.
    options.optimizer.hash_join_inlist_pushdown_max_size = 0;
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = 0;
    config
}
