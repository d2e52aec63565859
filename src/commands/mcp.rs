//! `lakehouse mcp`: the lake for an assistant, which starts the program and talks to it over
//! standard input and output.

use super::CommandOutcome;
use super::context::Context;
use super::serve::{TIMEOUT, engine};
use crate::cli::McpFlags;
use crate::serve::{AnswerLimits, Limits, McpServer};
use crate::shutdown::Shutdown;

/// An assistant's statements run one after the other, or a few at a time.
const STATEMENTS: usize = 4;

/// Answers until standard input ends, or a signal.
pub(super) async fn run(flags: &McpFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let stopping = Shutdown::on_signals(|| {});
    let timeout = flags.statement.timeout.unwrap_or(TIMEOUT);
    let limits = Limits { statements: STATEMENTS, timeout, idle: timeout };
    let memory = flags.memory;
    let engine = engine(&settings, context, &flags.statement, memory, limits, stopping)?;
    let answers = AnswerLimits {
        rows: flags.max_rows,
        bytes: usize::try_from(flags.max_bytes.0).unwrap_or(usize::MAX),
    };
    Box::pin(McpServer::new(engine, answers).run()).await?;
    Ok(CommandOutcome::Done)
}
