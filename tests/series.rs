//! `meta.series`: what is published of every series, what the lake holds, and why it leaves the
//! rest alone; and how a refresh of a large lake spares requests by it.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Utc};

use crate::support::archive_server::{ArchiveServer, Kind};
use crate::support::samples::{csv_name, trades, trades_csv, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;
use crate::upgrade::{done, later_source, old_lake};

const TRADES: [&str; 5] = ["--all", "--market", "spot", "--data-type", "trades"];
/// Symbols that are traded, and symbols that have ended.
const SYMBOLS: usize = 40;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn publish(server: &ArchiveServer, symbol: &str, day: NaiveDate) -> String {
    let (day, number) = (day.to_string(), i64::from(day.to_epoch_days()) * 10);
    let key = trades_key(symbol, &day);
    server.publish(&key, trades(&key, &day, number..number + 2));
    key
}

/// Publishes a month with rows on each of its days, to the last hour, so that nothing hints at rows
/// that lack.
fn publish_month(server: &ArchiveServer, symbol: &str, first: &str) {
    let first = date(first);
    let month = first.format("%Y-%m");
    let key = format!("data/spot/monthly/trades/{symbol}/{symbol}-trades-{month}.zip");
    let days = first.iter_days().take_while(|day| day.month() == first.month());
    let rows = |day: NaiveDate| {
        let number = i64::from(day.to_epoch_days()) * 10;
        trades_csv(&day.to_string(), number..number + 2)
    };
    let end = first.checked_add_months(Months::new(1)).unwrap().and_time(NaiveTime::MIN).and_utc();
    let last = (end - TimeDelta::minutes(1)).timestamp_millis();
    let csv = days.map(rows).collect::<String>() + &format!("999999,1.5,2,3,{last},True,True\n");
    server.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
}

#[tokio::test]
async fn archives_that_are_left_alone_are_counted_by_reason() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    for day in date("2026-10-28").iter_days().take_while(|day| *day < date("2026-11-04")) {
        publish(&server, "BTCUSDT", day);
    }
    publish(&server, "BTCUSDT", date("2026-11-06"));
    publish_month(&server, "BTCUSDT", "2026-10-01");
    lake.ingest(server.url(), &TRADES).await;
    let columns = "SELECT frequency, first_published, last_published, covered_until, \
                   dormant_since, published, held, covered_by_monthly, archives FROM meta.series \
                   ORDER BY frequency";
    let expected = [
        "daily | 2026-10-28 | 2026-11-06 | 2026-11-03 |  | 8 | 4 | 4 | covered_by_monthly \
         2026-10-28..2026-10-31, held 2026-11-01..2026-11-03, held 2026-11-06",
        "monthly | 2026-10-01 | 2026-10-31 | 2026-11-03 |  | 1 | 1 | 0 | held 2026-10",
    ];
    assert_eq!(lake.rows(columns).await, expected);
    lake.gold_with(|_| {}).await;
    let count = "SELECT archive_count FROM gold.symbols WHERE symbol = 'BTCUSDT'";
    assert_eq!(lake.value(count).await, "9");

    lake.refresh(server.url(), &[], true).await;
    assert_eq!(lake.rows(columns).await, expected, "a refresh knows the same");
    done(&lake, "maintain", &["--rebuild-ledger"]);
    assert_eq!(lake.rows(columns).await, expected, "and so does the ledger");
}

#[tokio::test]
async fn what_becomes_of_archives_is_known_after_each_run() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    for day in ["2026-11-27", "2026-11-28"] {
        publish(&server, "BTCUSDT", date(day));
    }
    let broken = trades_key("BTCUSDT", "2026-11-29");
    server.publish(&broken, b"no zip".as_slice());
    lake.ingest(server.url(), &TRADES).await;
    let archives = "SELECT archives FROM meta.series WHERE frequency = 'daily'";
    let states = "held 2026-11-27..2026-11-28, rejected 2026-11-29";
    assert_eq!(lake.value(archives).await, states);

    publish(&server, "BTCUSDT", date("2026-11-29"));
    lake.refresh(server.url(), &[], false).await;
    assert_eq!(lake.value(archives).await, "held 2026-11-27..2026-11-29");

    let dates = ["--start", "2026-11-28", "--end", "2026-11-28"];
    done(&lake, "remove", &[&["--symbol", "BTCUSDT"][..], &dates].concat());
    let states = "held 2026-11-27, removed 2026-11-28, held 2026-11-29";
    assert_eq!(lake.value(archives).await, states);
    let versions = lake.versions();
    lake.refresh(server.url(), &[], false).await;
    assert_eq!(lake.versions(), versions, "nothing is new");
}

#[tokio::test]
async fn an_existing_lake_gets_the_table_with_what_its_ledger_knows() {
    let (lake, source) = (old_lake(), later_source());
    let source = source.path().to_str().unwrap();
    let known = "SELECT count(DISTINCT archive) FROM meta.archives WHERE status = 'ingested'";
    let refreshed = lake.run("refresh", &["--source", source]);
    assert!(matches!(refreshed.code, Some(0 | 1)), "{refreshed}");
    let held = "SELECT CAST(sum(held) AS BIGINT) FROM meta.series";
    assert_eq!(lake.value(held).await, lake.value(known).await);
    let statuses = "SELECT sum(held) > 0, min(published) >= 0 FROM meta.series";
    assert_eq!(lake.rows(statuses).await, ["true | true"]);
    done(&lake, "verify", &["--deep"]);
    done(&lake, "maintain", &[]);
    let again = lake.run("ingest", &["--all", "--source", source]);
    assert!(matches!(again.code, Some(0 | 1)), "{again}");
    let twice = "SELECT count(*) FROM (SELECT market, data_type, symbol, bar_interval, frequency \
                 FROM meta.series GROUP BY ALL HAVING count(*) > 1)";
    assert_eq!(lake.value(twice).await, "0");
}

/// A world of symbols of which half are traded.
struct World {
    server: ArchiveServer,
    lake: TestLake,
}

impl World {
    /// Publishes what there is on the first of December 2026, and ingests it.
    async fn new() -> Self {
        let (server, lake) = (ArchiveServer::start(), TestLake::new());
        for number in 0..SYMBOLS {
            publish_month(&server, &format!("LIVE{number}"), "2026-10-01");
            publish(&server, &format!("LIVE{number}"), date("2026-11-30"));
            publish_month(&server, &format!("ENDED{number}"), "2025-01-01");
            publish(&server, &format!("ENDED{number}"), date("2025-02-01"));
        }
        lake.ingest(server.url(), &TRADES).await;
        server.take_seen();
        Self { server, lake }
    }

    /// Refreshes as a large lake does, and returns how many requests of each kind were made.
    async fn refresh(&self, now: DateTime<Utc>, full: bool) -> BTreeMap<&'static str, usize> {
        self.lake.refresh_at(self.server.url(), now, full).await;
        let mut requests = BTreeMap::from([("list", 0), ("head", 0)]);
        for seen in self.server.take_seen() {
            match seen.kind {
                Kind::List => *requests.get_mut("list").unwrap() += 1,
                Kind::Head => *requests.get_mut("head").unwrap() += 1,
                Kind::Get => {}
            }
        }
        requests
    }
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_refresh_of_a_large_lake_lists_what_is_due_and_requests_nothing_of_ended_series() {
    let world = World::new().await;
    let folders = 4 * SYMBOLS;
    let start = time("2026-12-01T07:00:00Z");
    let full = world.refresh(start, true).await;
    assert_eq!((full["list"], full["head"]), (folders, 0));
    let mut listed = 0;
    for round in 1..=8 {
        let now = start + TimeDelta::hours(6 * round);
        if now.time() == start.time() {
            let day = (now - TimeDelta::days(1)).date_naive();
            for number in 0..SYMBOLS {
                publish(&world.server, &format!("LIVE{number}"), day);
            }
        }
        let requests = world.refresh(now, false).await;
        assert_eq!(requests["head"], 0, "{now}");
        // All that are traded for new days, a quarter of the others' months, some that have ended.
        let most = SYMBOLS + SYMBOLS * 45 / 100 + 3 * SYMBOLS * 2 / 28;
        assert!(requests["list"] <= most, "{now}: {requests:?}, at most {most}");
        listed += requests["list"];
        let newest = world.lake.value("SELECT max(date) FROM silver.trades").await;
        let expected = (now - TimeDelta::hours(31)).date_naive();
        assert!(date(&newest) >= expected, "{now}: {newest}");
    }
    // Without a schedule, each of them lists every folder.
    assert!(listed < 8 * folders / 2, "{listed}");
}

#[tokio::test]
async fn corrections_are_found_within_a_day_and_those_of_ended_series_within_a_week() {
    let world = World::new().await;
    let start = time("2026-12-01T07:00:00Z");
    world.refresh(start, true).await;
    let keys = [(trades_key("LIVE7", "2026-11-30"), 1), (trades_key("ENDED7", "2025-02-01"), 7)];
    for (key, _) in &keys {
        let day = &key[key.len() - 14..key.len() - 4];
        world.server.publish(key, trades(key, day, 1..10));
    }
    for round in 1..=28 {
        let now = start + TimeDelta::hours(6 * round);
        world.refresh(now, false).await;
        for (key, days) in &keys {
            let statement = format!("SELECT count(*) FROM silver.trades WHERE archive = '{key}'");
            let rows = world.lake.value(&statement).await;
            assert!(rows == "9" || now - start < TimeDelta::days(*days), "{now}: {key}");
        }
    }
    let oldest = world.lake.value("SELECT min(last_listed) FROM meta.series").await;
    assert!(oldest.as_str() > "2026-12-01T07", "{oldest}");
}
