//! Rows of `meta.runs` as Arrow batches; they are read back by SQL alone.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch};
use arrow::error::ArrowError;

use super::EndedRun;
use crate::delta::commit::CommitContext;
use crate::error_chain::one_line;
use crate::meta::columns::{numbers, texts, times};
use crate::meta::schema::{MetaSchema, double, integer, text, time};

/// What the table is.
pub(in crate::meta) const SCHEMA: MetaSchema = MetaSchema {
    name: "runs",
    description: "One row for every ingest, refresh or fill that had something to do.",
    columns: &[
        text("run", "name of the run, which is in its commits too"),
        text("command", "command line, as it was typed"),
        time("started_at", "when it started"),
        time("ended_at", "when it ended"),
        double("seconds", "how long it took"),
        text("outcome", "`done`, `incomplete`, `interrupted`, or `stopped:` and why"),
        integer("archives_new", "archives in silver for the first time").nullable(),
        integer("archives_skipped", "archives that were held already, as they are published")
            .nullable(),
        integer("archives_corrected", "archives that replaced an earlier version").nullable(),
        integer("archives_not_published", "archives that the source does not have").nullable(),
        integer("archives_failed", "archives that did not reach silver for another reason")
            .nullable(),
        integer("rows", "rows that were committed to silver; of a fill, to `recent`").nullable(),
        integer("rejected_rows", "rows that could not be kept").nullable(),
        integer("bytes", "bytes that were downloaded").nullable(),
        integer("retries", "requests that were tried again, including those for listings")
            .nullable(),
    ],
    sort_columns: &[],
    unique_columns: &[],
};

/// Makes a batch of one run.
pub(super) fn to_batch(
    run: &EndedRun<'_>,
    context: &CommitContext,
) -> Result<RecordBatch, ArrowError> {
    let EndedRun { command, started, summary, .. } = *run;
    let archives = &summary.archives;
    let count = |value: u64| numbers(&[value], |value| i64::try_from(*value).ok());
    let ended = context.clock.now();
    let columns: Vec<ArrayRef> = vec![
        texts(&[&context.run], |run| Some(run.to_string())),
        texts(&[command], |command| Some((*command).to_owned())),
        times(&[started], |started| Some(*started)),
        times(&[ended], |ended| Some(*ended)),
        Arc::new(Float64Array::from(vec![summary.seconds])),
        texts(&[run], |run| Some(outcome(run))),
        count(archives.new),
        count(archives.skipped),
        count(archives.corrected),
        count(archives.not_published),
        count(archives.failed),
        count(summary.rows + summary.fill.rows),
        count(summary.rejected_rows),
        count(summary.bytes),
        count(summary.retries),
    ];
    RecordBatch::try_new(SCHEMA.arrow(), columns)
}

fn outcome(run: &EndedRun<'_>) -> String {
    match run.error {
        Some(error) => format!("stopped: {}", one_line(error)),
        None if run.interrupted => "interrupted".to_owned(),
        None if run.summary.is_incomplete() => "incomplete".to_owned(),
        None => "done".to_owned(),
    }
}
