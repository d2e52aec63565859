//! Where a server may send requests on to.

use reqwest::Url;
use reqwest::redirect::Policy;

/// Redirects of one request.
const MOST_REDIRECTS: usize = 5;

/// Follows redirects only to servers that the user named, and never from TLS to plain text: what
/// another host answers is not what the source publishes, and a mirror must not make this program
/// send requests to hosts that only this machine can reach.
pub(super) fn redirects(named: [Url; 2]) -> Policy {
    Policy::custom(move |attempt| {
        let target = attempt.url().clone();
        let secure = attempt.previous().iter().any(|url| url.scheme() == "https");
        if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("the server redirects again and again")
        } else if secure && target.scheme() != "https" {
            attempt.error(format!("the server redirects to {target}, which is not encrypted"))
        } else if named.iter().any(|url| is_same_server(url, &target)) {
            attempt.follow()
        } else {
            let host = target.host_str().unwrap_or_default().to_owned();
            attempt.error(format!(
                "the server redirects to another host, {host}, which is not followed; if that is \
                 where the archive is, name it with --source"
            ))
        }
    })
}

/// Returns whether a redirect stays at a server; moving on to TLS is no other server.
fn is_same_server(named: &Url, target: &Url) -> bool {
    let same_port = named.port_or_known_default() == target.port_or_known_default();
    let to_tls = named.scheme() == "http"
        && target.scheme() == "https"
        && named.port().is_none()
        && target.port().is_none();
    named.host_str() == target.host_str() && (same_port || to_tls)
}
