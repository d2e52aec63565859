//! `lakehouse refresh`: bring what the lake holds up to date, once or again and again.

use std::sync::Arc;
use std::time::Duration;

use lakehouse_core::plan::Plan;
use lakehouse_core::selection::Targets;
use tokio::time::{Instant, sleep_until};

use super::ingest::Prepared;
use super::{ingest, plan};
use crate::cli::RefreshFlags;
use crate::clock::Clock;
use crate::commands::Outcome;
use crate::console;
use crate::ingest::RefreshPlan;
use crate::report::{Event, Reporter};
use crate::settings::Settings;
use crate::summary::Counting;
use crate::terminal::TerminalReporter;

/// Refreshes once, or until it is asked to stop.
pub(super) async fn run(
    flags: &RefreshFlags,
    settings: Settings,
    clock: &Clock,
    reporter: Arc<TerminalReporter>,
) -> anyhow::Result<Outcome> {
    let listener: Arc<dyn Reporter> = Arc::clone(&reporter) as _;
    let selects = settings.selects();
    let settings = settings.refresh(flags, clock.now().date_naive())?;
    let targets = if selects { settings.selection.targets(&settings.matrix)? } else { Targets::none() };
    let prepared = ingest::prepare(settings, targets, &listener)?;
    let Some(every) = flags.every.filter(|_| !flags.dry_run) else {
        return refresh(&prepared, flags, clock, &reporter).await;
    };
    repeat(&prepared, flags, every, clock, reporter).await
}

/// Refreshes at fixed times; a round that fails is told, and the next one tries again.
async fn repeat(
    prepared: &Prepared,
    flags: &RefreshFlags,
    every: Duration,
    clock: &Clock,
    mut reporter: Arc<TerminalReporter>,
) -> anyhow::Result<Outcome> {
    let mut next = Instant::now();
    loop {
        if let Err(error) = refresh(prepared, flags, clock, &reporter).await {
            let _ = reporter.finish();
            console::tell(&format!("error: {error:#}"));
        }
        while next <= Instant::now() {
            next += every;
        }
        tokio::select! {
            biased;
            () = prepared.ingest.stop.asked() => return Ok(Outcome::Done),
            () = sleep_until(next) => reporter = Arc::new(reporter.anew()),
        }
    }
}

async fn refresh(
    prepared: &Prepared,
    flags: &RefreshFlags,
    clock: &Clock,
    reporter: &Arc<TerminalReporter>,
) -> anyhow::Result<Outcome> {
    let Prepared { ingest, gold } = prepared;
    let listener: Arc<dyn Reporter> = Arc::clone(reporter) as _;
    let counting = Arc::new(Counting::new(Arc::clone(&listener)));
    let counter: Arc<dyn Reporter> = Arc::clone(&counting) as _;
    let planned = Box::pin(ingest.plan_refresh(clock.now().date_naive(), flags.full, &counter)).await?;
    let plan = Plan { missing: planned.missing.clone(), ..planned.plan.clone() };
    if flags.dry_run {
        let _ = reporter.finish();
        plan::print(&plan, flags.format)?;
        return Ok(Outcome::Done);
    }
    plan::warn(&plan, &listener);
    tell_late(&planned, &listener);
    ingest::carry_out(ingest, gold.as_ref(), &plan, &counting, clock).await?;
    ingest::conclude(ingest, reporter, flags.format)
}

fn tell_late(planned: &RefreshPlan, reporter: &Arc<dyn Reporter>) {
    match planned.late {
        0 => {}
        1 => reporter.report(Event::Note("1 archive came late: later ones of its series are held".to_owned())),
        late => {
            reporter.report(Event::Note(format!("{late} archives came late: later ones of their series are held")));
        }
    }
}
