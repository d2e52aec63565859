//! Who a request is from: a name and a password, or the token that a client got for them.
//!
//! A token is the name with the server's signature, valid as long as the server runs.

use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::Status;

use crate::serve::basic;
use crate::serve::users::Users;

/// The user, or the address where there are no users.
#[derive(Clone, Debug)]
pub(super) struct Who(pub(super) String);

/// What signs tokens.
#[derive(Debug)]
pub(super) struct Tokens(hmac::Key);

impl Tokens {
    /// Makes the key of one server.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new() -> Result<Self, Unspecified> {
        Ok(Self(hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())?))
    }

    /// Returns the token of a user.
    pub(super) fn of(&self, user: &str) -> String {
        let signature = hmac::sign(&self.0, user.as_bytes());
        let user = URL_SAFE_NO_PAD.encode(user);
        format!("{user}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the user of a token; nothing for one that this server did not make.
    fn user(&self, token: &str) -> Option<String> {
        let (user, signature) = token.split_once('.')?;
        let user = URL_SAFE_NO_PAD.decode(user).ok()?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.0, &user, &signature).ok()?;
        String::from_utf8(user).ok()
    }
}

/// What requests are checked with.
#[derive(Clone, Debug)]
pub(super) struct Login {
    /// Nothing where anybody may read.
    users: Option<Arc<Users>>,
    tokens: Arc<Tokens>,
}

impl Login {
    pub(super) const fn new(users: Option<Arc<Users>>, tokens: Arc<Tokens>) -> Self {
        Self { users, tokens }
    }

    /// Returns the user that the headers prove.
    async fn user(&self, users: &Arc<Users>, headers: &HeaderMap) -> Option<String> {
        if let Some(token) = bearer(headers) {
            return self.tokens.user(token);
        }
        let (name, password) = basic::credentials(headers)?;
        basic::is_proven(users, &name, password).await.then_some(name)
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses requests without a user, and says of others whose they are.
pub(super) async fn check(
    State(login): State<Login>,
    mut request: Request,
    next: Next,
) -> Response {
    let who = match &login.users {
        Some(users) => login.user(users, request.headers()).await,
        None => {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
            Some(peer.map(|ConnectInfo(peer)| peer.ip().to_string()).unwrap_or_default())
        }
    };
    let Some(who) = who else {
        return Status::unauthenticated("a name and its password are needed").into_http();
    };
    request.extensions_mut().insert(Who(who));
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::Tokens;

    #[test]
    fn a_token_is_of_one_user_and_of_one_server() {
        let tokens = Tokens::new().unwrap();
        let token = tokens.of("ann");
        assert_eq!(tokens.user(&token).as_deref(), Some("ann"));
        let other = Tokens::new().unwrap();
        assert_eq!(other.user(&token), None);
        let (_, signature) = token.split_once('.').unwrap();
        let (ben, _) =
            other.of("ben").split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(tokens.user(&format!("{ben}.{signature}")), None);
        assert_eq!(tokens.user(""), None);
    }
}
