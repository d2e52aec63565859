//! A scripted API of the exchange: bars of a made-up market, with limits, bans and every fault that
//! a test scripts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::http_server::HttpServer;

const HOUR: i64 = 3_600_000;
pub(crate) const FIVE_MINUTES: i64 = 300_000;

/// An answer in place of rows.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<u32>,
    pub(crate) body: &'static str,
}

/// How rows are sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    #[default]
    InOrder,
    /// The newest first, and the newest twice.
    Disordered,
    /// As another time zone would have them: each bar begins half an hour later.
    Shifted,
}

/// The server.
pub(crate) struct ApiServer {
    http: HttpServer,
    state: Arc<Mutex<Served>>,
}

#[derive(Default)]
struct Served {
    now: i64,
    refusals: VecDeque<Refusal>,
    manner: Manner,
    /// Bars that the exchange does not have, by the time at which they begin.
    absent: BTreeSet<i64>,
    /// Bars whose first price is no number, by the time at which they begin.
    spoiled: BTreeSet<i64>,
    seen: Vec<String>,
}

impl ApiServer {
    /// Starts a server at this time.
    pub(crate) fn start(now: &str) -> Self {
        let state = Arc::new(Mutex::new(Served::default()));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = Self { http: HttpServer::start(app), state };
        server.set_now(now);
        server
    }

    pub(crate) fn url(&self) -> &str {
        self.http.url()
    }

    pub(crate) fn set_now(&self, now: &str) {
        self.state.lock().unwrap().now = now.parse::<DateTime<Utc>>().unwrap().timestamp_millis();
    }

    pub(crate) fn set_manner(&self, manner: Manner) {
        self.state.lock().unwrap().manner = manner;
    }

    /// Lets the next requests be refused.
    pub(crate) fn refuse(&self, refusals: impl IntoIterator<Item = Refusal>) {
        self.state.lock().unwrap().refusals.extend(refusals);
    }

    /// Lets bars that begin at these times not exist.
    pub(crate) fn lose(&self, times: &[&str]) {
        self.state.lock().unwrap().absent = millis(times);
    }

    /// Lets the first price of bars that begin at these times be no number.
    pub(crate) fn spoil(&self, times: &[&str]) {
        self.state.lock().unwrap().spoiled = millis(times);
    }

    /// Returns the requests since the last call: path and query.
    pub(crate) fn take_seen(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().seen)
    }
}

fn millis(times: &[&str]) -> BTreeSet<i64> {
    let times = times.iter().map(|time| time.parse::<DateTime<Utc>>().unwrap());
    times.map(|time| time.timestamp_millis()).collect()
}

/// The fields of a bar, the same in the archive and in the API.
pub(crate) fn bar(open: i64, length: i64, price: &str) -> [String; 12] {
    let trades = open / 60_000 % 1000 + 1;
    let text = str::to_owned;
    [
        open.to_string(),
        text(price),
        text(price),
        text(price),
        text(price),
        format!("{trades}.00000001"),
        (open + length - 1).to_string(),
        text("12.5"),
        trades.to_string(),
        text("1"),
        text("2"),
        text("0"),
    ]
}

async fn answer(
    State(state): State<Arc<Mutex<Served>>>,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut served = state.lock().unwrap();
    served.seen.push(uri.to_string());
    if let Some(refusal) = served.refusals.pop_front() {
        let status = StatusCode::from_u16(refusal.status).unwrap();
        let mut response = (status, refusal.body).into_response();
        if let Some(seconds) = refusal.retry_after {
            response.headers_mut().insert("retry-after", seconds.into());
        }
        return response;
    }
    let number = |name: &str| query[name].parse::<i64>().unwrap();
    let from = number("startTime");
    let until = number("endTime");
    let limit = usize::try_from(number("limit")).unwrap();
    let rows = if uri.path().ends_with("fundingRate") {
        funding(from, until.min(served.now))
    } else if uri.path().ends_with("openInterestHist") {
        assert_eq!(query["period"], "5m");
        open_interest(&served, from, until)
    } else {
        bars(&served, length(&query["interval"]), from, until)
    };
    let rows = rows.into_iter().take(limit).collect::<Vec<_>>().join(",");
    ([("x-mbx-used-weight-1m", "2")], format!("[{rows}]")).into_response()
}

fn bars(served: &Served, length: i64, from: i64, until: i64) -> Vec<String> {
    let shift = if served.manner == Manner::Shifted { HOUR / 2 } else { 0 };
    let first = (from + length - 1) / length * length;
    let last = until.min(served.now);
    let opens = (0..).map(|number| first + number * length).take_while(|open| *open <= last);
    let present = opens.filter(|open| !served.absent.contains(open));
    let price = |open: &i64| if served.spoiled.contains(open) { "much" } else { "1.5" };
    let row = |open: i64| row(open + shift, length, price(&open));
    let mut rows: Vec<String> = present.map(row).collect();
    if served.manner == Manner::Disordered {
        rows.reverse();
        rows.extend(rows.first().cloned());
    }
    rows
}

fn row(open: i64, length: i64, price: &str) -> String {
    let fields = bar(open, length, price);
    let number = |at: usize| [0, 6, 8].contains(&at);
    let json = |(at, field): (usize, &String)| {
        if number(at) { field.clone() } else { format!("\"{field}\"") }
    };
    format!("[{}]", fields.iter().enumerate().map(json).collect::<Vec<_>>().join(","))
}

/// Payments every eight hours, two milliseconds after the hour.
fn funding(from: i64, until: i64) -> Vec<String> {
    let first = (from + 8 * HOUR - 1) / (8 * HOUR) * 8 * HOUR;
    let times = (0..).map(|number| first + number * 8 * HOUR).take_while(|time| *time <= until);
    let row = |time: i64| {
        format!(
            r#"{{"symbol":"BTCUSDT","fundingTime":{},"fundingRate":"0.00010000","markPrice":"1"}}"#,
            time + 2
        )
    };
    times.map(row).collect()
}

/// Returns open interest and its value at a time that the API gives.
pub(crate) fn interest_at(time: i64) -> (String, String) {
    let steps = time / FIVE_MINUTES % 1000 + 1;
    (format!("{steps}.50000000"), format!("{steps}000.25000000"))
}

/// Open interest every five minutes, labelled with their beginning.
fn open_interest(served: &Served, from: i64, until: i64) -> Vec<String> {
    let first = (from + FIVE_MINUTES - 1) / FIVE_MINUTES * FIVE_MINUTES;
    let last = until.min(served.now);
    let times = (0..).map(|number| first + number * FIVE_MINUTES).take_while(|time| *time <= last);
    let row = |time: i64| {
        let (interest, value) = interest_at(time);
        format!(
            r#"{{"symbol":"BTCUSDT","sumOpenInterest":"{interest}","sumOpenInterestValue":"{value}",
                "CMCCirculatingSupply":"1.5","timestamp":"{time}"}}"#
        )
    };
    times.filter(|time| !served.absent.contains(time)).map(row).collect()
}

fn length(interval: &str) -> i64 {
    match interval {
        "1m" => 60_000,
        "1h" => HOUR,
        "1d" => 24 * HOUR,
        other => panic!("no bars of {other}"),
    }
}
