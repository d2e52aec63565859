//! HTTP's own form of a login: a name and a password with every request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::serve::users::Users;

/// The user of a request.
#[derive(Clone, Debug)]
pub(super) struct User(pub(super) String);

/// Refuses requests without a user, except those that only ask whether the server is there.
pub(super) async fn check(
    State(users): State<Option<Arc<Users>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(users) = users else { return next.run(request).await };
    if ["/healthz", "/readyz"].contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let Some((name, password)) = credentials(request.headers()) else { return refusal() };
    let user = User(name.clone());
    // Checking a password takes a millisecond of computing.
    let is_right = tokio::task::spawn_blocking(move || users.is_password(&name, &password)).await;
    if !is_right.unwrap_or(false) {
        return refusal();
    }
    request.extensions_mut().insert(user);
    next.run(request).await
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

fn refusal() -> Response {
    let mut response =
        (StatusCode::UNAUTHORIZED, "a name and a password are needed\n").into_response();
    let challenge = HeaderValue::from_static("Basic realm=\"lakehouse\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
