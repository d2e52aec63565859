//! `lakehouse mcp`: the lake for an assistant, which starts the program and talks to it over
//! standard input and output.

use std::sync::Arc;

use super::CommandOutcome;
use super::context::Context;
use super::serve::engine;
use crate::cli::McpFlags;
use crate::serve::{AnswerLimits, McpServer};
use crate::shutdown::Shutdown;

/// An assistant's statements run one after the other, or a few at a time.
const STATEMENTS: usize = 4;

/// Answers until standard input ends, or a signal.
pub(super) async fn run(flags: &McpFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let stopping = Shutdown::on_signals(|| {});
    let engine = engine(&settings, &flags.statement, flags.memory, STATEMENTS, stopping)?;
    let answers = AnswerLimits {
        rows: flags.max_rows,
        bytes: usize::try_from(flags.max_bytes.0).unwrap_or(usize::MAX),
    };
    let matrix = Arc::new(settings.matrix.clone());
    Box::pin(McpServer::new(engine, matrix, answers, context.clock.clone()).run()).await?;
    Ok(CommandOutcome::Done)
}
