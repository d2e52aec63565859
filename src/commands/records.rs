//! What a run leaves in files for other programs, apart from its output: figures for a monitoring
//! system, and lineage for a catalogue. A file that cannot be written never fails a run.

use super::context::Context;
use super::{CommandOutcome, exit_code};
use crate::events::TableVersions;
use crate::events::lineage::{Job, LineageEnd, LineageFile, LineageRun};
use crate::events::metrics::{Ended, MetricsFile};
use crate::events::summary::Summary;
use crate::terminal::console::MessageKind;
use crate::terminal::failure;

/// The files that the flags name.
#[derive(Debug)]
pub(super) struct Records {
    metrics: MetricsFile,
    lineage: LineageFile,
}

impl Records {
    /// Takes the files that the flags name; their folders must be there.
    pub(super) fn open(context: &Context) -> anyhow::Result<Self> {
        Ok(Self {
            metrics: MetricsFile::open(context.global.metrics_file.clone())?,
            lineage: LineageFile::open(context.global.openlineage.clone())?,
        })
    }

    /// Records that a run starts.
    pub(super) fn start(&self, job: Job, context: &Context) -> LineageRun {
        let run = self.lineage.run(job);
        warn(run.start(context.clock.now()), context);
        run
    }

    /// Records how a run ended, and its figures.
    pub(super) fn end(
        &self,
        run: &LineageRun,
        summary: &Summary,
        outcome: &anyhow::Result<CommandOutcome>,
        context: &Context,
    ) {
        let ended = Ended { exit_code: exit_code(outcome), at: context.clock.now() };
        warn(self.metrics.record(summary, ended), context);
        end_lineage(run, &summary.tables, outcome, context);
    }
}

/// Records how a run ended that has no summary.
pub(super) fn end_lineage(
    run: &LineageRun,
    tables: &[TableVersions],
    outcome: &anyhow::Result<CommandOutcome>,
    context: &Context,
) {
    let message = match outcome {
        Ok(CommandOutcome::Done) => None,
        Ok(CommandOutcome::Incomplete) => {
            Some("something is incomplete: the output of the command says what".to_owned())
        }
        Err(error) => Some(failure::describe(error)),
    };
    let end = LineageEnd {
        tables,
        message: message.as_deref(),
        is_failure: outcome.is_err(),
        at: context.clock.now(),
    };
    warn(run.end(end), context);
}

fn warn(written: anyhow::Result<()>, context: &Context) {
    if let Err(error) = written {
        context.console.show(MessageKind::Warning, &format!("{error:#}"));
    }
}
