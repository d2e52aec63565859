//! Which requests are answered at all: those that a page of another origin cannot have caused.
//!
//! A name that an attacker points at this machine is not accepted as the host, so that a page under
//! that name cannot read answers. What another page sends is refused, so that it cannot start
//! statements either.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use url::{Host, Url};

/// Refuses requests of other origins, and gives answers the headers that all of them have.
///
/// Where there are users, any name may be the host: a browser sends a password only to the name
/// that it was typed for.
pub(super) async fn check(State(has_users): State<bool>, request: Request, next: Next) -> Response {
    let is_page = !request.uri().path().starts_with("/api/");
    if let Err(reason) = allowed(request.headers(), is_page, has_users) {
        return (StatusCode::FORBIDDEN, format!("{reason}\n")).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A page may be reached by a link from elsewhere; a statement is never started by one.
fn allowed(headers: &HeaderMap, is_page: bool, any_host: bool) -> Result<(), &'static str> {
    let host = text(headers, "host").ok_or("a request needs a Host")?;
    if !any_host && !is_this_machine(host) {
        return Err("this Host is not served: use the address, or localhost");
    }
    let is_own = |origin: &str| origin.split_once("://").is_some_and(|(_, own)| own == host);
    if text(headers, "origin").is_some_and(|origin| !is_own(origin)) {
        return Err("requests of other origins are refused");
    }
    let site = text(headers, "sec-fetch-site").unwrap_or("none");
    let is_link = is_page && text(headers, "sec-fetch-mode") == Some("navigate");
    if !matches!(site, "none" | "same-origin") && !is_link {
        return Err("requests of other origins are refused");
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // A value that is no text counts as an empty one, which nothing allows.
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// An address cannot be pointed elsewhere, unlike a name.
fn is_this_machine(host: &str) -> bool {
    match Url::parse(&format!("http://{host}/")).as_ref().map(Url::host) {
        Ok(Some(Host::Domain(name))) => name == "localhost",
        Ok(Some(Host::Ipv4(_) | Host::Ipv6(_))) => true,
        Ok(None) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_allowed(headers: &[(&'static str, &str)]) -> bool {
        is_allowed_at(headers, true)
    }

    fn is_allowed_at(headers: &[(&'static str, &str)], is_page: bool) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        allowed(&map, is_page, false).is_ok()
    }

    #[test]
    fn a_host_is_an_address_or_this_machine() {
        for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "localhost"] {
            assert!(is_allowed(&[("host", host)]), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example:8080", "", "127.0.0.1.nip.io"] {
            assert!(!is_allowed(&[("host", host)]), "{host}");
        }
        assert!(!is_allowed(&[]));
    }

    #[test]
    fn requests_that_another_page_causes_are_refused() {
        let host = ("host", "localhost:8080");
        assert!(is_allowed(&[host, ("origin", "http://localhost:8080")]));
        assert!(!is_allowed(&[host, ("origin", "http://localhost:9090")]));
        assert!(!is_allowed(&[host, ("origin", "null")]));
        assert!(is_allowed(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(!is_allowed(&[host, ("sec-fetch-site", "cross-site")]));
        let link = [host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
        assert!(is_allowed(&link));
        assert!(!is_allowed_at(&link, false));
    }
}
