//! The exchange's REST API: what is requested from where, within the exchange's limits.
//!
//! Requests to one host share its limit and its refusals: after a refusal that names a time, none
//! of them goes out before it. A ban without a time ends the run. What answers mean is decided
//! elsewhere.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use lakehouse_core::fill::{ApiRequest, Endpoint, Endpoints, WeightBudget};
use lakehouse_core::foreign::redacted;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::HeaderMap;

use super::http::HttpSource;
use super::retry::{Retries, RetryPolicy};
use super::{SourceError, Timeouts};
use crate::clock::Clock;
use crate::events::Reporter;

/// Bytes of an answer: a thousand rows of some hundred bytes each, and far more.
const LONGEST_ANSWER: usize = 8 << 20;

/// An answer as it was received.
#[derive(Clone, Debug)]
pub(crate) struct ApiAnswer {
    pub(crate) body: Bytes,
    pub(crate) received_at: DateTime<Utc>,
}

/// The API's hosts, and what is left of their limits.
#[derive(Debug)]
pub(crate) struct ApiClient {
    /// By the base of the endpoints.
    servers: BTreeMap<String, Server>,
    retries: Retries,
    clock: Clock,
}

#[derive(Debug)]
struct Server {
    /// The base that requests begin with, as it may be shown.
    base: String,
    http: HttpSource,
    budget: Mutex<WeightBudget>,
    /// Until when nothing is requested.
    refused_until: Mutex<Option<Instant>>,
}

impl ApiClient {
    /// Makes the client of all endpoints; `base` takes the place of their own.
    ///
    /// # Errors
    /// When a base is no URL, or the system's TLS cannot be set up.
    pub(crate) fn new(
        endpoints: &Endpoints,
        base: Option<&str>,
        (timeouts, policy): (Timeouts, RetryPolicy),
        reporter: Arc<dyn Reporter>,
        clock: Clock,
    ) -> Result<Self, SourceError> {
        let mut servers = BTreeMap::new();
        for endpoint in endpoints.iter() {
            if servers.contains_key(&endpoint.base) {
                continue;
            }
            let base = base.unwrap_or(&endpoint.base).trim_end_matches('/');
            let server = Server {
                base: redacted(base),
                http: HttpSource::of_api(base, timeouts)?,
                budget: Mutex::new(WeightBudget::new(endpoint.minute)),
                refused_until: Mutex::default(),
            };
            servers.insert(endpoint.base.clone(), server);
        }
        Ok(Self { servers, retries: Retries::new(policy, reporter), clock })
    }

    /// Returns the URL of a request, as it may be shown.
    pub(crate) fn url(&self, endpoint: &Endpoint, request: &ApiRequest) -> String {
        let base = self.servers.get(&endpoint.base).map_or("", |server| server.base.as_str());
        format!("{base}{}", path(endpoint, request))
    }

    /// Requests rows, again where a failure may pass.
    ///
    /// # Errors
    /// When the request failed in the end, or was refused.
    pub(crate) async fn get(
        &self,
        endpoint: &Endpoint,
        request: &ApiRequest,
    ) -> Result<ApiAnswer, SourceError> {
        let what = format!("{} of {}", endpoint.path, request.series);
        let Some(server) = self.servers.get(&endpoint.base) else {
            return Err(SourceError::fatal(&what, "no such endpoint"));
        };
        let path = path(endpoint, request);
        let mut tries = self.retries.budget(what.as_str().into());
        loop {
            server.wait(request.weight, &self.clock).await;
            match server.http.fetch(&what, &path, LONGEST_ANSWER).await {
                Ok((headers, body)) => {
                    server.learn(endpoint, &headers, &self.clock);
                    return Ok(ApiAnswer { body, received_at: self.clock.now() });
                }
                Err(error) => {
                    server.note_refusal(&error);
                    tries.wait(error).await?;
                }
            }
        }
    }
}

impl Server {
    /// Waits until a request of this weight may go out.
    async fn wait(&self, weight: u32, clock: &Clock) {
        loop {
            let refused_until = *lock(&self.refused_until);
            let refused =
                refused_until.and_then(|until| until.checked_duration_since(Instant::now()));
            let wait = match refused {
                Some(wait) => wait,
                None => match lock(&self.budget).take(weight, clock.now()) {
                    Ok(()) => return,
                    Err(wait) => wait,
                },
            };
            tracing::info!(host = self.base, seconds = wait.as_secs(), "waiting for the limit");
            tokio::time::sleep(wait).await;
        }
    }

    fn learn(&self, endpoint: &Endpoint, headers: &HeaderMap, clock: &Clock) {
        let used = headers.get(&endpoint.used).and_then(|value| value.to_str().ok());
        if let Some(used) = used.and_then(|used| used.parse().ok()) {
            lock(&self.budget).learn(used, clock.now());
        }
    }

    /// Holds all requests to the host back after a refusal that says for how long.
    fn note_refusal(&self, error: &SourceError) {
        let SourceError::Transient { retry_after: Some(wait), .. } = error else { return };
        if *wait > Duration::ZERO && *wait <= RetryPolicy::LONGEST_RETRY_AFTER {
            let until = Instant::now() + *wait;
            let mut refused_until = lock(&self.refused_until);
            *refused_until = Some(refused_until.map_or(until, |known| known.max(until)));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path(endpoint: &Endpoint, request: &ApiRequest) -> String {
    let mut path = endpoint.path.clone();
    for (at, (name, value)) in endpoint.parameters_of(request).iter().enumerate() {
        let separator = if at == 0 { '?' } else { '&' };
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        path.push_str(&format!("{separator}{name}={value}"));
    }
    path
}
