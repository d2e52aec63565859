//! `lakehouse refresh`: bring what the lake holds up to date, once or again and again.

use std::sync::Arc;
use std::time::Duration;

use lakehouse_core::plan::Plan;
use lakehouse_core::selection::Targets;
use tokio::time::{Instant, sleep_until};

use super::ingest::{self, Prepared};
use super::{CommandOutcome, exit_code, plan};
use crate::cli::RefreshFlags;
use crate::clock::Clock;
use crate::events::metrics::{Ended, MetricsFile};
use crate::events::summary::Counting;
use crate::events::{Event, Reporter};
use crate::ingest::RefreshPlan;
use crate::settings::Settings;
use crate::terminal::{TerminalReporter, failure};

/// Refreshes once, or until it is asked to stop.
pub(super) async fn run(
    flags: &RefreshFlags,
    settings: Settings,
    clock: &Clock,
    reporter: Arc<TerminalReporter>,
    metrics: &MetricsFile,
) -> anyhow::Result<CommandOutcome> {
    let listener: Arc<dyn Reporter> = Arc::clone(&reporter) as _;
    let selects = settings.selects();
    let settings = settings.refresh(flags, clock.now().date_naive())?;
    let targets =
        if selects { settings.selection.targets(&settings.matrix)? } else { Targets::none() };
    let prepared = ingest::prepare(settings, targets, &listener)?;
    let round = Round { prepared: &prepared, flags, clock, metrics };
    match flags.every.filter(|_| !flags.dry_run) {
        Some(every) => round.repeat(every, reporter).await,
        None => round.run(&reporter).await,
    }
}

/// What every round of refreshing needs.
#[derive(Clone, Copy)]
struct Round<'a> {
    prepared: &'a Prepared,
    flags: &'a RefreshFlags,
    clock: &'a Clock,
    metrics: &'a MetricsFile,
}

impl Round<'_> {
    /// Refreshes at fixed times; a round that fails is told, and the next one tries again.
    async fn repeat(
        self,
        every: Duration,
        mut reporter: Arc<TerminalReporter>,
    ) -> anyhow::Result<CommandOutcome> {
        let mut next = Instant::now();
        loop {
            if let Err(error) = self.run(&reporter).await {
                failure::tell(&error);
            }
            while next <= Instant::now() {
                next += every;
            }
            tokio::select! {
                biased;
                () = self.prepared.ingest.shutdown.requested() => return Ok(CommandOutcome::Done),
                () = sleep_until(next) => reporter = Arc::new(reporter.anew()),
            }
        }
    }

    /// Refreshes once and leaves the figures of it to a monitoring system.
    async fn run(self, reporter: &Arc<TerminalReporter>) -> anyhow::Result<CommandOutcome> {
        let outcome = Box::pin(self.refresh(reporter)).await;
        let summary = reporter.finish();
        if !self.flags.dry_run {
            self.metrics
                .record(&summary, Ended { exit_code: exit_code(&outcome), at: self.clock.now() });
        }
        outcome
    }

    async fn refresh(self, reporter: &Arc<TerminalReporter>) -> anyhow::Result<CommandOutcome> {
        let Self { prepared: Prepared { ingest, gold }, flags, clock, .. } = self;
        let listener: Arc<dyn Reporter> = Arc::clone(reporter) as _;
        let counting = Arc::new(Counting::new(Arc::clone(&listener)));
        let counter: Arc<dyn Reporter> = Arc::clone(&counting) as _;
        let planning =
            Box::pin(ingest.plan_refresh(clock.now().date_naive(), flags.full, &counter));
        let Some(planned) = ingest::unless_stopped(ingest, planning).await else {
            return ingest::conclude(ingest, reporter, flags.format);
        };
        let planned = planned?;
        let plan = Plan { missing: planned.missing.clone(), ..planned.plan.clone() };
        if flags.dry_run {
            let _ = reporter.finish();
            plan::print(&plan, flags.format)?;
            return Ok(CommandOutcome::Done);
        }
        if plan.fetch.is_empty() && plan.skipped.is_empty() {
            let told =
                "the lake holds nothing that could be refreshed: begin with `lakehouse ingest`";
            listener.report(Event::Note(told.to_owned()));
        }
        plan::warn(&plan, &listener);
        tell_late(&planned, &listener);
        ingest::carry_out(ingest, gold.as_ref(), &plan, &counting, clock).await?;
        ingest::conclude(ingest, reporter, flags.format)
    }
}

fn tell_late(planned: &RefreshPlan, reporter: &Arc<dyn Reporter>) {
    match planned.late {
        0 => {}
        1 => reporter.report(Event::Note(
            "1 archive came late: later ones of its series are held".to_owned(),
        )),
        late => {
            reporter.report(Event::Note(format!(
                "{late} archives came late: later ones of their series are held"
            )));
        }
    }
}
