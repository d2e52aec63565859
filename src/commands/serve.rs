//! `lakehouse serve`: the lake over the network, until a signal ends it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use bytesize::ByteSize;

use super::context::{Context, open_lake};
use super::refresh::Refresher;
use super::{CommandOutcome, show_error};
use crate::cli::{
    AddUserFlags, HealthFlags, RefreshFlags, ServeCommand, ServeFlags, StatementFlags,
};
use crate::error_chain::messages;
use crate::query::SessionOptions;
use crate::serve::{
    Access, AccessError, Limits, NetworkDoor, STACK, ServedLake, Server, StatementEngine, Users,
    lone_threads,
};
use crate::settings::Settings;
use crate::shell::answer::session_options;
use crate::shutdown::Shutdown;
use crate::terminal::console::{self, MessageKind};

/// The longest that a statement may take where the user does not say.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);

/// The longest that a server may take to say whether it is ready.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);

/// The ports where none is named.
const HTTP_PORT: u16 = 8080;
const POSTGRES_PORT: u16 = 5432;
const FLIGHT_PORT: u16 = 32010;

/// Opens the doors, prints how to use them, and serves until a signal.
pub(super) async fn run(flags: &ServeFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    match &flags.command {
        Some(ServeCommand::AddUser(flags)) => return add_user(flags),
        Some(ServeCommand::Health(flags)) => return health(flags, context).await,
        None => {}
    }
    let access = access(flags)?;
    let settings = context.settings()?;
    let stopping = stop_on_signals(context);
    let limits = Limits {
        statements: flags.max_statements,
        timeout: flags.statement.timeout.unwrap_or(TIMEOUT),
        idle: flags.idle_timeout,
    };
    let memory = flags.memory;
    let statement = &flags.statement;
    let engine = engine(&settings, context, statement, memory, limits, stopping.clone())?;
    let refresher = refresher(flags, context, stopping)?;
    let mut server = Server::new(engine, access.clone(), flags.max_connections);
    open_doors(&mut server, flags, &access, context).await?;
    let refreshes = refresher.map(|refresher| refresh(refresher, context)).transpose()?;
    let served = server.run().await;
    if let Some(refreshes) = refreshes {
        // A refresh that is under way ends its batch first.
        let _ = tokio::task::spawn_blocking(|| refreshes.join()).await;
    }
    served?;
    Ok(CommandOutcome::Done)
}

/// Opens what refreshes the lake, if it is to be refreshed.
fn refresher(
    flags: &ServeFlags,
    context: &Context,
    stopping: Shutdown,
) -> anyhow::Result<Option<Refresher>> {
    if flags.refresh_every.is_none() {
        return Ok(None);
    }
    let flags = RefreshFlags { every: flags.refresh_every, ..RefreshFlags::default() };
    Refresher::open(&flags, context, stopping).map(Some)
}

/// Begins to refresh the lake on threads of their own, so that no statement waits for it. What
/// fails in a refresh is shown, and the next one tries again.
fn refresh(refresher: Refresher, context: &Context) -> anyhow::Result<JoinHandle<()>> {
    let threads = lone_threads("refresh").context("cannot start threads to refresh the lake")?;
    let console = context.console;
    let run = move || {
        if let Err(error) = threads.block_on(Box::pin(refresher.run())) {
            show_error(console, &error);
        }
    };
    let thread = thread::Builder::new().name("refresh".to_owned()).stack_size(STACK);
    thread.spawn(run).context("cannot start a thread to refresh the lake")
}

/// Opens the doors that are named, or all where none is.
async fn open_doors(
    server: &mut Server,
    flags: &ServeFlags,
    access: &Access,
    context: &Context,
) -> anyhow::Result<()> {
    let doors = [
        (NetworkDoor::Http, flags.http, HTTP_PORT),
        (NetworkDoor::Postgres, flags.postgres, POSTGRES_PORT),
        (NetworkDoor::Flight, flags.flight, FLIGHT_PORT),
    ];
    let is_any_named = doors.iter().any(|(_, named, _)| named.is_some());
    for (door, named, default) in doors {
        let address = match named {
            Some(address) => server.open(door, address, false).await?,
            None if is_any_named => continue,
            None => server.open(door, (Ipv4Addr::LOCALHOST, default).into(), true).await?,
        };
        if !address.ip().is_loopback() && access.is_in_the_clear() {
            let text = format!("{address} is not encrypted: use --tls-cert and --tls-key");
            context.console.show(MessageKind::Warning, &text);
        }
        console::print(&line_to_copy(door, address, access))?;
    }
    Ok(())
}

/// Sets up the engine that answers the statements of clients.
pub(super) fn engine(
    settings: &Settings,
    context: &Context,
    flags: &StatementFlags,
    memory: ByteSize,
    limits: Limits,
    stopping: Shutdown,
) -> anyhow::Result<StatementEngine> {
    let served = ServedLake {
        lake: open_lake(&settings.lake)?,
        location: settings.lake.clone(),
        matrix: Arc::new(settings.matrix.clone()),
        clock: context.clock.clone(),
    };
    let options = SessionOptions {
        memory_limit: Some(usize::try_from(memory.0).unwrap_or(usize::MAX)),
        ..session_options(settings, flags)?
    };
    let parameters = flags.parameters.clone();
    Ok(StatementEngine::new(served, options, parameters, limits, stopping)?)
}

/// Returns whether a server says that it is ready: exit code 0 or 1, which are all that health
/// checks of containers know.
async fn health(flags: &HealthFlags, context: &Context) -> anyhow::Result<CommandOutcome> {
    let url = flags.url.join("/readyz").context("the URL of the server is incomplete")?;
    // Nothing secret is sent, and a certificate rarely names this machine's own address.
    let client = reqwest::Client::builder()
        .no_proxy()
        .timeout(HEALTH_TIMEOUT)
        .danger_accept_invalid_certs(true)
        .build()?;
    let reason = match client.get(url.clone()).send().await {
        Ok(response) if response.status().is_success() => return Ok(CommandOutcome::Done),
        Ok(response) => format!("{url} answers {}", response.status()),
        Err(error) => messages(&error).join(": "),
    };
    context.console.show(MessageKind::Failure, &format!("not ready: {reason}"));
    Ok(CommandOutcome::Incomplete)
}

/// Returns how a door is used.
fn line_to_copy(door: NetworkDoor, address: SocketAddr, access: &Access) -> String {
    let is_any = address.ip().is_unspecified();
    let host = if is_any { Ipv4Addr::LOCALHOST.into() } else { address.ip() };
    let user = if access.has_users() { "NAME" } else { "lake" };
    match door {
        NetworkDoor::Http if access.is_in_the_clear() => format!("http://{address}/\n"),
        NetworkDoor::Http => format!("https://{address}/\n"),
        NetworkDoor::Postgres => {
            format!("psql 'host={host} port={} dbname=lake user={user}'\n", address.port())
        }
        NetworkDoor::Flight => {
            let address = SocketAddr::new(host, address.port());
            let scheme = if access.is_in_the_clear() { "grpc" } else { "grpc+tls" };
            let login = match access.has_users() {
                true => ", db_kwargs={\"username\": \"NAME\", \"password\": \"...\"}",
                false => "",
            };
            format!(
                "import adbc_driver_flightsql.dbapi as flight; \
                 lake = flight.connect(\"{scheme}://{address}\"{login}, autocommit=True)\n"
            )
        }
    }
}

fn access(flags: &ServeFlags) -> Result<Access, AccessError> {
    let tls = flags.tls_cert.as_deref().zip(flags.tls_key.as_deref());
    Access::read(flags.users.as_deref(), tls)
}

/// Adds a user whose password is the first line of standard input.
fn add_user(flags: &AddUserFlags) -> anyhow::Result<CommandOutcome> {
    let mut password = String::new();
    std::io::stdin().read_line(&mut password).context("cannot read the password")?;
    Users::add(&flags.users, &flags.name, password.trim_end_matches(['\r', '\n']))?;
    Ok(CommandOutcome::Done)
}

fn stop_on_signals(context: &Context) -> Shutdown {
    let console = context.console;
    Shutdown::on_signals(move || {
        console.show(MessageKind::Reply, "stopping once the running statements have ended");
    })
}
