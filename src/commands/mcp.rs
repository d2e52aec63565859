//! `lakehouse mcp`: the lake for an assistant, which starts the program and talks to it over
//! standard input and output.

use std::sync::Arc;

use super::CommandOutcome;
use super::context::{Context, open_lake};
use super::serve::TIMEOUT;
use crate::cli::McpFlags;
use crate::query::SessionOptions;
use crate::serve::{AnswerLimits, Limits, McpServer, StatementEngine};
use crate::shell::answer::session_options;
use crate::shutdown::Shutdown;

/// An assistant's statements run one after the other, or a few at a time.
const STATEMENTS: usize = 4;

/// Answers until standard input ends, or a signal.
pub(super) async fn run(flags: &McpFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let lake = open_lake(&settings.lake)?;
    let options = SessionOptions {
        memory_limit: Some(usize::try_from(flags.memory.0).unwrap_or(usize::MAX)),
        ..session_options(&settings, &flags.statement)?
    };
    let timeout = flags.statement.timeout.unwrap_or(TIMEOUT);
    let limits = Limits { statements: STATEMENTS, timeout };
    let parameters = flags.statement.parameters.clone();
    let location = settings.lake.clone();
    let stopping = Shutdown::on_signals(|| {});
    let engine = StatementEngine::new(lake, location, options, parameters, limits, stopping)?;
    let answers = AnswerLimits {
        rows: flags.max_rows,
        bytes: usize::try_from(flags.max_bytes.0).unwrap_or(usize::MAX),
    };
    let matrix = Arc::new(settings.matrix.clone());
    Box::pin(McpServer::new(engine, matrix, answers, context.clock.clone()).run()).await?;
    Ok(CommandOutcome::Done)
}
