//! One owner per day: a daily and a monthly archive of the same days, whatever comes first and
//! whatever is missing.
//!
//! After every ingest each day is looked at, at every version that the table has had.

use std::collections::BTreeMap;
use std::process::Stdio;

use futures::TryStreamExt;
use lakehouse::query::{At, Session, SessionOptions};
use lakehouse::storage::lake::Lake;
use lakehouse_samples::{SampleOptions, sample_csv};

use crate::kill::kill_at;
use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, identify, trades, trades_csv, trades_key};
use crate::support::test_lake::{Ingested, TestLake, lines};
use crate::support::zips::zip_of;

const MONTH: &str = "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip";
const HOURS_OF_MONTH: usize = 29 * 24;

fn day_key(day: u32) -> String {
    format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-{day:02}.zip")
}

/// A source with hourly bars, the lake that they come into, and what is true of it at all times.
struct Scene {
    server: ArchiveServer,
    lake: TestLake,
    table: &'static str,
    /// The owner of each day, at each version that was looked at.
    seen: BTreeMap<u64, BTreeMap<String, String>>,
}

impl Scene {
    fn new() -> Self {
        Self {
            server: ArchiveServer::start(),
            lake: TestLake::new(),
            table: "klines",
            seen: BTreeMap::new(),
        }
    }

    /// Publishes an archive, after its lines were changed.
    fn publish(&self, key: &str, change: impl FnOnce(&mut Vec<String>)) {
        let options = SampleOptions { trades_per_day: 100, ..SampleOptions::small(7) };
        let csv = String::from_utf8(sample_csv(&identify(key), &options).unwrap()).unwrap();
        let mut lines: Vec<String> = csv.lines().map(str::to_owned).collect();
        change(&mut lines);
        self.server.publish(key, zip_of(&csv_name(key), (lines.join("\n") + "\n").as_bytes()));
    }

    fn publish_days(&self, days: impl IntoIterator<Item = u32>) {
        days.into_iter().for_each(|day| self.publish(&day_key(day), |_| {}));
    }

    async fn ingest(&mut self, flags: &[&str]) -> Ingested {
        let done = self.lake.ingest(self.server.url(), &[&["--all"], flags].concat()).await;
        assert_eq!(done.summary.archives.failed, 0, "{}", done.summary);
        self.look().await;
        done
    }

    /// Ingests until nothing is left to do, which must be soon.
    async fn settle(&mut self, flags: &[&str]) {
        for _ in 0..4 {
            if self.ingest(flags).await.plan.fetch.is_empty() {
                return;
            }
        }
        panic!("a run still has something to do after three others");
    }

    /// Looks at every version: a day has the rows of one archive, and once it has some it always
    /// has.
    async fn look(&mut self) {
        let newest = self.lake.versions()[&format!("silver/{}", self.table)];
        for version in 1..=newest {
            let owners = self.owners_at(version).await;
            if let Some(before) = self.seen.get(&(version - 1)) {
                let lost: Vec<_> = before.keys().filter(|day| !owners.contains_key(*day)).collect();
                assert!(lost.is_empty(), "version {version} has no rows of {lost:?}");
            }
            self.seen.insert(version, owners);
        }
    }

    async fn owners_at(&self, version: u64) -> BTreeMap<String, String> {
        let sql = format!(
            "SELECT date, archive, count(*) FROM silver.{} GROUP BY ALL ORDER BY 1, 2",
            self.table
        );
        let sql = sql.replace("GROUP BY ALL", "GROUP BY date, archive");
        let lake = Lake::open(self.lake.path().to_str().unwrap()).unwrap();
        let options = SessionOptions { at: At::Version(version), ..SessionOptions::default() };
        let session = Session::open(&lake, options).unwrap();
        let rows = Box::pin(session.sql(&sql)).await.unwrap();
        let batches: Vec<_> = rows.try_collect().await.unwrap();
        let mut owners = BTreeMap::new();
        for line in batches.iter().flat_map(lines) {
            let [day, archive, rows] = line.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{line}")
            };
            let name = archive.rsplit('/').next().unwrap().trim_end_matches(".zip");
            let name = name.trim_start_matches("BTCUSDT-1h-").trim_start_matches("BTCUSDT-trades-");
            let before = owners.insert(day.to_owned(), format!("{name} {rows}"));
            assert_eq!(before, None, "two archives hold {day} at version {version}");
        }
        owners
    }

    /// Returns who owns the days now, neighbours of one owner as one: `1-9 of 2024-02`.
    fn owners(&self) -> Vec<String> {
        let owners = self.seen.values().next_back().unwrap();
        let kind = |owner: &str| if owner.starts_with("2024-02 ") { "monthly" } else { "daily" };
        let days: Vec<_> = owners
            .iter()
            .map(|(day, owner)| (day[8..].parse::<u32>().unwrap(), kind(owner)))
            .collect();
        let runs = days.chunk_by(|a, b| a.0 + 1 == b.0 && a.1 == b.1);
        runs.map(|run| format!("{}-{} {}", run[0].0, run[run.len() - 1].0, run[0].1)).collect()
    }

    async fn row_count(&self) -> usize {
        self.lake
            .value(&format!("SELECT count(*) FROM silver.{}", self.table))
            .await
            .parse()
            .unwrap()
    }

    async fn ledger(&self, ending: &str) -> String {
        let rows = self.lake.ledger(ending, "status, rows, owned_days, reason").await;
        rows.last().unwrap_or_else(|| panic!("nothing is known of {ending}")).clone()
    }

    /// What the ledger says in sum is what silver holds, archive by archive.
    async fn assert_ledger_agrees(&self) {
        let silver = format!(
            "SELECT archive, count(*) FROM silver.{} GROUP BY archive ORDER BY archive",
            self.table
        );
        let ledger = "SELECT archive, rows FROM meta.archives WHERE status = 'ingested' AND rows > \
                      0 ORDER BY archive";
        assert_eq!(self.lake.rows(ledger).await, self.lake.rows(&silver).await);
    }
}

/// Removes the lines of hours of the month, counted from its start.
fn without_hours(hours: std::ops::Range<usize>) -> impl FnOnce(&mut Vec<String>) {
    move |lines| drop(lines.drain(hours))
}

#[tokio::test]
async fn a_monthly_that_is_as_good_as_the_dailies_takes_only_the_days_that_nobody_holds() {
    let mut scene = Scene::new();
    scene.publish_days(1..=9);
    scene.ingest(&[]).await;
    scene.publish(MONTH, |_| {});
    let done = scene.ingest(&[]).await;

    assert_eq!(done.plan.fetch.len(), 1);
    let reason = done.plan.fetch.iter().next().unwrap().reason;
    assert_eq!(reason.to_string(), "compare with the other copy");
    assert_eq!(scene.owners(), ["1-9 daily", "10-29 monthly"]);
    assert_eq!(scene.row_count().await, HOURS_OF_MONTH);
    let reason = "2024-02-01 to 2024-02-09: monthly 216 rows, daily 216 rows: \
                  as complete as each other, daily keeps the 9 days";
    assert_eq!(scene.ledger("1h-2024-02.zip").await, format!("ingested | 480 | 10-29 | {reason}"));
    let reason = "2024-02-03: monthly 24 rows, daily 24 rows: as complete as each other, daily \
                  keeps the day";
    assert_eq!(scene.ledger("2024-02-03.zip").await, format!("ingested | 24 |  | {reason}"));
    scene.assert_ledger_agrees().await;

    let versions = scene.lake.versions();
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty(), "the pair is judged");
    assert_eq!(scene.lake.versions(), versions);
}

#[tokio::test]
async fn a_monthly_takes_the_days_of_which_dailies_miss_rows() {
    let mut scene = Scene::new();
    scene.publish_days([1, 2, 4]);
    scene.publish(&day_key(3), without_hours(7..8));
    scene.ingest(&[]).await;
    scene.publish(MONTH, |_| {});
    let version = scene.lake.versions()["silver/klines"];
    scene.ingest(&[]).await;

    assert_eq!(scene.lake.versions()["silver/klines"], version + 1, "one commit");
    assert_eq!(scene.owners(), ["1-2 daily", "3-3 monthly", "4-4 daily", "5-29 monthly"]);
    assert_eq!(scene.row_count().await, HOURS_OF_MONTH);
    let reason = "2024-02-03: monthly 24 rows, daily 23 rows and 1 gap: monthly owns the day";
    assert_eq!(scene.ledger("2024-02-03.zip").await, format!("yielded | 0 | none | {reason}"));
    scene.assert_ledger_agrees().await;
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty());
}

#[tokio::test]
async fn an_incomplete_monthly_leaves_to_the_dailies_what_it_misses() {
    let mut scene = Scene::new();
    // Days 10 to 12 are missing, and the month ends six hours early.
    scene.publish(MONTH, |lines| {
        lines.truncate(HOURS_OF_MONTH - 6);
        without_hours(9 * 24..12 * 24)(lines);
    });
    scene.ingest(&[]).await;
    assert_eq!(scene.owners(), ["1-9 monthly", "13-29 monthly"]);
    assert_eq!(scene.row_count().await, 26 * 24 - 6);

    scene.publish_days(1..=29);
    scene.settle(&[]).await;
    assert_eq!(scene.owners(), ["1-9 monthly", "10-12 daily", "13-28 monthly", "29-29 daily"]);
    assert_eq!(scene.row_count().await, HOURS_OF_MONTH);
    let monthly = scene.ledger("1h-2024-02.zip").await;
    assert!(monthly.starts_with("ingested | 600 | 1-9,13-28 | "), "{monthly}");
    assert!(
        monthly
            .contains("2024-02-29: monthly 18 rows and 6 gaps, daily 24 rows: daily owns the day"),
        "{monthly}"
    );
    scene.assert_ledger_agrees().await;
}

#[tokio::test]
async fn an_incomplete_monthly_that_comes_later_takes_nothing_from_better_dailies() {
    let mut scene = Scene::new();
    scene.publish_days(1..=29);
    scene.ingest(&["--frequency", "daily"]).await;
    scene.publish(MONTH, |lines| lines.truncate(5 * 24 + 3));
    let version = scene.lake.versions()["silver/klines"];
    let files = scene.lake.data_files("silver/klines").len();
    let done = scene.ingest(&[]).await;

    assert_eq!((done.summary.archives.new, done.summary.rows), (0, 0), "{}", done.summary);
    assert_eq!(scene.owners(), ["1-29 daily"]);
    assert_eq!(
        scene.lake.versions()["silver/klines"],
        version + 1,
        "the decision is in silver's own log"
    );
    assert_eq!(
        scene.lake.data_files("silver/klines").len(),
        files,
        "no file was written or rewritten"
    );
    let monthly = scene.ledger("1h-2024-02.zip").await;
    assert!(
        monthly.starts_with("yielded | 0 | none | 2024-02-01 to 2024-02-05: monthly 120 rows"),
        "{monthly}"
    );
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty());
    scene.publish(MONTH, |lines| lines.truncate(6 * 24));
    assert_eq!(scene.ingest(&[]).await.plan.fetch.len(), 1, "another version is compared again");
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty());
}

#[tokio::test]
async fn copies_that_differ_in_values_only_are_as_complete_as_each_other() {
    let mut scene = Scene::new();
    scene.publish_days([3]);
    scene.ingest(&[]).await;
    scene.publish(MONTH, |lines| {
        let line = &mut lines[2 * 24 + 5];
        let volume = line.split(',').nth(5).unwrap().to_owned();
        *line = line.replacen(&format!(",{volume},"), ",1.25000000,", 1);
    });
    scene.ingest(&[]).await;
    assert_eq!(scene.owners(), ["1-2 monthly", "3-3 daily", "4-29 monthly"]);
    let day = scene.ledger("2024-02-03.zip").await;
    assert!(day.ends_with("as complete as each other, daily keeps the day"), "{day}");
    let changed = "SELECT count(*) FROM silver.klines WHERE date = '2024-02-03' AND volume = 1.25";
    assert_eq!(scene.lake.value(changed).await, "0");
}

#[tokio::test]
async fn a_late_daily_that_is_better_takes_its_day_and_no_other() {
    let mut scene = Scene::new();
    scene.publish(MONTH, without_hours(50..53));
    scene.ingest(&[]).await;
    let version = scene.lake.versions()["silver/klines"];
    scene.publish_days([3, 4]);
    let done = scene.ingest(&[]).await;

    assert_eq!(done.plan.fetch.len(), 2);
    assert_eq!(scene.lake.versions()["silver/klines"], version + 1, "one commit");
    assert_eq!(scene.owners(), ["1-2 monthly", "3-3 daily", "4-29 monthly"]);
    assert_eq!(scene.row_count().await, HOURS_OF_MONTH);
    let kept = scene.ledger("2024-02-04.zip").await;
    let expected = "yielded | 0 | none | 2024-02-04: monthly 24 rows, daily 24 rows: as complete \
                    as each other, monthly keeps the day";
    assert_eq!(kept, expected);
    scene.assert_ledger_agrees().await;
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty());
    assert!(scene.ingest(&["--frequency", "daily"]).await.plan.fetch.is_empty());
}

#[tokio::test]
async fn dailies_that_were_asked_for_are_compared_with_the_month_that_holds_their_days() {
    let mut scene = Scene::new();
    scene.publish_days([1, 2]);
    scene.publish(MONTH, without_hours(0..1));
    scene.ingest(&["--frequency", "monthly"]).await;
    assert_eq!(scene.owners(), ["1-29 monthly"]);
    scene.ingest(&["--frequency", "daily"]).await;
    assert_eq!(scene.owners(), ["1-1 daily", "2-29 monthly"]);
    assert!(scene.ingest(&["--frequency", "daily"]).await.plan.fetch.is_empty());
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty());
}

#[tokio::test]
async fn a_corrected_monthly_replaces_its_own_days_and_is_compared_again_on_the_others() {
    let mut scene = Scene::new();
    scene.publish_days([1, 2]);
    scene.ingest(&[]).await;
    scene.publish(MONTH, without_hours(30..35));
    scene.ingest(&[]).await;
    assert_eq!(scene.owners(), ["1-2 daily", "3-29 monthly"]);
    scene.publish(&day_key(2), without_hours(3..4));
    scene.settle(&[]).await;
    assert_eq!(
        scene.owners(),
        ["1-2 daily", "3-29 monthly"],
        "the month lacks more hours of the second day"
    );

    scene.publish(MONTH, |lines| lines.truncate(28 * 24 + 5));
    let done = scene.ingest(&[]).await;
    assert_eq!(done.summary.archives.corrected, 1, "{}", done.summary);
    assert_eq!(scene.owners(), ["1-1 daily", "2-29 monthly"]);
    assert_eq!(scene.row_count().await, 28 * 24 + 5);
    scene.assert_ledger_agrees().await;
    scene.settle(&[]).await;
}

#[tokio::test]
async fn a_corrected_daily_is_compared_with_the_month_again_whoever_held_the_day() {
    let mut scene = Scene::new();
    scene.publish(&day_key(1), without_hours(0..2));
    scene.publish(&day_key(2), |_| {});
    scene.ingest(&[]).await;
    scene.publish(MONTH, without_hours(0..1));
    scene.settle(&[]).await;
    assert_eq!(scene.owners(), ["1-1 monthly", "2-2 daily", "3-29 monthly"]);

    // The first day is whole now, and the second is not any more.
    scene.publish(&day_key(1), |_| {});
    scene.publish(&day_key(2), without_hours(1..3));
    scene.settle(&[]).await;
    assert_eq!(scene.owners(), ["1-1 daily", "2-29 monthly"]);
    assert_eq!(scene.row_count().await, HOURS_OF_MONTH);
    scene.assert_ledger_agrees().await;
}

#[tokio::test]
async fn both_copies_in_one_batch_are_compared_in_commits_of_their_own() {
    let mut scene = Scene::new();
    scene.publish_days([1, 2]);
    scene.ingest(&[]).await;
    scene.publish(&day_key(2), without_hours(5..6));
    scene.publish(MONTH, |_| {});
    let done = scene.ingest(&[]).await;
    assert_eq!(done.plan.fetch.len(), 2);
    assert_eq!(scene.owners(), ["1-1 daily", "2-29 monthly"]);
    scene.assert_ledger_agrees().await;
    assert!(scene.ingest(&[]).await.plan.fetch.is_empty());
}

#[tokio::test]
async fn a_ledger_that_was_lost_is_made_again_with_owners_and_verdicts() {
    let mut scene = Scene::new();
    scene.publish(&day_key(1), without_hours(0..2));
    scene.publish_days([2]);
    scene.ingest(&[]).await;
    scene.publish(MONTH, without_hours(40..41));
    scene.ingest(&[]).await;
    let sql = "SELECT archive, status, sha256, rows, owned_days, rival, reason FROM meta.archives \
               ORDER BY archive";
    let before = scene.lake.rows(sql).await;
    let lake = TestLake::new();
    std::fs::create_dir(lake.path()).unwrap();
    std::fs::rename(scene.lake.path().join("silver"), lake.path().join("silver")).unwrap();
    scene.publish("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-01.zip", |_| {});
    lake.ingest(scene.server.url(), &["--all", "--start", "2024-03-01"]).await;
    let after =
        lake.rows(&sql.replace("ORDER", "WHERE archive NOT LIKE '%2024-03-01%' ORDER")).await;
    assert_eq!(after, before);
}

#[tokio::test]
async fn trades_are_compared_by_their_ids() {
    let mut scene = Scene { table: "trades", ..Scene::new() };
    let month = "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-02.zip";
    let day =
        |day: u32| format!("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-02-{day:02}.zip");
    scene.publish(&day(1), |lines| drop(lines.remove(10)));
    // The same number of distinct trades, and every line twice.
    scene.publish(&day(2), |lines| lines.extend(lines.clone()));
    scene.ingest(&[]).await;
    scene.publish(month, |_| {});
    scene.ingest(&[]).await;
    assert_eq!(scene.owners(), ["1-1 monthly", "2-2 daily", "3-29 monthly"]);
    let first = scene.ledger("2024-02-01.zip").await;
    assert!(
        first.contains("monthly 100 rows, daily 99 rows and 1 gap: monthly owns the day"),
        "{first}"
    );
    let second = scene.ledger("2024-02-02.zip").await;
    assert!(second.contains("monthly 100 rows, daily 200 rows (100 of them repeated)"), "{second}");
    scene.assert_ledger_agrees().await;
}

#[tokio::test]
async fn opposite_copies_that_two_processes_land_at_once_are_compared_whoever_is_first() {
    for _ in 0..6 {
        let mut scene = Scene::new();
        scene.publish_days([1, 2, 4, 6, 7]);
        scene.publish(&day_key(5), without_hours(3..5));
        scene.publish(MONTH, without_hours(30..35));
        let start = |frequency| {
            let flags = [
                "--all",
                "--frequency",
                frequency,
                "--batch-size",
                "2",
                "--source",
                scene.server.url(),
            ];
            let mut program = scene.lake.program("ingest", &flags);
            program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        for process in [start("daily"), start("monthly")] {
            let end = process.wait_with_output().unwrap();
            assert!(end.status.success(), "{}", String::from_utf8_lossy(&end.stderr));
        }

        // At every version each day has one owner, and none is lost; the better copies own what
        // differs.
        scene.look().await;
        let owners = scene.seen.values().next_back().unwrap();
        let owner = |day: u32| owners[&format!("2024-02-{day:02}")].clone();
        assert_eq!((owner(2), owner(5)), ("2024-02-02 24".to_owned(), "2024-02 24".to_owned()));
        assert_eq!(scene.row_count().await, HOURS_OF_MONTH);
        scene.assert_ledger_agrees().await;
        scene.settle(&[]).await;
        let verified = scene.lake.run("verify", &["--deep"]);
        assert_eq!(verified.code, Some(0), "{verified}");
    }
}

#[tokio::test]
async fn an_archive_that_is_too_large_for_shared_files_is_compared_day_by_day_too() {
    let mut scene = Scene { table: "trades", ..Scene::new() };
    let month = "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2024-02.zip";
    let (day, of_day) = (|day: u32| trades_key("BTCUSDT", &format!("2024-02-{day:02}")), 86_400);
    // A trade each second, in more CSV than archives may have that share files.
    let csv = trades_csv("2024-02-01", 0..11 * of_day);
    assert!(csv.len() > 34 << 20, "{}", csv.len());
    scene.server.publish(&day(2), trades(&day(2), "2024-02-02", of_day..2 * of_day));
    scene.server.publish(&day(3), trades(&day(3), "2024-02-03", 2 * of_day..3 * of_day - 1));
    scene.ingest(&[]).await;
    scene.server.publish(month, zip_of(&csv_name(month), csv.as_bytes()));
    scene.ingest(&[]).await;

    assert_eq!(scene.owners(), ["1-1 monthly", "2-2 daily", "3-11 monthly"]);
    assert_eq!(scene.row_count().await, 950_400);
    let third = scene.ledger("2024-02-03.zip").await;
    assert!(
        third.starts_with("yielded | 0 | none | 2024-02-03: monthly 86400 rows, daily 86399 rows"),
        "{third}"
    );
    scene.assert_ledger_agrees().await;

    // Corrected, it replaces its rows on its own days.
    let corrected = csv.replacen(",1.5,", ",1.25,", 1);
    scene.server.publish(month, zip_of(&csv_name(month), corrected.as_bytes()));
    scene.ingest(&[]).await;
    assert_eq!(scene.owners(), ["1-1 monthly", "2-2 daily", "3-11 monthly"]);
    let changes = "SELECT rows_added, rows_removed, rows_changed FROM meta.changes";
    assert_eq!(scene.lake.rows(changes).await, ["0 | 0 | 1"]);
    assert_eq!(scene.row_count().await, 950_400);
}

#[tokio::test]
async fn a_run_that_dies_after_it_recorded_a_day_leaves_no_archive_with_days_that_it_lost() {
    let mut scene = Scene::new();
    // The month has few hours of its 14th day.
    scene.publish(MONTH, |lines| {
        lines.drain(13 * 24 + 2..14 * 24);
    });
    scene.ingest(&[]).await;
    scene.publish_days([14]);
    let flags = ["--all", "--source", scene.server.url()];
    let marker = scene.lake.path().with_file_name("reached");
    let killed =
        kill_at(scene.lake.program("ingest", &flags), "after commit meta.archives", &marker);
    assert!(killed, "the day is recorded");

    scene.settle(&[]).await;

    let owner = "SELECT rows, owned_days FROM meta.archives WHERE archive LIKE '%-2024-02.zip'";
    let rows = HOURS_OF_MONTH - 24;
    assert_eq!(scene.lake.rows(owner).await, [format!("{rows} | 1-13,15-29")]);
    let verified = scene.lake.run("verify", &["--deep"]);
    assert_eq!(verified.code, Some(0), "{verified}");
}
