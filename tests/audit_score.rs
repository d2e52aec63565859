//! What audits find: each kind of defect, wherever it is, and nothing in archives without one.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, Months, NaiveDate};
use lakehouse_samples::defects::{DEFECTS, Defect};
use lakehouse_samples::{SampleOptions, sample_csv};

use crate::support::archive_server::ArchiveServer;
use crate::support::random::Random;
use crate::support::samples::{csv_name, identify};
use crate::support::scale::{scaled, seed};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const SEED: u64 = 20_240_301;
/// Kinds of findings that depend on a bound, so that a defect can stay below it.
const BOUNDED: [&str; 6] = [
    "price_spike",
    "bar_quote_volume",
    "book_frozen",
    "frozen_value",
    "value_jump",
    "funding_rates",
];

/// How many defects are injected; each of them is among those.
fn injection_count() -> usize {
    scaled(100, 1_000)
}

/// Days of each group of data types that stay as they are: 200 days of symbols in all.
fn clean_days() -> usize {
    scaled(2, 20)
}

/// A defect in the archive of a day, or of a month.
struct Injection {
    defect: &'static Defect,
    date: NaiveDate,
    place: usize,
}

/// Returns the data types that are compared with each other, so that each needs days of its own.
fn group(data_type: &str) -> &str {
    match data_type {
        "klines" | "trades" | "aggTrades" => "spot",
        other => other,
    }
}

/// Returns the archives of a day of a group.
fn keys(group: &str, date: NaiveDate) -> Vec<String> {
    let daily = |market: &str, data_type: &str, symbol: &str| {
        format!("data/{market}/daily/{data_type}/{symbol}/{symbol}-{data_type}-{date}.zip")
    };
    let bars = |market: &str, data_type: &str, interval: &str| {
        let file = format!("BTCUSDT-{interval}-{date}.zip");
        format!("data/{market}/daily/{data_type}/BTCUSDT/{interval}/{file}")
    };
    match group {
        "spot" => vec![
            bars("spot", "klines", "1m"),
            bars("spot", "klines", "1h"),
            daily("spot", "trades", "BTCUSDT"),
            daily("spot", "aggTrades", "BTCUSDT"),
        ],
        "premiumIndex" => vec![bars("futures/um", "premiumIndexKlines", "1m")],
        "markPriceKlines" | "indexPriceKlines" => vec![bars("futures/um", group, "1m")],
        "fundingRate" => {
            let file = format!("BTCUSDT-fundingRate-{}.zip", date.format("%Y-%m"));
            vec![format!("data/futures/um/monthly/fundingRate/BTCUSDT/{file}")]
        }
        "BVOLIndex" => vec![daily("option", group, "BTCBVOLUSDT")],
        "EOHSummary" => vec![daily("option", group, "BTCUSDT")],
        other => vec![daily("futures/um", other, "BTCUSDT")],
    }
}

fn date_of(group: &str, number: usize) -> NaiveDate {
    let day = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap();
    match group {
        "fundingRate" => day(2020, 1).checked_add_months(Months::new(number as u32)).unwrap(),
        _ => day(2023, 7).checked_add_days(Days::new(number as u64)).unwrap(),
    }
}

/// Draws injections; each has a day of its own among those of its group.
fn injections(random: &mut Random, days: &mut BTreeMap<&'static str, usize>) -> Vec<Injection> {
    let mut injections = Vec::new();
    for number in 0..injection_count().max(DEFECTS.len()) {
        let defect = DEFECTS.get(number).unwrap_or_else(|| random.pick(DEFECTS));
        let group = group(defect.data_type);
        let number = days.entry(group).or_default();
        let date = date_of(group, *number);
        *number += 1;
        injections.push(Injection { defect, date, place: random.below(1 << 20) });
    }
    injections
}

fn publish(server: &ArchiveServer, group: &str, date: NaiveDate, injection: Option<&Injection>) {
    for key in keys(group, date) {
        let options = SampleOptions::small(SEED);
        let csv = String::from_utf8(sample_csv(&identify(&key), &options).unwrap()).unwrap();
        let is_of = |injection: &&Injection| {
            let archive = identify(&key);
            let interval = archive.interval().map(|interval| interval.to_string());
            archive.data_type().as_str() == injection.defect.data_type
                && interval.as_deref() == injection.defect.interval
        };
        let csv = match injection.filter(is_of) {
            Some(injection) => injection.defect.inject(&csv, injection.place),
            None => csv,
        };
        server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    }
}

/// Returns what is open, as data type, day (or month) and kind.
async fn found(lake: &TestLake) -> BTreeSet<(String, String, String)> {
    let sql = "SELECT data_type, date, kind FROM meta.findings \
               WHERE closed_at IS NULL AND severity <> 'info' OR kind = 'flat_days' \
               UNION SELECT data_type, date, class FROM meta.gaps \
               WHERE closed_at IS NULL AND class <> 'not_requested'";
    let mut found = BTreeSet::new();
    for row in lake.rows(sql).await {
        let mut cells = row.split(" | ").map(str::to_owned);
        let mut next = || cells.next().unwrap();
        found.insert((next(), next(), next()));
    }
    found
}

fn is_same(injection: &Injection, data_type: &str, date: &str) -> bool {
    let day = injection.date.to_string();
    let period = if injection.defect.data_type == "fundingRate" { &day[..7] } else { &day };
    group(injection.defect.data_type) == group(data_type) && date.starts_with(period)
}

#[test]
fn every_injected_defect_is_found_and_nothing_where_there_is_none() {
    let seed = seed(SEED);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut days = BTreeMap::new();
    let injections = injections(&mut random, &mut days);
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    for injection in &injections {
        publish(&server, group(injection.defect.data_type), injection.date, Some(injection));
    }
    for (group, number) in &days {
        (0..clean_days())
            .for_each(|more| publish(&server, group, date_of(group, number + more), None));
    }
    let ingested = lake.run("ingest", &["--all", "--stage", "silver", "--source", server.url()]);
    assert_eq!(ingested.code, Some(0), "{}", ingested.stderr);
    let audited = lake.run("audit", &[]);
    assert_eq!(audited.code, Some(1), "{}", audited.stderr);
    let found = tokio::runtime::Runtime::new().unwrap().block_on(found(&lake));

    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    for injection in &injections {
        let Injection { defect, date, place } = injection;
        let is_found = found.iter().any(|(data_type, date, kind)| {
            kind == defect.kind && is_same(injection, data_type, date)
        });
        let score = scores.entry(defect.kind).or_default();
        score.injected += 1;
        if !is_found {
            score.missed.push(format!("{}: {} ({date}, {place})", defect.data_type, defect.name));
        }
    }
    for (kind, score) in &scores {
        println!("{kind}: {} of {} found", score.injected - score.missed.len(), score.injected);
    }
    let is_wrong = |(data_type, date, _): &&(String, String, String)| {
        !injections.iter().any(|injection| is_same(injection, data_type, date))
    };
    let wrong: Vec<_> = found.iter().filter(is_wrong).collect();
    scores.retain(|kind, score| !score.is_enough(kind));
    assert!(
        scores.is_empty() && wrong.is_empty(),
        "missed: {scores:#?}\nfound in clean archives: {wrong:#?}"
    );
}

/// How many defects of one kind were injected, and which were not found.
#[derive(Debug, Default)]
struct Score {
    injected: usize,
    missed: Vec<String>,
}

impl Score {
    /// Returns whether all were found, or 95 % of those that depend on a bound.
    fn is_enough(&self, kind: &str) -> bool {
        let allowed = if BOUNDED.contains(&kind) { self.injected / 20 } else { 0 };
        self.missed.len() <= allowed
    }
}
