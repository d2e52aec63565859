//! `lakehouse serve`: the lake over the network, until a signal ends it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::CommandOutcome;
use super::context::{Context, open_lake};
use crate::cli::ServeFlags;
use crate::query::SessionOptions;
use crate::serve::{Door, Limits, Server, StatementEngine};
use crate::shell::answer::session_options;
use crate::shutdown::Shutdown;
use crate::terminal::console::{self, MessageKind};

/// The longest that a statement may take where the user does not say.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// The port of the page where none is named.
const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Opens the doors, prints how to use them, and serves until a signal.
pub(super) async fn run(flags: &ServeFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let settings = context.settings()?;
    let lake = open_lake(&settings.lake)?;
    let options = SessionOptions {
        memory_limit: Some(usize::try_from(flags.memory.0).unwrap_or(usize::MAX)),
        ..session_options(&settings, &flags.statement)?
    };
    let limits = Limits {
        statements: flags.max_statements,
        timeout: flags.statement.timeout.unwrap_or(TIMEOUT),
    };
    let parameters = flags.statement.parameters.clone();
    let stopping = stop_on_signals(context);
    let location = settings.lake.clone();
    let engine = StatementEngine::new(lake, location, options, parameters, limits, stopping)?;
    let mut server = Server::new(engine);
    let address = server.open(Door::Http, flags.http.unwrap_or(HTTP), flags.http.is_none()).await?;
    console::print(&format!("http://{address}/\n"))?;
    server.run().await;
    Ok(CommandOutcome::Done)
}

fn stop_on_signals(context: &Context) -> Shutdown {
    let console = context.console;
    Shutdown::on_signals(move || {
        console.show(MessageKind::Reply, "stopping once the running statements have ended");
    })
}
