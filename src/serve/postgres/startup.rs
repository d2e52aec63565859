//! The first messages of a connection: who the client is, and what it may know of the server.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::{Sink, SinkExt};
use pgwire::api::auth::{
    ServerParameterProvider, StartupHandler, finish_authentication, protocol_negotiation,
    save_startup_parameters_to_metadata,
};
use pgwire::api::{
    ClientInfo, METADATA_APPLICATION_NAME, PgWireConnectionState, PidSecretKeyGenerator,
    RandomPidSecretKeyGenerator,
};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::startup::{Authentication, PasswordMessageFamily};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::sync::Mutex;

use super::cancel::Cancels;
use super::conversation::{Conversation, user_of};
use super::error::fatal;
use super::scram::{EndPoint, Exchange, Mechanism};
use super::settings::Settings;
use crate::serve::listen::TooMany;
use crate::serve::users::Users;

/// Settings that are announced to clients, as PostgreSQL writes their names.
const ANNOUNCED: &[&str] = &[
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "search_path",
    "server_encoding",
    "server_version",
    "standard_conforming_strings",
    "TimeZone",
];

/// Lets a client in.
pub(super) struct Startup {
    pub(super) conversation: Arc<Conversation>,
    pub(super) cancels: Arc<Cancels>,
    pub(super) keys: Arc<RandomPidSecretKeyGenerator>,
    /// Nothing where anybody may connect.
    pub(super) users: Option<Arc<Users>>,
    /// What clients can bind the exchange to, where the server has a certificate.
    pub(super) end_point: Option<EndPoint>,
    /// The exchange that proves the password, once it has begun.
    pub(super) exchange: Mutex<Option<Exchange>>,
    /// Why the client is let in by no means.
    pub(super) refusal: Option<TooMany>,
}

#[async_trait]
impl StartupHandler for Startup {
    async fn on_startup<C>(
        &self,
        client: &mut C,
        message: PgWireFrontendMessage,
    ) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let answer = match message {
            PgWireFrontendMessage::Startup(startup) => {
                if let Some(refusal) = self.refusal {
                    return Err(fatal("53300", refusal.to_string()));
                }
                protocol_negotiation(client, &startup).await?;
                save_startup_parameters_to_metadata(client, &startup);
                if self.users.is_none() {
                    return self.let_in(client).await;
                }
                client.set_state(PgWireConnectionState::AuthenticationInProgress);
                let end_point = self.end_point.as_ref().filter(|_| client.is_secure());
                Authentication::SASL(Mechanism::offered(end_point))
            }
            PgWireFrontendMessage::PasswordMessageFamily(message) => {
                let is_secure = client.is_secure();
                self.proceed(&user_of(client), is_secure, message).await?
            }
            _ => return Ok(()),
        };
        let is_last = matches!(answer, Authentication::SASLFinal(_));
        client.send(PgWireBackendMessage::Authentication(answer)).await?;
        if is_last { self.let_in(client).await } else { Ok(()) }
    }
}

impl Startup {
    /// Takes the next message of the exchange that proves a password.
    async fn proceed(
        &self,
        user: &str,
        is_secure: bool,
        message: PasswordMessageFamily,
    ) -> PgWireResult<Authentication> {
        let refused = || fatal("28P01", format!("password authentication failed for `{user}`"));
        let mut exchange = self.exchange.lock().await;
        if let Some(begun) = exchange.take() {
            let message = message.into_sasl_response()?;
            let end = begun.end(&message.data).ok_or_else(refused)?;
            return Ok(Authentication::SASLFinal(end.into()));
        }
        let Some(users) = &self.users else { return Err(refused()) };
        let message = message.into_sasl_initial_response()?;
        let end_point = self.end_point.as_ref().filter(|_| is_secure);
        let mechanism = Mechanism::named(&message.auth_method, end_point).ok_or_else(refused)?;
        let data = message.data.unwrap_or_default();
        let begun = Exchange::begin(users, user, &mechanism, &data).ok_or_else(refused)?;
        let answer = begun.server_first().to_owned();
        *exchange = Some(begun);
        Ok(Authentication::SASLContinue(answer.into()))
    }

    async fn let_in<C>(&self, client: &mut C) -> PgWireResult<()>
    where
        C: ClientInfo + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let (pid, secret) = self.keys.generate(client);
        client.set_pid_and_secret_key(pid, secret.clone());
        let current = self.conversation.current.clone();
        let registered = self.cancels.register(pid, &secret, current);
        let address = client.socket_addr().ip().to_string();
        // Without users anybody may say any name.
        let who = if self.users.is_some() { user_of(client) } else { address };
        self.conversation.know(who, registered);
        finish_authentication(client, &Announced).await
    }
}

struct Announced;

impl ServerParameterProvider for Announced {
    fn server_parameters<C: ClientInfo>(&self, client: &C) -> Option<HashMap<String, String>> {
        let settings = Settings::default();
        let value = |name: &&str| Some(((*name).to_owned(), settings.get(name)?.to_owned()));
        let mut all: HashMap<String, String> = ANNOUNCED.iter().filter_map(value).collect();
        all.insert("session_authorization".to_owned(), user_of(client));
        let application = client.metadata().get(METADATA_APPLICATION_NAME);
        all.extend(application.map(|name| ("application_name".to_owned(), name.clone())));
        Some(all)
    }
}
