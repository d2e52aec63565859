//! HTTP's own form of a login: a name and a password in a header.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::users::Users;

/// Returns the name and the password of a request, where it has them.
pub(super) fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Returns whether a password is the one of a user.
pub(super) async fn is_proven(users: &Arc<Users>, name: &str, password: String) -> bool {
    let users = Arc::clone(users);
    let name = name.to_owned();
    // Checking a password takes a millisecond of computing.
    let checked = tokio::task::spawn_blocking(move || users.is_password(&name, &password));
    checked.await.unwrap_or(false)
}
