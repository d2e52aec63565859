//! `lakehouse fill`: provisional rows of what the archive lacks.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use lakehouse_core::fill::{ApiRequest, Endpoints, FillPlan};
use lakehouse_core::foreign::redacted;
use lakehouse_core::names::archive::Series;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::schema::Schemas;
use serde::Serialize;
use uuid::Uuid;

use super::context::{Context, open_lake};
use super::gold::show_model;
use super::names::misspelled_in_lake;
use super::records::Records;
use super::scope::scope;
use super::{CommandOutcome, names};
use crate::cli::{FillFlags, ReportFormat};
use crate::delta::commit::CommitContext;
use crate::events::document::{RunDocument, RunOutcome, SharedFields};
use crate::events::lineage::Job;
use crate::events::summary::Counting;
use crate::events::{Event, Reporter};
use crate::fill::{Fill, FillReport};
use crate::gold::{Gold, load_models};
use crate::meta::scope::Scope;
use crate::shutdown::Shutdown;
use crate::source::api::ApiClient;
use crate::source::location::SourceUrl;
use crate::terminal::console::{self, Console, MessageKind};
use crate::terminal::usage;

/// Shows or requests what is missing.
pub(super) async fn run(flags: &FillFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let messages: Arc<dyn Reporter> = Arc::new(Messages(context.console));
    let filling = Filling::open(flags, context, context.shutdown(), messages)?;
    if flags.dry_run {
        return filling.plan(flags.format, context).await;
    }
    let records = Records::open(context)?;
    let run = records.start(filling.job.clone(), context);
    let outcome = filling.report(flags.format, context).await;
    records.end(&run, &filling.counting.summary(), &outcome, context);
    outcome
}

/// A fill with the client of the API that it needs.
#[derive(Debug)]
pub(super) struct Filling {
    fill: Fill,
    /// The tables that provisional rows may change; nothing if there are none.
    gold: Option<Gold>,
    client: ApiClient,
    shutdown: Shutdown,
    job: Job,
    counting: Arc<Counting>,
}

impl Filling {
    /// Opens what settings and flags name; nothing is requested yet.
    pub(super) fn open(
        flags: &FillFlags,
        context: &Context,
        shutdown: Shutdown,
        reporter: Arc<dyn Reporter>,
    ) -> anyhow::Result<Self> {
        let counting = Arc::new(Counting::new(reporter));
        let settings = context.settings()?;
        let scope = scope(&flags.scope, &settings.matrix)?;
        let last = flags.last.map(|last| last.range(context.today()));
        let schemas = Arc::new(Schemas::builtin()?);
        let endpoints = Endpoints::builtin(&settings.matrix, &schemas)?;
        let base = settings.api(flags.api.api.as_deref());
        let requests = settings.api_requests(flags.timeout_seconds, flags.retries);
        let client = ApiClient::new(
            &endpoints,
            base.as_ref().map(SourceUrl::expose),
            requests,
            Arc::clone(&counting) as _,
            context.clock.clone(),
        );
        let lake = open_lake(&settings.lake)?;
        let models = Arc::new(load_models(&schemas, settings.gold_models.as_deref())?);
        let only: Vec<String> = models.with_provisional().into_iter().map(str::to_owned).collect();
        let gold = (!only.is_empty()).then(|| Gold {
            only,
            shutdown: shutdown.clone(),
            ..Gold::new(lake.clone(), models, Arc::clone(&schemas))
        });
        let source = base.as_ref().map(ToString::to_string);
        let job = Job { command: "fill", lake: settings.lake.clone(), source };
        let command = redacted(&usage::arguments().skip(1).collect::<Vec<_>>().join(" "));
        let fill = Fill {
            command,
            lake,
            days: last.unwrap_or(scope.dates),
            scope: Scope { dates: last.map_or(scope.dates, |_| DateRange::default()), ..scope },
            schemas: Arc::clone(&schemas),
            endpoints: Arc::new(endpoints),
            matrix: Arc::new(settings.matrix),
        };
        let client = client.context("cannot use the API")?;
        Ok(Self { fill, gold, client, shutdown, job, counting })
    }

    /// Shows what would be requested.
    async fn plan(
        &self,
        format: ReportFormat,
        context: &Context,
    ) -> anyhow::Result<CommandOutcome> {
        let plan = self.fill.plan(context.clock.now()).await?;
        let outcome = self.check_names(plan.requests.is_empty()).await?;
        match format {
            ReportFormat::Text => console::print(&describe(&plan))?,
            ReportFormat::Json => console::print_json(&self.document(&plan))?,
        }
        Ok(outcome)
    }

    /// Requests and commits what is missing, and shows what came of it.
    async fn report(
        &self,
        format: ReportFormat,
        context: &Context,
    ) -> anyhow::Result<CommandOutcome> {
        let started = Instant::now();
        let report = self.run(context).await?;
        let outcome = self.check_names(report.planned == 0).await?;
        match format {
            ReportFormat::Text => context.console.info(&report.to_string()),
            ReportFormat::Json => print_report(&report, started.elapsed().as_secs_f64())?,
        }
        Ok(if report.is_incomplete() { CommandOutcome::Incomplete } else { outcome })
    }

    /// Reports names of symbols that are misspelled; a fill of nothing else is an error.
    async fn check_names(&self, is_nothing: bool) -> anyhow::Result<CommandOutcome> {
        let Fill { lake, matrix, scope, .. } = &self.fill;
        let misspelled = misspelled_in_lake(lake, matrix, scope).await?;
        names::check(&misspelled, is_nothing, |text| self.counting.report(Event::Warning(text)))
    }

    /// Requests and commits what is missing, and builds the gold tables that read it.
    pub(super) async fn run(&self, context: &Context) -> anyhow::Result<FillReport> {
        let run = Uuid::now_v7().simple().to_string();
        let clock = context.clock.clone();
        let shutdown = self.shutdown.clone();
        let commits = CommitContext { run: run.into(), clock, shutdown };
        let mut report = Box::pin(self.fill.run(&self.client, &commits, &self.counting)).await?;
        if let Some(gold) = self.gold.as_ref().filter(|gold| !gold.shutdown.is_requested()) {
            let reporter: Arc<dyn Reporter> = Arc::clone(&self.counting) as _;
            report.built(Box::pin(gold.build(&reporter, &context.clock)).await?.models);
        }
        Ok(report)
    }

    fn document<'a>(&self, plan: &'a FillPlan) -> PlanDocument<'a> {
        let mut requests = Vec::with_capacity(plan.requests.len());
        for request in &plan.requests {
            let Series { market, data_type, .. } = &request.series;
            let Some(endpoint) = self.fill.endpoints.get(*market, data_type) else { continue };
            requests.push(PlannedRequest {
                market: market.as_str(),
                data_type: data_type.as_str(),
                symbol: request.series.symbol.as_str(),
                bar_interval: request.series.interval.map(|interval| interval.to_string()),
                from: request.range.from,
                until: request.range.until,
                rows: request.rows,
                weight: request.weight,
                url: self.client.url(endpoint, request),
            });
        }
        PlanDocument { command: "fill", dry_run: true, weight: plan.weight(), requests }
    }
}

/// A plan as JSON.
#[derive(Debug, Serialize)]
struct PlanDocument<'a> {
    command: &'static str,
    dry_run: bool,
    weight: u64,
    requests: Vec<PlannedRequest<'a>>,
}

#[derive(Debug, Serialize)]
struct PlannedRequest<'a> {
    market: &'a str,
    data_type: &'a str,
    symbol: &'a str,
    bar_interval: Option<String>,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    rows: u32,
    weight: u32,
    url: String,
}

/// Describes a plan for people: what each series lacks.
fn describe(plan: &FillPlan) -> String {
    if plan.requests.is_empty() {
        return "nothing is missing\n".to_owned();
    }
    let mut requests: BTreeMap<&Series, Vec<&ApiRequest>> = BTreeMap::new();
    for request in &plan.requests {
        requests.entry(&request.series).or_default().push(request);
    }
    let mut rows = Vec::new();
    for fill in &plan.series {
        let of_series = requests.get(&fill.series).map(Vec::as_slice).unwrap_or_default();
        for range in &fill.missing {
            let within = |request: &&&ApiRequest| {
                range.from <= request.range.from && request.range.until <= range.until
            };
            let count = of_series.iter().filter(within).count();
            let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%S").to_string();
            let cells = [fill.series.to_string(), time(range.from), time(range.until)];
            rows.push(cells.into_iter().chain([count.to_string()]).collect());
        }
    }
    let table = console::columns(&["series", "from", "up to", ">requests"], &rows);
    let requests = match plan.requests.len() {
        1 => "1 request".to_owned(),
        requests => format!("{requests} requests"),
    };
    format!("{table}\n{requests} of weight {}\n", plan.weight())
}

fn print_report(report: &FillReport, seconds: f64) -> io::Result<()> {
    let shared = SharedFields { seconds: Some(seconds), ..SharedFields::default() };
    console::print_json(&RunDocument {
        command: "fill",
        run: report.run.as_deref(),
        outcome: RunOutcome::of(report.is_incomplete()),
        shared,
        details: report,
    })
}

/// Shows what users should know of a fill.
struct Messages(Console);

impl Reporter for Messages {
    fn report(&self, event: Event) {
        match event {
            Event::Note(text) => self.0.show(MessageKind::Info, &text),
            Event::Warning(text) => self.0.show(MessageKind::Warning, &text),
            Event::Model(model) => show_model(self.0, &model),
            _ => {}
        }
    }
}
