//! HTTP's own form of a login: a name and a password with every request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::serve::basic;
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
    let Some((name, password)) = basic::credentials(request.headers()) else { return refusal() };
    if !basic::is_proven(&users, &name, password).await {
        return refusal();
    }
    request.extensions_mut().insert(User(name));
    next.run(request).await
}

fn refusal() -> Response {
    let mut response =
        (StatusCode::UNAUTHORIZED, "a name and a password are needed\n").into_response();
    let challenge = HeaderValue::from_static("Basic realm=\"lakehouse\", charset=\"UTF-8\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}
