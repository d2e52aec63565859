//! `lakehouse ingest`: download, decode and commit what `lakehouse plan` lists.

use super::context::Context;
use super::records::Records;
use super::run::{Prepared, RunReporter, check_names, job, unless_stopped};
use super::{CommandOutcome, plan};
use crate::cli::IngestFlags;
use crate::events::Event;
use crate::settings::IngestSettings;

/// Plans and carries out, and writes the metrics of the run.
pub(super) async fn run(flags: &IngestFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?.ingest(flags, context.today())?;
    if settings.dry_run {
        return plan::show(settings, false, context).await;
    }
    let records = Records::open(context)?;
    let run = records.start(job("ingest", &settings), context);
    let reporter = RunReporter::new(context.reporter());
    let outcome = Box::pin(ingest(settings, context, &reporter)).await;
    records.end(&run, &reporter.finish(), &outcome, context);
    outcome
}

async fn ingest(
    settings: IngestSettings,
    context: &Context,
    reporter: &RunReporter,
) -> anyhow::Result<CommandOutcome> {
    let format = settings.format;
    let listener = reporter.listener();
    let targets = settings.selection.targets(&settings.matrix)?;
    let prepared = Prepared::open(settings, targets, context, &listener)?;
    let planning = Box::pin(prepared.ingest.plan(context.today(), &listener));
    let mut names = CommandOutcome::Done;
    if let Some(plan) = unless_stopped(&prepared.ingest, planning).await {
        let plan = plan?;
        names = check_names(&plan, &listener)?;
        if plan.fetch.is_empty() && plan.skipped.is_empty() {
            listener
                .report(Event::Note("nothing is published that the selection matches".to_owned()));
        }
        plan::report_omissions(&plan, &listener);
        prepared.carry_out(&plan, reporter, &context.clock).await?;
    }
    reporter.conclude(&prepared.ingest, "ingest", format).map(|outcome| outcome.and(names))
}
