//! Rows outside the period of their archive: no key is in silver from two archives, whatever comes
//! first, and rows that nobody else has are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use chrono::{Days, NaiveDate};

use crate::support::archive_server::ArchiveServer;
use crate::support::delta_fixture::{FixtureTable, batch};
use crate::support::process::{Kill, Running, finish};
use crate::support::random::Random;
use crate::support::samples::csv_name;
use crate::support::test_lake::{Ingested, TestLake};
use crate::support::zips::zip_of;

const HEADER: &str = "create_time,symbol,sum_open_interest,sum_open_interest_value,\
                      count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,\
                      count_long_short_ratio,sum_taker_long_short_vol_ratio\n";

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn metrics_key(day: NaiveDate) -> String {
    format!("data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-{day}.zip")
}

fn klines_key(interval: &str, frequency: &str, period: &str) -> String {
    format!("data/spot/{frequency}/klines/BTCUSDT/{interval}/BTCUSDT-{interval}-{period}.zip")
}

/// Publishes metrics with these times, each with the value of the archive.
fn publish_metrics(server: &ArchiveServer, key: &str, times: &[String], value: u64) {
    let row = |time: &String| format!("{time},BTCUSDT,{value},1,1,1,1,1\n");
    let csv = HEADER.to_owned() + &times.iter().map(row).collect::<String>();
    server.publish(key, zip_of(&csv_name(key), csv.as_bytes()));
}

/// Publishes the metrics of a day: at noon, and at midnight of the next day, as real ones do.
fn publish_day(server: &ArchiveServer, day: &str, value: u64) {
    let day = date(day);
    let next = day + Days::new(1);
    let times = [format!("{day} 00:05:00"), format!("{day} 12:00:00"), format!("{next} 00:00:00")];
    publish_metrics(server, &metrics_key(day), &times, value);
}

/// Returns bars of so many hours or minutes from the start of a day.
fn bars(day: &str, seconds: i64, count: i64) -> Vec<String> {
    let start = date(day).and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp();
    let bar = |at: i64| {
        let (open, close) = (start + at * seconds, start + (at + 1) * seconds);
        format!("{}000,1,1,1,1,2,{}999,3,4,1,1,0\n", open, close - 1)
    };
    (0..count).map(bar).collect()
}

fn publish_bars(server: &ArchiveServer, key: &str, bars: &[String]) {
    server.publish(key, zip_of(&csv_name(key), bars.concat().as_bytes()));
}

async fn ingest(lake: &TestLake, server: &ArchiveServer, flags: &[&str]) -> Ingested {
    let done = lake.ingest(server.url(), &[&["--all"], flags].concat()).await;
    assert_eq!(done.summary.archives.failed, 0, "{}", done.summary);
    done
}

/// Returns times and archives of the metrics in silver, shortened: `02-01 00:00 of 01-31`.
async fn metrics(lake: &TestLake) -> Vec<String> {
    let sql = "SELECT create_time, archive FROM silver.metrics ORDER BY create_time, archive";
    let mut found = Vec::new();
    for row in lake.rows(sql).await {
        let (time, archive) = row.split_once(" | ").unwrap();
        let period = archive.rsplit_once("metrics-").unwrap().1.trim_end_matches(".zip");
        found.push(format!("{} {} of {}", &time[5..10], &time[11..16], &period[5..]));
    }
    found
}

/// The ledger says of each archive how many rows silver has of it, and verification agrees.
async fn assert_sound(lake: &TestLake, table: &str) {
    let silver = format!("SELECT archive, count(*) FROM silver.{table} GROUP BY 1 ORDER BY 1");
    let ledger = format!(
        "SELECT archive, rows FROM meta.archives WHERE status = 'ingested' AND rows > 0 \
         AND archive LIKE '%/{table}/%' ORDER BY archive"
    );
    assert_eq!(lake.rows(&ledger).await, lake.rows(&silver).await);
    let verified = lake.run("verify", &["--deep"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}

const TWO_DAYS: [&str; 6] = [
    "01-31 00:05 of 01-31",
    "01-31 12:00 of 01-31",
    "02-01 00:05 of 02-01",
    "02-01 12:00 of 02-01",
    "02-02 00:00 of 02-01",
    "",
];

#[tokio::test]
async fn a_row_of_the_next_day_is_kept_until_the_archive_of_that_day_comes() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    publish_day(&server, "2024-01-31", 1);
    let done = ingest(&lake, &server, &[]).await;
    assert_eq!((done.summary.rows, done.summary.rejected_rows, done.summary.left_rows), (3, 0, 0));
    assert_eq!(metrics(&lake).await[2], "02-01 00:00 of 01-31", "nobody else has it");
    assert_sound(&lake, "metrics").await;

    publish_day(&server, "2024-02-01", 2);
    let version = lake.versions()["silver/metrics"];
    ingest(&lake, &server, &[]).await;

    assert_eq!(metrics(&lake).await, TWO_DAYS[..5]);
    assert_eq!(lake.versions()["silver/metrics"], version + 1, "one commit");
    let ledger = lake.ledger("2024-01-31.zip", "status, rows, rejected_rows, reason").await;
    let reason = "1 row of 2024-02-01 left to the archive of that day";
    assert_eq!(ledger, [format!("ingested | 2 | 0 | {reason}")]);
    assert_sound(&lake, "metrics").await;
    assert!(ingest(&lake, &server, &[]).await.plan.fetch.is_empty());
    let rebuilt = lake.run("maintain", &["--rebuild-ledger"]);
    assert_eq!(rebuilt.code, Some(0), "{rebuilt}");
    assert_eq!(
        lake.ledger("2024-01-31.zip", "status, rows, rejected_rows, reason").await,
        ledger,
        "the log of silver says the same"
    );
    assert_sound(&lake, "metrics").await;
}

#[tokio::test]
async fn a_row_of_a_day_that_is_there_is_left_to_it_and_counted() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    publish_day(&server, "2024-02-01", 2);
    ingest(&lake, &server, &[]).await;
    publish_day(&server, "2024-01-31", 1);

    let run = lake.run("ingest", &["--all", "--stage", "silver", "--source", server.url()]);

    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("2 rows, 0 rejected, "), "{run}");
    assert!(run.stderr.contains(", 1 left to the archives of their days"), "{run}");
    assert_eq!(metrics(&lake).await, TWO_DAYS[..5]);
    let reason = "1 row of 2024-02-01 left to the archive of that day";
    assert_eq!(
        lake.ledger("2024-01-31.zip", "status, rows, reason").await,
        [format!("ingested | 2 | {reason}")]
    );
    assert_sound(&lake, "metrics").await;
}

#[tokio::test]
async fn archives_of_one_batch_leave_rows_to_each_other_unless_the_other_has_none() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    publish_day(&server, "2024-01-31", 1);
    publish_day(&server, "2024-02-01", 2);
    let done = ingest(&lake, &server, &[]).await;
    assert_eq!((done.summary.commits, done.summary.rows, done.summary.left_rows), (1, 5, 1));
    assert_eq!(metrics(&lake).await, TWO_DAYS[..5]);
    assert_sound(&lake, "metrics").await;

    let other = TestLake::new();
    publish_metrics(&server, &metrics_key(date("2024-02-01")), &[], 2);
    ingest(&other, &server, &[]).await;
    assert_eq!(metrics(&other).await[2..], ["02-01 00:00 of 01-31"], "the next day is empty");
    let broken = TestLake::new();
    server.publish(&metrics_key(date("2024-02-01")), "no zip");
    let done = broken.ingest(server.url(), &["--all"]).await;
    assert_eq!((done.summary.archives.failed, done.summary.rows), (1, 3));
    assert_eq!(metrics(&broken).await[2..], ["02-01 00:00 of 01-31"]);
}

#[tokio::test]
async fn corrections_add_and_remove_rows_outside_their_period() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let key = metrics_key(date("2024-01-31"));
    let times = |times: &[&str]| times.iter().map(|time| (*time).to_owned()).collect::<Vec<_>>();
    publish_metrics(&server, &key, &times(&["2024-01-31 12:00:00"]), 1);
    ingest(&lake, &server, &[]).await;

    publish_day(&server, "2024-01-31", 2);
    ingest(&lake, &server, &[]).await;
    assert_eq!(metrics(&lake).await.len(), 3);
    assert_sound(&lake, "metrics").await;

    publish_metrics(&server, &key, &times(&["2024-01-31 12:00:00"]), 3);
    ingest(&lake, &server, &[]).await;
    assert_eq!(metrics(&lake).await, ["01-31 12:00 of 01-31"]);
    assert_sound(&lake, "metrics").await;

    publish_day(&server, "2024-02-01", 4);
    ingest(&lake, &server, &[]).await;
    publish_day(&server, "2024-01-31", 5);
    let done = ingest(&lake, &server, &[]).await;
    assert_eq!((done.summary.archives.corrected, done.summary.left_rows), (1, 1));
    assert_eq!(metrics(&lake).await, TWO_DAYS[..5]);
    assert_sound(&lake, "metrics").await;
}

#[tokio::test]
async fn rows_further_outside_than_the_schema_allows_are_rejected_with_their_reason() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let key = klines_key("1h", "daily", "2024-01-31");
    publish_bars(&server, &key, &bars("2024-01-31", 3600, 26));
    publish_bars(&server, &klines_key("1h", "daily", "2024-02-01"), &bars("2024-02-01", 3600, 24));
    publish_metrics(
        &server,
        &metrics_key(date("2024-01-31")),
        &["2024-01-31 12:00:00", "2024-02-01 00:04:59", "2024-02-01 00:05:00"].map(str::to_owned),
        1,
    );

    let done = ingest(&lake, &server, &[]).await;

    assert_eq!((done.summary.rows, done.summary.rejected_rows), (50, 3));
    let sql = "SELECT line, \"column\", value, reason FROM meta.rejects ORDER BY archive, line";
    let rejects = lake.rows(sql).await;
    let outside = |time: &str| format!("time {time} is outside the archive's period 2024-01-31");
    assert_eq!(
        rejects,
        [
            format!("4 | create_time | 2024-02-01 00:05:00 | {}", outside("2024-02-01T00:05:00Z")),
            format!("25 | open_time | 1706745600000 | {}", outside("2024-02-01T00:00:00Z")),
            format!("26 | open_time | 1706749200000 | {}", outside("2024-02-01T01:00:00Z")),
        ]
    );
    assert_sound(&lake, "klines").await;
}

/// A month and the days next to it, of which each holds bars of the other.
#[tokio::test]
async fn a_month_and_the_days_around_it_never_have_a_key_twice_in_either_order() {
    let month = klines_key("1h", "monthly", "2024-02");
    let day = klines_key("1h", "daily", "2024-03-01");
    for order in [[&month, &day], [&day, &month]] {
        let server = ArchiveServer::start();
        let lake = TestLake::new();
        for key in order {
            if *key == month {
                publish_bars(&server, key, &bars("2024-02-01", 3600, 30 * 24));
            } else {
                publish_bars(&server, key, &bars("2024-02-29", 3600, 48));
            }
            ingest(&lake, &server, &[]).await;
        }
        let keys = "SELECT count(*), count(DISTINCT open_time) FROM silver.klines";
        assert_eq!(lake.value(keys).await, "720 | 720");
        assert_sound(&lake, "klines").await;
    }
}

/// Two months of long bars, one of which begins in the first month and ends in the second: `first`
/// says whether the archive of the first month has it too.
fn publish_long_bars(server: &ArchiveServer, interval: &str, month: usize, first: bool) {
    let (days, begin, [in_first, in_second]) = match interval {
        "3d" => (3, "2024-01-31", [11, 10]),
        "1w" => (7, "2024-01-29", [5, 5]),
        _ => (31, "2024-01-01", [1, 2]),
    };
    let seconds = days * 86_400;
    if month == 0 {
        let count = in_first - i64::from(!first);
        let key = klines_key(interval, "monthly", "2024-01");
        publish_bars(server, &key, &bars("2024-01-01", seconds, count));
    } else {
        let key = klines_key(interval, "monthly", "2024-02");
        publish_bars(server, &key, &bars(begin, seconds, in_second));
    }
}

#[tokio::test]
async fn a_bar_across_the_end_of_a_month_is_there_once_and_of_the_same_archive_in_any_order() {
    let cases = [("3d", "2024-01-31", 20), ("1w", "2024-01-29", 9), ("1mo", "2024-01-01", 2)];
    for (interval, day, count) in cases {
        for first in [true, false] {
            let orders: [&[&[usize]]; 3] = [&[&[0], &[1]], &[&[1], &[0]], &[&[0, 1]]];
            for order in orders {
                let server = ArchiveServer::start();
                let lake = TestLake::new();
                let what = format!("{interval} {order:?} {first}");
                let mut rejected = 0;
                for step in order {
                    step.iter().for_each(|month| {
                        publish_long_bars(&server, interval, *month, first);
                    });
                    rejected += ingest(&lake, &server, &[]).await.summary.rejected_rows;
                }
                assert_eq!(rejected, 0, "{what}");
                let keys = "SELECT count(*), count(DISTINCT open_time) FROM silver.klines";
                assert_eq!(lake.value(keys).await, format!("{count} | {count}"), "{what}");
                let owner = format!("SELECT archive FROM silver.klines WHERE date = '{day}'");
                let month = if first { "2024-01" } else { "2024-02" };
                let expected = klines_key(interval, "monthly", month);
                assert_eq!(lake.rows(&owner).await, [expected], "{what}");
                assert_sound(&lake, "klines").await;
                assert!(ingest(&lake, &server, &[]).await.plan.fetch.is_empty(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn a_bar_across_the_end_of_a_month_moves_to_the_month_in_which_it_begins_once_that_has_it() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let owner = "SELECT archive FROM silver.klines WHERE date = '2024-01-29'";
    for (first, month) in [(false, "2024-02"), (true, "2024-01")] {
        publish_long_bars(&server, "1w", 0, first);
        publish_long_bars(&server, "1w", 1, first);
        ingest(&lake, &server, &[]).await;
        assert_eq!(lake.rows(owner).await, [klines_key("1w", "monthly", month)]);
        assert_sound(&lake, "klines").await;
    }
    let rebuilt = lake.run("maintain", &["--rebuild-ledger"]);
    assert_eq!(rebuilt.code, Some(0), "{rebuilt}");
    assert_sound(&lake, "klines").await;
}

#[tokio::test]
async fn a_bar_that_ends_before_the_month_of_its_archive_is_rejected() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let weeks = bars("2024-01-22", 7 * 86_400, 6);
    publish_bars(&server, &klines_key("1w", "monthly", "2024-02"), &weeks);
    let done = ingest(&lake, &server, &[]).await;
    assert_eq!((done.summary.rows, done.summary.rejected_rows), (5, 1));
    let reason = lake.value("SELECT reason FROM meta.rejects").await;
    let time = "2024-01-22T00:00:00Z";
    assert_eq!(reason, format!("time {time} is outside the archive's period 2024-02"));
}

/// Metrics with archives of months too, as no built-in matrix has them: rows within the slack on
/// either side of a month.
#[tokio::test]
async fn rows_of_a_month_on_the_next_day_yield_to_the_archive_of_that_day() {
    let month = "data/futures/um/monthly/metrics/BTCUSDT/BTCUSDT-metrics-2024-01.zip";
    let times = ["2024-01-30 12:00:00", "2024-01-31 12:00:00", "2024-02-01 00:00:00"];
    let config = matrix_with_months_of_metrics();
    let flags = ["--config", config.path().to_str().unwrap()];
    for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 2, 0], [0, 2, 1], [2, 0, 1]] {
        let server = ArchiveServer::start();
        let lake = TestLake::new();
        for step in order {
            match step {
                0 => publish_metrics(&server, month, &times.map(str::to_owned), 1),
                1 => publish_day(&server, "2024-01-31", 2),
                _ => publish_day(&server, "2024-02-01", 3),
            }
            ingest(&lake, &server, &flags).await;
            let keys = "SELECT count(*) - count(DISTINCT create_time) FROM silver.metrics";
            assert_eq!(lake.value(keys).await, "0", "{order:?}");
        }
        let of_day = "SELECT DISTINCT archive FROM silver.metrics WHERE date = '2024-02-01'";
        assert_eq!(lake.rows(of_day).await, [metrics_key(date("2024-02-01"))], "{order:?}");
        let verified = lake.run("verify", &[&["--deep"], &flags[..]].concat());
        assert_eq!(verified.code, Some(0), "{order:?}: {verified}");
    }
}

fn matrix_with_months_of_metrics() -> tempfile::NamedTempFile {
    let text = std::fs::read_to_string("matrix/binance.toml").unwrap();
    let pattern = "metrics/{symbol}/{symbol}-metrics-{period}.zip\"\ndaily = []\n";
    assert_eq!(text.matches(pattern).count(), 2);
    let text = text.replace(pattern, &format!("{pattern}monthly = []\n"));
    let matrix = tempfile::NamedTempFile::new().unwrap().into_temp_path().keep().unwrap();
    std::fs::write(&matrix, text).unwrap();
    let config = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    std::fs::write(config.path(), format!("matrix_path = '{}'\n", matrix.display())).unwrap();
    config
}

/// Archives of five days around the end of a month, published in random versions in random order.
#[derive(Default)]
struct Model {
    /// Own rows and rows of the next day of the version in silver, by day.
    silver: BTreeMap<NaiveDate, (BTreeSet<String>, BTreeSet<String>)>,
}

impl Model {
    /// Lands a batch, by the rules in words: a row goes to the archive of its day; until that has
    /// rows, to the one of the day before.
    fn land(&mut self, batch: &BTreeMap<NaiveDate, (BTreeSet<String>, BTreeSet<String>)>) {
        let mut owned: BTreeSet<NaiveDate> = BTreeSet::new();
        for (day, (own, _)) in self.silver.iter().chain(batch) {
            if !own.is_empty() {
                owned.insert(*day);
            }
        }
        for (day, (own, next)) in batch {
            let left = owned.contains(&(*day + Days::new(1)));
            let next = if left { BTreeSet::new() } else { next.clone() };
            self.silver.insert(*day, (own.clone(), next));
        }
        for (day, (own, _)) in batch {
            if let Some((_, next)) = self.silver.get_mut(&(*day - Days::new(1)))
                && !own.is_empty()
            {
                next.clear();
            }
        }
    }

    fn rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for (day, (own, next)) in &self.silver {
            rows.extend(own.union(next).map(|time| format!("{time} | {}", metrics_key(*day))));
        }
        rows.sort();
        rows
    }
}

#[tokio::test]
async fn random_archives_in_random_order_are_in_silver_as_a_small_model_says() {
    for seed in 0..12 {
        let mut random = Random::at(seed, &[7]);
        let server = ArchiveServer::start();
        let lake = TestLake::new();
        let mut model = Model::default();
        for step in 0..6 {
            let mut batch = BTreeMap::new();
            for _ in 0..1 + random.below(3) {
                let day = date("2024-01-30") + Days::new(random.below(5) as u64);
                let own = some_times(day, &["00:00:00", "00:05:00", "12:00:00"], &mut random);
                let next = day + Days::new(1);
                let next = some_times(next, &["00:00:00", "00:04:00"], &mut random);
                let times: Vec<String> = own.union(&next).cloned().collect();
                // Other bytes than any version before.
                publish_metrics(&server, &metrics_key(day), &times, seed * 1_000 + step + 1);
                batch.insert(day, (own, next));
            }
            let done = ingest(&lake, &server, &[]).await;
            assert_eq!(done.summary.rejected_rows, 0);
            model.land(&batch);
            let sql = "SELECT create_time, archive FROM silver.metrics";
            let found = lake.rows(sql).await;
            let as_published = |row: &String| row.replacen('T', " ", 1).replacen('Z', "", 1);
            let found: BTreeSet<String> = found.iter().map(as_published).collect();
            let expected: BTreeSet<String> = model.rows().into_iter().collect();
            assert_eq!(found, expected, "seed {seed}, step {step}");
            let keys = "SELECT count(*) - count(DISTINCT create_time) FROM silver.metrics";
            assert_eq!(lake.value(keys).await, "0", "seed {seed}, step {step}");
        }
        assert_sound(&lake, "metrics").await;
    }
}

/// Returns some of these times of a day; none now and then.
fn some_times(day: NaiveDate, times: &[&str], random: &mut Random) -> BTreeSet<String> {
    if random.percent(25) {
        return BTreeSet::new();
    }
    let kept = times.iter().filter(|_| random.percent(60));
    kept.map(|time| format!("{day} {time}")).collect()
}

#[tokio::test]
async fn a_run_that_is_killed_at_the_commit_leaves_no_row_twice_and_none_lost() {
    for step in ["before commit silver.metrics", "after commit silver.metrics"] {
        let server = ArchiveServer::start();
        let lake = TestLake::new();
        publish_day(&server, "2024-01-31", 1);
        ingest(&lake, &server, &[]).await;
        publish_day(&server, "2024-02-01", 2);
        let arguments = ["--all", "--stage", "silver", "--source", server.url()];
        let folder = tempfile::tempdir().unwrap();
        let command = lake.program("ingest", &arguments);
        let killed = Running::start(command, Kill::At(step.to_owned()), folder.path(), "killed");
        assert!(finish(vec![killed])[0].killed, "{step}");
        let found = metrics(&lake).await;
        assert!(found.len() == 3 || found == TWO_DAYS[..5], "{step}: {found:?}");

        let run = lake.run("ingest", &arguments);
        assert_eq!(run.code, Some(0), "{run}");
        assert_eq!(metrics(&lake).await, TWO_DAYS[..5], "{step}");
        assert_sound(&lake, "metrics").await;
    }
}

#[tokio::test]
async fn processes_that_land_neighbouring_days_at_the_same_time_have_no_key_twice() {
    for round in 0..4 {
        let server = ArchiveServer::start();
        let lake = TestLake::new();
        for day in ["2024-01-31", "2024-02-01", "2024-02-02", "2024-02-03"] {
            publish_day(&server, day, 1);
        }
        let folder = tempfile::tempdir().unwrap();
        let mut running = Vec::new();
        for day in ["2024-01-31", "2024-02-01", "2024-02-02", "2024-02-03"] {
            let arguments = ["--all", "--stage", "silver", "--source", server.url()];
            let dates = ["--start", day, "--end", day];
            let command = lake.program("ingest", &[&arguments[..], &dates].concat());
            running.push(Running::start(command, Kill::Never, folder.path(), day));
        }
        for end in finish(running) {
            assert_eq!(end.code, Some(0), "round {round}: {}", end.stderr);
        }
        let keys = "SELECT count(*), count(DISTINCT create_time) FROM silver.metrics";
        assert_eq!(lake.value(keys).await, "9 | 9", "round {round}");
        // What others committed is in the ledger after the next run.
        ingest(&lake, &server, &[]).await;
        assert_sound(&lake, "metrics").await;
    }
}

#[tokio::test]
async fn bars_that_an_archive_holds_twice_stay_in_silver_and_count_once_in_gold() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let key = klines_key("1m", "daily", "2024-01-31");
    let mut twice = bars("2024-01-31", 60, 1440);
    twice.extend(bars("2024-01-31", 60, 1440));
    publish_bars(&server, &key, &twice);

    let run = lake.run("ingest", &["--all", "--source", server.url()]);

    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(lake.value("SELECT count(*) FROM silver.klines").await, "2880");
    let daily = "SELECT volume, trade_count, bars, missing_bars FROM gold.daily_ohlcv";
    assert_eq!(lake.value(daily).await, "2880.00000000 | 5760 | 1440 | 0");
    let minutes = "SELECT count(*), count(DISTINCT open_time), sum(volume) FROM gold.continuous_1m";
    assert_eq!(lake.value(minutes).await, "1440 | 1440 | 2880.00000000");
    let bars = "SELECT sum(volume), sum(bars) FROM gold.bars WHERE bar_interval = '1d'";
    assert_eq!(lake.value(bars).await, "2880.00000000 | 1440");
    assert_eq!(lake.value("SELECT bars FROM gold.realised_volatility_daily").await, "1440");
}

#[tokio::test]
async fn verification_finds_days_that_an_older_program_left_with_two_archives() {
    let server = ArchiveServer::start();
    let lake = TestLake::new();
    let [first, second] = ["2024-01-31", "2024-02-01"].map(|day| klines_key("1h", "daily", day));
    publish_bars(&server, &first, &bars("2024-01-31", 3600, 24));
    publish_bars(&server, &second, &bars("2024-02-01", 3600, 24));
    ingest(&lake, &server, &[]).await;
    assert_sound(&lake, "klines").await;

    let sql = "SELECT * FROM silver.klines WHERE date = '2024-02-01' LIMIT 3";
    let rows = lake.batches(sql).await;
    let mut table = FixtureTable::create(&lake.path(), "silver/klines", &[], "").await;
    for rows in rows.iter().filter(|rows| rows.num_rows() > 0) {
        let schema = rows.schema();
        let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            let column = match (field.name().as_str(), field.data_type()) {
                ("market" | "date", _) => continue,
                ("archive", _) => {
                    let archives = vec![first.as_str(); rows.num_rows()];
                    Arc::new(StringArray::from(archives)) as ArrayRef
                }
                (_, DataType::Utf8View | DataType::Dictionary(..)) => {
                    cast(column, &DataType::Utf8).unwrap()
                }
                _ => Arc::clone(column),
            };
            columns.push((field.name(), column));
        }
        table.append("spot", "2024-02-01", &batch(columns)).await;
    }

    let run = lake.run("verify", &[]);
    assert_eq!(run.code, Some(1), "{run}");
    let finding = format!("0 rows of 2024-02-01, of which {second} has rows");
    let is_finding =
        |line: &str| line.contains(&first) && line.contains("owner") && line.contains(&finding);
    assert!(run.stdout.lines().any(is_finding), "{run}");
    assert!(run.stderr.contains("lakehouse maintain --repair"), "{run}");
}
