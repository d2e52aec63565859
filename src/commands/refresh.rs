//! `lakehouse refresh`: update what the lake holds, once or at fixed times.

use std::sync::Arc;
use std::time::Duration;

use lakehouse_core::plan::Plan;
use lakehouse_core::selection::Targets;
use tokio::time::{Instant, sleep_until};

use super::context::Context;
use super::fill::Filling;
use super::records::Records;
use super::run::{Prepared, RunReporter, check_names, job, unless_stopped};
use super::{CommandOutcome, plan, show_error};
use crate::cli::{FillFlags, RefreshFlags};
use crate::events::lineage::Job;
use crate::events::{Event, Reporter};
use crate::ingest::RefreshPlan;
use crate::shutdown::Shutdown;

/// Refreshes once, or until a shutdown is requested.
pub(super) async fn run(flags: &RefreshFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    Box::pin(Refresher::open(flags, context, context.shutdown())?.run()).await
}

/// Refreshes of one lake, ready to begin.
#[derive(Debug)]
pub(super) struct Refresher {
    prepared: Prepared,
    flags: RefreshFlags,
    context: Context,
    records: Records,
    job: Job,
    reporter: RunReporter,
}

impl Refresher {
    /// Opens what the settings name; `shutdown` ends a refresh, and their repetition.
    pub(super) fn open(
        flags: &RefreshFlags,
        context: &Context,
        shutdown: Shutdown,
    ) -> anyhow::Result<Self> {
        let settings = context.settings()?;
        let selects = settings.selects();
        let settings = settings.refresh(flags, context.today())?;
        let mut targets = Targets::none();
        if selects {
            targets = settings.selection.targets(&settings.matrix)?;
        }
        let records = Records::open(context)?;
        let job = job("refresh", &settings);
        let reporter = RunReporter::new(context.reporter());
        let prepared = Prepared::open_until(settings, targets, shutdown, &reporter.listener())?;
        let flags = flags.clone();
        Ok(Self { prepared, flags, context: context.clone(), records, job, reporter })
    }

    /// Refreshes once, or until a shutdown is requested.
    pub(super) async fn run(self) -> anyhow::Result<CommandOutcome> {
        let Self { prepared, flags, context, records, job, reporter } = &self;
        let round = Round { prepared, flags, context, records, job };
        match flags.every.filter(|_| !flags.dry_run) {
            Some(every) => round.repeat(every, reporter.clone()).await,
            None => round.run(reporter).await,
        }
    }
}

/// What every round of refreshing needs.
#[derive(Clone, Copy)]
struct Round<'a> {
    prepared: &'a Prepared,
    flags: &'a RefreshFlags,
    context: &'a Context,
    records: &'a Records,
    job: &'a Job,
}

impl Round<'_> {
    /// Refreshes at fixed times; the error of a round is shown, and the next round tries again.
    async fn repeat(
        self,
        every: Duration,
        mut reporter: RunReporter,
    ) -> anyhow::Result<CommandOutcome> {
        let mut next = Instant::now();
        loop {
            if let Err(error) = self.run(&reporter).await {
                show_error(self.context.console, &error);
            }
            while next <= Instant::now() {
                next += every;
            }
            tokio::select! {
                biased;
                () = self.prepared.ingest.shutdown.requested() => return Ok(CommandOutcome::Done),
                () = sleep_until(next) => reporter = reporter.restarted(),
            }
        }
    }

    /// Refreshes once and records the run.
    async fn run(self, reporter: &RunReporter) -> anyhow::Result<CommandOutcome> {
        if self.flags.dry_run {
            return Box::pin(self.refresh(reporter)).await;
        }
        let run = self.records.start(self.job.clone(), self.context);
        let outcome = Box::pin(self.refresh(reporter)).await;
        self.records.end(&run, &reporter.finish(), &outcome, self.context);
        outcome
    }

    async fn refresh(self, reporter: &RunReporter) -> anyhow::Result<CommandOutcome> {
        let Self { prepared, flags, context, .. } = self;
        let ingest = &prepared.ingest;
        let listener = reporter.listener();
        let planning = Box::pin(ingest.plan_refresh(context.clock.now(), flags.full, &listener));
        let Some(planned) = unless_stopped(ingest, planning).await else {
            return reporter.conclude(ingest, "refresh", flags.format);
        };
        let planned = planned?;
        let plan = Plan { missing: planned.missing.clone(), ..planned.plan.clone() };
        if flags.dry_run {
            let _ = reporter.finish();
            plan::print(&plan, flags.format)?;
            return check_names(&plan, &listener);
        }
        let names = check_names(&plan, &listener)?;
        if plan.fetch.is_empty() && plan.skipped.is_empty() {
            let note =
                "the lake holds nothing that could be refreshed: begin with `lakehouse ingest`";
            listener.report(Event::Note(note.to_owned()));
        }
        plan::report_omissions(&plan, &listener);
        report_late(&planned, &listener);
        prepared.carry_out(&plan, reporter, &context.clock).await?;
        let filled = self.fill(&listener).await?;
        let outcome = reporter.conclude(ingest, "refresh", flags.format)?;
        Ok(outcome.and(filled).and(names))
    }
}

impl Round<'_> {
    /// Adds provisional rows of what the archive lacks, if that was requested.
    async fn fill(self, listener: &Arc<dyn Reporter>) -> anyhow::Result<CommandOutcome> {
        let shutdown = &self.prepared.ingest.shutdown;
        if !self.flags.fill || shutdown.is_requested() {
            return Ok(CommandOutcome::Done);
        }
        let flags = FillFlags {
            api: self.flags.api.clone(),
            timeout_seconds: self.flags.tuning.timeout_seconds,
            retries: self.flags.tuning.retries,
            ..FillFlags::default()
        };
        let filling = Filling::open(&flags, self.context, shutdown.clone(), Arc::clone(listener))?;
        let report = Box::pin(filling.run(self.context)).await?;
        for line in report.to_string().lines() {
            listener.report(Event::Note(line.to_owned()));
        }
        let is_incomplete = report.is_incomplete();
        Ok(if is_incomplete { CommandOutcome::Incomplete } else { CommandOutcome::Done })
    }
}

fn report_late(planned: &RefreshPlan, reporter: &Arc<dyn Reporter>) {
    let note = match planned.late {
        0 => return,
        1 => "1 archive came late: later ones of its series are held".to_owned(),
        late => format!("{late} archives came late: later ones of their series are held"),
    };
    reporter.report(Event::Note(note));
}
