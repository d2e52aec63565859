//! What is published becomes known, with few requests, also where listings fail or lie.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::NaiveDate;
use lakehouse::source::lister::{Lister, Listing as Found};
use lakehouse::source::retry::RetryPolicy;
use lakehouse::source::{Download, ObjectHead, Resume, Source, SourceError, Timeouts, open_source};
use lakehouse_core::listing::{Listed, ListingPage};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::selection::{IntervalFilter, Selection, SymbolFilter};

use crate::support::archive_server::{ArchiveServer, Fault, Kind, Listing};
use crate::support::recorder::Recorder;

const FOLDER: &str = "data/spot/daily/klines/BTCUSDT/1h/";

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn key(symbol: &str, interval: &str, period: &str) -> String {
    let frequency = if period.len() == 7 { "monthly" } else { "daily" };
    format!("data/spot/{frequency}/klines/{symbol}/{interval}/{symbol}-{interval}-{period}.zip")
}

fn publish_days(server: &ArchiveServer, symbol: &str, interval: &str, first: &str, last: &str) {
    let mut date = day(first);
    while date <= day(last) {
        server.publish(&key(symbol, interval, &date.to_string()), "zip");
        date = date.succ_opt().unwrap();
    }
}

/// Spot klines of some symbols and intervals, between two days (or open ends, if empty).
fn klines(symbols: &[&str], intervals: &[&str], start: &str, end: &str) -> Selection {
    let matrix = Matrix::builtin().unwrap();
    let end_of = |text: &str| text.parse::<Period>().ok();
    Selection {
        markets: vec!["spot".parse().unwrap()],
        data_types: vec![matrix.data_type("klines").unwrap()],
        symbols: SymbolFilter::parse(symbols).unwrap(),
        intervals: IntervalFilter::Everywhere(
            intervals.iter().map(|&text| text.to_owned()).collect(),
        ),
        dates: DateRange {
            start: end_of(start).map(Period::start),
            end: end_of(end).map(Period::end),
        },
        frequency: "daily".parse().unwrap(),
    }
}

struct Answer {
    found: Found,
    recorder: Arc<Recorder>,
}

impl Answer {
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<_> =
            self.found.inventory.archives.iter().map(|it| it.key.file_name()).collect();
        names.sort_unstable();
        names
    }
}

async fn list_at(location: &str, selection: &Selection, today: &str) -> Answer {
    let matrix = Matrix::builtin().unwrap();
    let timeouts = Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() };
    let source = open_source(location, None, timeouts).unwrap();
    let retry = RetryPolicy { retries: 2, base: Duration::ZERO, longest: Duration::ZERO };
    let recorder = Recorder::new();
    let lister =
        Lister::new(source, retry, Lister::PARALLEL, day(today), Arc::clone(&recorder) as _);
    let targets = selection.targets(&matrix).unwrap();
    // A run may move its listing to another thread.
    let found = tokio::spawn(async move { lister.list(&targets, &matrix).await }).await.unwrap();
    Answer { found, recorder }
}

async fn list(server: &ArchiveServer, selection: &Selection) -> Answer {
    list_at(server.url(), selection, "2026-05-20").await
}

#[tokio::test]
async fn a_series_of_many_pages_is_listed_whole() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-01-01", "2026-05-18");
    server.set_page_size(7);
    let answer = list(&server, &klines(&["BTCUSDT"], &["1h"], "", "")).await;
    assert_eq!(answer.found.inventory.archives.len(), 138);
    assert!(
        answer
            .found
            .inventory
            .archives
            .iter()
            .all(|it| it.has_checksum == Some(true) && it.size == Some(3))
    );
    assert_eq!(server.count(Kind::List, FOLDER), 276usize.div_ceil(7));
    assert!(answer.found.unavailable.is_empty() && answer.recorder.reported().is_empty());
}

#[tokio::test]
async fn listing_jumps_to_the_wanted_days_and_stops_behind_them() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2025-01-01", "2026-05-18");
    server.set_page_size(10);
    let answer = list(&server, &klines(&["BTCUSDT"], &["1h"], "2026-03-01", "2026-03-03")).await;
    assert_eq!(answer.names(), ["1", "2", "3"].map(|day| format!("BTCUSDT-1h-2026-03-0{day}.zip")));
    let seen = server.take_seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(
        seen[0].marker.as_deref().is_some_and(|marker| marker.ends_with("BTCUSDT-1h-2026-03-01"))
    );
}

#[tokio::test]
async fn symbols_and_intervals_are_listed_only_where_they_are_not_named() {
    let server = ArchiveServer::start();
    for symbol in ["BTCUSDT", "BTCUSDC", "ETHUSDT", "币安人生USDT"] {
        for interval in ["1h", "1d"] {
            publish_days(&server, symbol, interval, "2026-05-16", "2026-05-18");
        }
    }
    server.set_page_size(2);
    let answer = list(&server, &klines(&["BTC*", "币安*"], &[], "2026-05-18", "2026-05-18")).await;
    let expected = [
        "BTCUSDC-1d",
        "BTCUSDC-1h",
        "BTCUSDT-1d",
        "BTCUSDT-1h",
        "币安人生USDT-1d",
        "币安人生USDT-1h",
    ];
    assert_eq!(answer.names(), expected.map(|name| format!("{name}-2026-05-18.zip")));
    assert_eq!(server.count(Kind::List, "ETHUSDT/"), 0);
    server.take_seen();
    list(&server, &klines(&["BTCUSDT"], &["1h", "1d"], "2026-05-18", "2026-05-18")).await;
    assert_eq!(server.count(Kind::List, "/klines/") + server.count(Kind::List, "/BTCUSDT/"), 0);
}

#[tokio::test]
async fn keys_that_fit_no_pattern_are_told_and_harm_nothing() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-05-18", "2026-05-18");
    let strays = [format!("{FOLDER}BTCUSDT-1h-2020-8.zip"), format!("{FOLDER}part-00000-5f.zip")];
    strays.iter().for_each(|stray| server.put(stray, "?"));
    server.put("data/spot/daily/klines/BTCUSDT/readme/x.txt", "?");
    let answer = list(&server, &klines(&["BTCUSDT"], &[], "", "")).await;
    assert_eq!(answer.names(), ["BTCUSDT-1h-2026-05-18.zip"]);
    let [short, part] = strays;
    let folder = "data/spot/daily/klines/BTCUSDT/readme/".to_owned();
    assert_eq!(answer.found.inventory.unknown, [short, part, folder]);
}

#[tokio::test]
async fn a_listing_that_fails_now_and_then_is_tried_again() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-05-01", "2026-05-18");
    server.script(FOLDER, [Fault::Status(503), Fault::RetryAfter(429, "0")]);
    let answer = list(&server, &klines(&["BTCUSDT"], &["1h"], "2026-05-01", "")).await;
    assert_eq!((answer.found.inventory.archives.len(), answer.recorder.retries()), (18, 2));
    assert_eq!(server.count(Kind::Head, ""), 0);
}

#[tokio::test]
async fn without_a_listing_the_expected_days_are_asked_for_one_by_one() {
    for off in [Listing::Off(503), Listing::Off(403), Listing::Off(404), Listing::Page] {
        let server = ArchiveServer::start();
        publish_days(&server, "BTCUSDT", "1h", "2026-05-10", "2026-05-18");
        server.remove(&key("BTCUSDT", "1h", "2026-05-12"));
        server.set_listing(off.clone());
        let answer = list(&server, &klines(&["BTCUSDT"], &["1h"], "2026-05-11", "")).await;
        assert_eq!(answer.found.inventory.archives.len(), 7, "{off:?}");
        assert!(
            answer
                .found
                .inventory
                .archives
                .iter()
                .all(|it| it.has_checksum.is_none() && it.size == Some(3))
        );
        assert_eq!(server.count(Kind::Head, ""), 10, "up to today, and no further");
        let notices = answer.recorder.reported();
        assert!(
            notices.len() == 1
                && notices[0].contains("could not be listed")
                && notices[0].contains("7 exist"),
            "{notices:?}"
        );
        assert!(answer.found.unavailable.is_empty());
    }
}

#[tokio::test]
async fn without_a_listing_intervals_come_from_the_matrix() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-05-10", "2026-05-10");
    publish_days(&server, "BTCUSDT", "1d", "2026-05-10", "2026-05-10");
    server.set_listing(Listing::Off(403));
    let answer = list(&server, &klines(&["BTCUSDT"], &[], "2026-05-10", "2026-05-10")).await;
    assert_eq!(answer.names(), ["BTCUSDT-1d-2026-05-10.zip", "BTCUSDT-1h-2026-05-10.zip"]);
}

#[tokio::test]
async fn a_glob_without_a_listing_is_told_as_unavailable() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-05-10", "2026-05-10");
    server.set_listing(Listing::Off(403));
    let answer = list(&server, &klines(&["BTC*"], &["1h"], "2026-05-10", "2026-05-10")).await;
    assert!(answer.found.inventory.archives.is_empty());
    let [unavailable] = &answer.found.unavailable[..] else {
        panic!("{:?}", answer.found.unavailable)
    };
    assert_eq!(unavailable.prefix, "data/spot/daily/klines/");
    assert!(unavailable.reason.to_string().contains("access denied"), "{}", unavailable.reason);
}

#[tokio::test]
async fn a_stale_listing_is_found_out_and_told() {
    for symbols in [&["BTCUSDT"], &["BTC*"]] {
        let server = ArchiveServer::start();
        publish_days(&server, "BTCUSDT", "1h", "2026-05-01", "2026-05-18");
        for hidden in ["2026-05-1", "2026-05-09"] {
            server.hide(hidden);
        }
        let answer = list(&server, &klines(symbols, &["1h"], "2026-05-01", "2026-05-18")).await;
        assert_eq!(answer.found.inventory.archives.len(), 18);
        let notices = answer.recorder.reported();
        assert!(
            notices.len() == 1
                && notices[0].contains("disagrees")
                && notices[0].contains("lacks 10 archives"),
            "{notices:?}"
        );
    }
}

#[tokio::test]
async fn a_series_that_ended_costs_a_few_questions_and_no_warning() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-01-01", "2026-01-05");
    let answer = list(&server, &klines(&["BTCUSDT"], &["1h"], "2026-01-01", "")).await;
    assert_eq!(answer.found.inventory.archives.len(), 5);
    assert_eq!(server.count(Kind::Head, ""), 3);
    assert!(answer.recorder.reported().is_empty());
}

#[tokio::test]
async fn delisted_symbols_of_a_glob_cost_nothing_while_another_one_goes_on() {
    let server = ArchiveServer::start();
    publish_days(&server, "BTCUSDT", "1h", "2026-05-01", "2026-05-18");
    for at in 0..20 {
        publish_days(&server, &format!("GONE{at}USDT"), "1h", "2026-01-01", "2026-01-02");
    }
    list(&server, &klines(&["*"], &["1h"], "2026-01-01", "")).await;
    assert_eq!(server.count(Kind::Head, ""), 0);
}

#[tokio::test]
async fn archives_that_cannot_be_asked_for_either_are_told_as_unavailable() {
    let server = ArchiveServer::start();
    let url = server.url().to_owned();
    drop(server);
    let answer =
        list_at(&url, &klines(&["BTCUSDT"], &["1h"], "2026-05-10", "2026-05-11"), "2026-05-20")
            .await;
    assert_eq!(answer.found.unavailable.len(), 1);
    assert_eq!(answer.found.unavailable[0].prefix, FOLDER);
}

#[tokio::test]
async fn a_folder_lists_as_a_server_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = ArchiveServer::start();
    for symbol in ["BTCUSDT", "币安人生USDT"] {
        for month in 1..=12 {
            for day in 1..=28 {
                let key = key(symbol, "1h", &format!("2025-{month:02}-{day:02}"));
                for key in [format!("{key}.CHECKSUM"), key] {
                    let path = folder.path().join(&key);
                    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                    std::fs::write(path, "zip").unwrap();
                    server.put(&key, "zip");
                }
            }
        }
    }
    for selection in
        [klines(&["*"], &[], "", ""), klines(&["BTCUSDT"], &["1h"], "2025-02-03", "2025-11")]
    {
        let local = list_at(folder.path().to_str().unwrap(), &selection, "2025-12-30").await;
        let remote = list_at(server.url(), &selection, "2025-12-30").await;
        assert!(!local.names().is_empty());
        assert_eq!(local.names(), remote.names());
    }
    let page = open_source(folder.path().to_str().unwrap(), None, Timeouts::default()).unwrap();
    let first = page.list("data/", false, None).await.unwrap();
    assert_eq!((first.objects.len(), first.next_marker.is_some()), (1000, true));
    let second = page.list("data/", false, first.next_marker.as_deref()).await.unwrap();
    assert_eq!((second.objects.len(), second.next_marker.is_some()), (344, false));
}

/// Requests beyond the ends of many listings wait for permits, and those that a listing has begun
/// must return theirs meanwhile.
#[tokio::test]
async fn a_listing_of_many_symbols_that_ended_comes_to_its_end() {
    let keys = (0..1_200).map(|number| key(&format!("COIN{number}USDT"), "1h", "2024-03-01"));
    let source = InMemory { keys: keys.collect() };
    let matrix = Matrix::builtin().unwrap();
    let targets = klines(&["*"], &[], "", "").targets(&matrix).unwrap();
    for parallel in [1, 2, 3, 16] {
        let source = Arc::new(source.clone());
        let policy = RetryPolicy::default();
        let lister = Lister::new(source, policy, parallel, day("2024-03-20"), Recorder::new());
        let listing = lister.list(&targets, &matrix);
        let found = tokio::time::timeout(Duration::from_secs(60), listing).await;
        let found = found.unwrap_or_else(|_| panic!("{parallel} requests at a time: no end"));
        assert_eq!(found.inventory.archives.len(), 1_200, "{parallel} requests at a time");
    }
}

/// A source in memory.
#[derive(Clone, Debug)]
struct InMemory {
    keys: BTreeSet<String>,
}

#[async_trait]
impl Source for InMemory {
    fn location(&self) -> &str {
        "memory"
    }

    async fn list(
        &self,
        prefix: &str,
        delimiter: bool,
        _: Option<&str>,
    ) -> Result<ListingPage, SourceError> {
        answer_later(prefix).await;
        let below = self.keys.iter().filter_map(|key| Some((key, key.strip_prefix(prefix)?)));
        let mut page = ListingPage::default();
        for (key, rest) in below {
            match rest.split_once('/').filter(|_| delimiter) {
                Some((folder, _)) => page.prefixes.push(format!("{prefix}{folder}/")),
                None => page.objects.push(Listed {
                    key: key.clone(),
                    size: 1,
                    etag: None,
                    last_modified: None,
                }),
            }
        }
        page.prefixes.dedup();
        Ok(page)
    }

    async fn get(&self, key: &str, _: Option<&Resume>) -> Result<Download, SourceError> {
        unreachable!("a listing reads no object, not {key}")
    }

    async fn head(&self, key: &str) -> Result<Option<ObjectHead>, SourceError> {
        answer_later(key).await;
        Ok(None)
    }
}

/// Answers come out of order, and the same way in each run.
async fn answer_later(what: &str) {
    let length: usize = what.bytes().map(usize::from).sum();
    for _ in 0..length % 47 {
        tokio::task::yield_now().await;
    }
}
