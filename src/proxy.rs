//! Which proxy a request goes through, so that an error names the proxy and not the source.
//!
//! HTTP clients find their proxy in the environment by themselves; here the same rules give its
//! name. Sources and object stores both need it.

use std::sync::LazyLock;

use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use lakehouse_core::foreign::redacted;
use url::Url;

/// The variables that name a proxy, in the order of precedence for each scheme.
const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// Returns the proxy of a URL, such as `the proxy http://proxy:3128 (HTTPS_PROXY)`.
pub(crate) fn proxy_of(url: &Url) -> Option<String> {
    intercepted(url).map(|proxy| described(url, &proxy))
}

/// Returns the proxy of a URL as [`proxy_of`] does, if it is a SOCKS proxy.
pub(crate) fn socks_proxy_of(url: &Url) -> Option<String> {
    let proxy = intercepted(url)?;
    let is_socks = proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks"));
    is_socks.then(|| described(url, &proxy))
}

fn intercepted(url: &Url) -> Option<Intercept> {
    static PROXIES: LazyLock<Matcher> = LazyLock::new(Matcher::from_env);
    let uri: Uri = url.as_str().parse().ok()?;
    PROXIES.intercept(&uri)
}

fn described(url: &Url, proxy: &Intercept) -> String {
    let address = proxy.uri().to_string();
    let address = redacted(address.trim_end_matches('/'));
    match variable_of(url, proxy.uri()) {
        Some(name) => format!("the proxy {address} ({name})"),
        None => format!("the proxy {address}"),
    }
}

/// Finds the variable that names a proxy, as far as its host says.
#[expect(clippy::disallowed_methods, reason = "the client reads these variables by itself")]
fn variable_of(url: &Url, proxy: &Uri) -> Option<&'static str> {
    let host = proxy.authority()?.as_str();
    let other_scheme = if url.scheme() == "https" { "http_proxy" } else { "https_proxy" };
    let candidates = VARIABLES.iter().filter(|name| !name.eq_ignore_ascii_case(other_scheme));
    let names_it = |name: &&&str| std::env::var(name).is_ok_and(|value| value.contains(host));
    candidates.copied().find(|name| names_it(&name))
}
