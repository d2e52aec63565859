//! Fill: what the archive lacks comes from the exchange's API, and leaves when it is published.

use std::process::Stdio;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::kill::{hold_at, kill_at};
use crate::support::api_server::{ApiServer, Manner, Refusal, bar};
use crate::support::archive_server::ArchiveServer;
use crate::support::command::Run;
use crate::support::samples::csv_name;
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

/// On the fourth day, of which the archive has the first two.
pub(crate) const NOW: &str = "2026-05-04T05:30:00Z";
pub(crate) const HOUR: i64 = 3_600_000;
pub(crate) const MINUTE: i64 = 60_000;

/// An archive, an API, and a lake that has two days of the archive's bars of one hour.
pub(crate) struct Scene {
    pub(crate) archive: ArchiveServer,
    pub(crate) api: ApiServer,
    pub(crate) lake: TestLake,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let scene = Self {
            archive: ArchiveServer::start(),
            api: ApiServer::start(NOW),
            lake: TestLake::new(),
        };
        scene.publish("2026-05-01", "1.5");
        scene.publish("2026-05-02", "1.5");
        assert_eq!(scene.ingest().code, Some(0));
        scene
    }

    pub(crate) fn publish(&self, day: &str, price: &str) {
        self.publish_bars("1h", HOUR, day, price, |_| true);
    }

    /// Publishes those bars of a day that are wanted, by their number.
    pub(crate) fn publish_bars(
        &self,
        interval: &str,
        length: i64,
        day: &str,
        price: &str,
        is_wanted: impl Fn(i64) -> bool,
    ) {
        let midnight = day.parse::<NaiveDate>().unwrap().and_hms_opt(0, 0, 0).unwrap();
        let midnight = midnight.and_utc().timestamp_millis();
        let bars = (0..24 * HOUR / length).filter(|number| is_wanted(*number));
        let line = |number: i64| bar(midnight + number * length, length, price).join(",");
        let csv: String = bars.map(|number| line(number) + "\n").collect();
        let name = format!("BTCUSDT-{interval}-{day}.zip");
        let key = format!("data/spot/daily/klines/BTCUSDT/{interval}/{name}");
        self.archive.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    }

    pub(crate) fn ingest(&self) -> Run {
        self.ingest_command().output().unwrap().into()
    }

    pub(crate) fn ingest_command(&self) -> std::process::Command {
        let source = self.archive.url();
        let selection = ["--symbol", "BTCUSDT", "--data-type", "klines", "--market", "spot"];
        let mut command = self.lake.program("ingest", &["--source", source, "--stage", "silver"]);
        command.args(selection).args(["--progress", "never"]);
        command.env("LAKEHOUSE_TEST_CLOCK", NOW);
        command
    }

    pub(crate) fn fill(&self, now: &str, flags: &[&str]) -> Run {
        self.fill_command(now, flags).output().unwrap().into()
    }

    pub(crate) fn fill_command(&self, now: &str, flags: &[&str]) -> std::process::Command {
        self.api.set_now(now);
        let mut command = self.lake.program("fill", &["--api", self.api.url(), "--retries", "1"]);
        command.args(flags).env("LAKEHOUSE_TEST_CLOCK", now);
        command
    }

    /// Returns the first and the last hour of `all.klines`, and how many rows and hours there are.
    pub(crate) async fn all(&self) -> String {
        let times = "min(open_time), max(open_time), count(*), count(DISTINCT open_time)";
        self.lake.value(&format!("SELECT {times} FROM all.klines")).await
    }

    pub(crate) async fn recent(&self) -> String {
        self.lake.value("SELECT count(*) FROM recent.klines").await
    }
}

pub(crate) fn millis(time: &str) -> i64 {
    time.parse::<DateTime<Utc>>().unwrap().timestamp_millis()
}

pub(crate) fn request(from: &str, until: &str, rows: u32) -> String {
    let from = millis(from);
    let until = millis(until) - 1;
    format!(
        "/api/v3/klines?symbol=BTCUSDT&interval=1h&startTime={from}&endTime={until}&limit={rows}"
    )
}

/// All hours up to the last one that is over at [`NOW`], each once.
pub(crate) const COMPLETE: &str = "2026-05-01T00:00:00Z | 2026-05-04T04:00:00Z | 77 | 77";

#[tokio::test]
async fn exactly_the_missing_hours_are_requested_and_only_once() {
    let scene = Scene::new();
    let done = scene.fill(NOW, &["--format", "json"]);
    assert_eq!(done.code, Some(0), "{done}");
    let expected = request("2026-05-03T00:00:00Z", "2026-05-04T05:00:00Z", 29);
    assert_eq!(scene.api.take_seen(), [expected]);
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!((&document["rows"], &document["partial"]), (&29.into(), &0.into()), "{done}");
    assert_eq!(scene.all().await, COMPLETE);

    let again = scene.fill(NOW, &[]);
    assert!(again.code == Some(0) && again.stderr.contains("nothing is missing"), "{again}");
    assert_eq!(scene.api.take_seen(), [""; 0]);

    let later = scene.fill("2026-05-04T06:00:00Z", &[]);
    assert_eq!(later.code, Some(0), "{later}");
    let expected = request("2026-05-04T05:00:00Z", "2026-05-04T06:00:00Z", 1);
    assert_eq!(scene.api.take_seen(), [expected]);
    assert_eq!(scene.recent().await, "30");
    let status = scene.lake.run("status", &[]);
    let line = "provisional: recent.klines, 30 rows, 2026-05-03..2026-05-04";
    assert!(status.stdout.contains(line), "{status}");
}

#[tokio::test]
async fn rows_have_the_values_and_types_of_silver_and_name_the_answer() {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    let types = |layer: &str| {
        format!(
            "SELECT column_name, data_type FROM information_schema.columns
             WHERE table_schema = '{layer}' AND table_name = 'klines' ORDER BY ordinal_position"
        )
    };
    let silver = scene.lake.rows(&types("silver")).await;
    assert_eq!(scene.lake.rows(&types("recent")).await, silver);
    assert_eq!(scene.lake.rows(&types("all")).await, silver);
    scene.publish("2026-05-03", "1.5");
    assert_eq!(scene.ingest().code, Some(0));
    let findings = "SELECT table_name FROM information_schema.tables WHERE table_name = 'findings'";
    assert_eq!(scene.lake.rows(findings).await, [""; 0], "no value differs");
    let source = scene.lake.value("SELECT DISTINCT archive FROM recent.klines").await;
    let path = source.strip_prefix("api:").unwrap();
    let file = std::fs::read(scene.lake.path().join("bronze/api").join(path)).unwrap();
    let whole = zstd::decode_all(file.as_slice()).unwrap();
    let end = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let note: Value = serde_json::from_slice(&whole[..end]).unwrap();
    assert_eq!(note["sha256"], hex::encode(Sha256::digest(&whole[end + 1..])));
    assert_eq!(note["received_at"].as_str().unwrap()[..16], NOW[..16]);
    assert!(note["request"].as_str().unwrap().contains("/api/v3/klines?symbol=BTCUSDT"));
}

#[tokio::test]
async fn a_plan_writes_and_requests_nothing() {
    let scene = Scene::new();
    let text = scene.fill(NOW, &["--dry-run"]);
    let line = "spot/klines/BTCUSDT/1h  2026-05-03 00:00:00  2026-05-04 05:00:00         1";
    assert!(text.stdout.contains(line), "{text}");
    let json = scene.fill(NOW, &["--dry-run", "--format", "json"]);
    let plan: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(plan["requests"][0]["until"], "2026-05-04T05:00:00Z");
    assert_eq!((&plan["weight"], &plan["requests"][0]["rows"]), (&2.into(), &29.into()));
    assert_eq!(scene.api.take_seen(), [""; 0]);
    assert!(!scene.lake.path().join("recent").exists());
    assert!(!scene.lake.path().join("bronze/api").exists());
}

#[tokio::test]
async fn a_day_that_is_published_takes_the_place_of_its_provisional_rows() {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    scene.publish("2026-05-03", "2.5");
    let done = scene.ingest();
    assert_eq!(done.code, Some(0), "{done}");
    assert!(done.stderr.contains("24 of them with other values"), "{done}");
    assert_eq!(scene.all().await, COMPLETE);
    assert_eq!(scene.recent().await, "5");
    let published = "SELECT count(*) FROM all.klines WHERE date = DATE '2026-05-03' AND open = 2.5";
    assert_eq!(scene.lake.value(published).await, "24");
    let finding = "SELECT kind, severity, cases, date, symbol, bar_interval, found, data_type
                   FROM meta.findings WHERE closed_at IS NULL";
    let expected = "provisional_differs | info | 24 | 2026-05-03 | BTCUSDT | 1h \
                    | others in open, high, low, close | klines";
    assert_eq!(scene.lake.rows(finding).await, [expected]);
    let audit = scene.lake.run("audit", &[]);
    assert_ne!(audit.code, Some(2), "{audit}");
    let kept = "SELECT count(*) FROM meta.findings
                WHERE check_name = 'provisional_values' AND closed_at IS NULL";
    assert_eq!(scene.lake.value(kept).await, "1", "an audit leaves it open");
}

#[tokio::test]
async fn an_hour_that_the_published_day_lacks_stays_provisional() {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    scene.publish_bars("1h", HOUR, "2026-05-03", "1.5", |hour| hour != 7);
    assert_eq!(scene.ingest().code, Some(0));
    assert_eq!(scene.recent().await, "6");
    assert_eq!(scene.all().await, COMPLETE);
}

#[tokio::test]
async fn all_has_every_hour_once_at_every_step_of_a_replacement() {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    scene.publish("2026-05-03", "2.5");
    let folder = tempfile::tempdir().unwrap();
    let steps = [
        "before commit silver.klines",
        "after commit silver.klines",
        "before commit meta.findings",
        "after commit meta.findings",
        "before commit recent.klines",
        "after commit recent.klines",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let marker = folder.path().join(format!("reached-{number}"));
        let mut command = scene.ingest_command();
        command.stdout(Stdio::null()).stderr(Stdio::null());
        // What an earlier kill has left is done by this run, which may begin after some steps.
        let _ = kill_at(command, step, &marker);
        assert_eq!(scene.all().await, COMPLETE, "killed at `{step}`");
    }
    assert_eq!(scene.ingest().code, Some(0));
    assert_eq!(scene.recent().await, "5");
    assert_eq!(scene.all().await, COMPLETE);
    let findings = "SELECT count(*) FROM meta.findings";
    assert_eq!(scene.lake.value(findings).await, "1", "what differs is recorded once");
}

#[tokio::test]
async fn a_fill_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [
        "answer kept recent.answers",
        "files written recent.klines",
        "before commit recent.klines",
        "after commit recent.klines",
    ];
    for (number, step) in steps.into_iter().enumerate() {
        let scene = Scene::new();
        let marker = folder.path().join(format!("reached-{number}"));
        let mut command = scene.fill_command(NOW, &[]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        assert!(kill_at(command, step, &marker), "never came to `{step}`");
        scene.api.take_seen();
        let done = scene.fill(NOW, &[]);
        assert_eq!(done.code, Some(0), "killed at `{step}`: {done}");
        assert_eq!(scene.all().await, COMPLETE, "killed at `{step}`");
        assert_eq!(scene.recent().await, "29", "killed at `{step}`");
        assert_eq!(scene.api.take_seen(), [""; 0], "the answer was kept before `{step}`");
    }
}

#[tokio::test]
async fn of_two_fills_at_once_the_second_adds_nothing_twice() {
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("reached");
    let mut command = scene.fill_command(NOW, &[]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut held = hold_at(command, "before commit recent.klines", &marker).unwrap();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    std::fs::remove_file(&marker).unwrap();
    assert!(held.wait().unwrap().success());
    assert_eq!(scene.recent().await, "29");
    assert_eq!(scene.all().await, COMPLETE);
}

#[tokio::test]
async fn rows_in_disorder_are_sorted_and_a_bar_that_is_not_over_is_never_stored() {
    let scene = Scene::new();
    scene.api.set_manner(Manner::Disordered);
    scene.api.lose(&["2026-05-03T10:00:00Z"]);
    let done = scene.fill(NOW, &["--format", "json"]);
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(scene.recent().await, "28");
    let disorder =
        "SELECT count(*) FROM (SELECT open_time, lag(open_time) OVER (ORDER BY open_time)
                    AS before FROM recent.klines) WHERE before = open_time";
    assert_eq!(scene.lake.value(disorder).await, "0");
    scene.api.take_seen();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    let expected = request("2026-05-03T10:00:00Z", "2026-05-03T11:00:00Z", 1);
    assert_eq!(scene.api.take_seen(), [expected], "what the exchange lacks may come later");
}

#[tokio::test]
async fn bars_of_another_time_zone_are_refused_and_reported() {
    let scene = Scene::new();
    scene.api.set_manner(Manner::Shifted);
    let done = scene.fill(NOW, &[]);
    assert_eq!(done.code, Some(1), "{done}");
    assert!(done.stderr.contains("29 bars of the API do not begin where bars"), "{done}");
    assert!(!scene.lake.path().join("recent/klines").exists());
}

#[tokio::test]
async fn a_refusal_that_names_a_time_is_waited_for_and_tried_again() {
    let scene = Scene::new();
    scene.api.refuse([Refusal { status: 429, retry_after: Some(0), body: "" }]);
    let done = scene.fill(NOW, &[]);
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(scene.api.take_seen().len(), 2);
    assert_eq!(scene.all().await, COMPLETE);
}

#[tokio::test]
async fn a_ban_ends_the_run_in_words_and_the_next_run_goes_on() {
    let refusals = [
        (418, None, "banned this address"),
        (418, Some(7200), "banned this address"),
        (429, Some(7200), "429"),
        (451, None, "use another host with --api"),
        (403, None, "may refuse this client or region"),
    ];
    let scene = Scene::new();
    for (status, retry_after, words) in refusals {
        scene.api.refuse([Refusal { status, retry_after, body: "" }]);
        let refused = scene.fill(NOW, &[]);
        assert!(refused.code == Some(2) && refused.stderr.contains(words), "{refused}");
        assert_eq!(scene.api.take_seen().len(), 1, "{status} is not tried again");
    }
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    assert_eq!(scene.all().await, COMPLETE);
}

#[tokio::test]
async fn a_symbol_that_the_exchange_does_not_know_is_reported() {
    let scene = Scene::new();
    let body = r#"{"code":-1121,"msg":"Invalid symbol."}"#;
    scene.api.refuse([Refusal { status: 400, retry_after: None, body }]);
    let done = scene.fill(NOW, &["--format", "json"]);
    assert_eq!(done.code, Some(1), "{done}");
    let document: Value = serde_json::from_str(&done.stdout).unwrap();
    let reason = document["failures"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("-1121: Invalid symbol."), "{done}");
}

#[tokio::test]
async fn minutes_that_the_archive_lost_are_requested_and_the_day_stays_the_archives() {
    let scene = Scene::new();
    for day in ["2026-05-01", "2026-05-02"] {
        let is_lost = |minute: i64| day == "2026-05-02" && (600..660).contains(&minute);
        scene.publish_bars("1m", MINUTE, day, "1.5", |minute| !is_lost(minute));
    }
    assert_eq!(scene.ingest().code, Some(0));
    scene.lake.run("audit", &[]);
    let class = "SELECT class, missing FROM meta.gaps WHERE bar_interval = '1m'";
    assert_eq!(scene.lake.rows(class).await, ["archive_cut_short | 60"]);
    let done = scene.fill("2026-05-03T00:00:30Z", &["--interval", "1m"]);
    assert_eq!(done.code, Some(0), "{done}");
    let from = millis("2026-05-02T10:00:00Z");
    let until = millis("2026-05-02T11:00:00Z") - 1;
    let expected = format!(
        "/api/v3/klines?symbol=BTCUSDT&interval=1m&startTime={from}&endTime={until}&limit=60"
    );
    assert_eq!(scene.api.take_seen(), [expected]);
    let minutes = "SELECT count(*), count(DISTINCT open_time) FROM all.klines
                   WHERE bar_interval = '1m'";
    assert_eq!(scene.lake.rows(minutes).await, ["2880 | 2880"]);
    // The day is the archive's, and what it lacks stays provisional.
    assert_eq!(scene.ingest().code, Some(0));
    assert_eq!(scene.recent().await, "60");
    assert_eq!(scene.fill("2026-05-03T00:00:30Z", &["--interval", "1m"]).code, Some(0));
    assert_eq!(scene.api.take_seen(), [""; 0]);
}

#[tokio::test]
async fn funding_is_filled_and_matched_with_the_archive_by_the_minute() {
    let scene = Scene::new();
    let publish = |month: &str, payments: i64| {
        let first = millis(&format!("{month}-01T00:00:00Z"));
        let line = |number: i64| format!("{},8,0.00010000\n", first + number * 8 * HOUR);
        let csv: String = (0..payments).map(line).collect();
        let name = format!("BTCUSDT-fundingRate-{month}.zip");
        let key = format!("data/futures/um/monthly/fundingRate/BTCUSDT/{name}");
        scene.archive.publish(&key, zip_of(&csv_name(&key), csv.as_bytes()));
    };
    let ingest = || {
        let flags = ["--source", scene.archive.url(), "--stage", "silver", "--symbol", "BTCUSDT"];
        let mut command = scene.lake.program("ingest", &flags);
        command.args(["--data-type", "fundingRate", "--progress", "never"]);
        let done: Run =
            command.env("LAKEHOUSE_TEST_CLOCK", "2026-06-04T00:00:00Z").output().unwrap().into();
        assert_eq!(done.code, Some(0), "{done}");
    };
    publish("2026-04", 90);
    ingest();
    let done = scene.fill(NOW, &["--data-type", "fundingRate"]);
    assert_eq!(done.code, Some(0), "{done}");
    let all = "SELECT count(*), count(DISTINCT date_trunc('minute', calc_time)),
               max(last_funding_rate) FROM all.funding_rate";
    assert_eq!(scene.lake.rows(all).await, ["100 | 100 | 0.00010000"]);
    scene.api.take_seen();
    assert_eq!(scene.fill(NOW, &["--data-type", "fundingRate"]).code, Some(0));
    let from = millis("2026-05-04T00:00:00Z") + 3;
    let again = scene.api.take_seen();
    assert!(again.len() == 1 && again[0].contains(&format!("startTime={from}")), "{again:?}");
    publish("2026-05", 93);
    ingest();
    assert_eq!(scene.lake.rows(all).await, ["183 | 183 | 0.00010000"]);
    assert_eq!(scene.lake.value("SELECT count(*) FROM recent.funding_rate").await, "0");
}

#[tokio::test]
async fn a_refresh_fills_at_its_end_if_it_is_told_to() {
    let scene = Scene::new();
    scene.publish("2026-05-03", "1.5");
    let flags = ["--source", scene.archive.url(), "--api", scene.api.url(), "--fill"];
    let mut command = scene.lake.program("refresh", &flags);
    let command = command.args(["--progress", "never"]).env("LAKEHOUSE_TEST_CLOCK", NOW);
    let done: Run = command.output().unwrap().into();
    assert_eq!(done.code, Some(0), "{done}");
    assert_eq!(scene.recent().await, "5");
    assert_eq!(scene.all().await, COMPLETE);
}

#[test]
fn a_lake_that_holds_nothing_has_nothing_to_fill_and_is_not_made() {
    let lake = TestLake::new();
    let api = ApiServer::start(NOW);
    let done = lake.run("fill", &["--api", api.url()]);
    assert!(done.code == Some(0) && done.stderr.contains("nothing is missing"), "{done}");
    assert!(!lake.path().exists());
}

#[tokio::test]
async fn a_series_that_is_removed_loses_its_provisional_rows() {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    assert_eq!(scene.lake.run("remove", &["--symbol", "DOGEBTC"]).code, Some(0));
    assert_eq!(scene.recent().await, "29");
    let removed = scene.lake.run("remove", &["--symbol", "BTCUSDT"]);
    assert_eq!(removed.code, Some(0), "{removed}");
    assert_eq!(scene.lake.value("SELECT count(*) FROM all.klines").await, "0");
}

#[tokio::test]
async fn without_provisional_rows_all_is_silver() {
    let scene = Scene::new();
    assert_eq!(scene.lake.value("SELECT count(*) FROM all.klines").await, "48");
    let error = scene.lake.run("query", &["SELECT * FROM all.nothing"]);
    assert!(error.code == Some(2) && error.stderr.contains("all.nothing"), "{error}");
    let error = scene.lake.run("query", &["SELECT nothing FROM all.klines"]);
    assert!(error.code == Some(2) && error.stderr.contains("nothing"), "{error}");
}

#[tokio::test]
async fn a_filter_on_all_reads_no_file_of_other_days() {
    let scene = Scene::new();
    assert_eq!(scene.fill(NOW, &[]).code, Some(0));
    let sql =
        "SELECT count(*) FROM all.klines WHERE date >= DATE '2026-05-02' AND symbol = 'BTCUSDT'";
    assert_eq!(scene.lake.value(sql).await, "53");
    let version = scene.lake.run("verify", &["--deep"]);
    assert_eq!(version.code, Some(0), "{version}");
    let maintained = scene.lake.run("maintain", &["--retention", "0"]);
    assert_eq!(maintained.code, Some(0), "{maintained}");
    assert_eq!(scene.all().await, COMPLETE);
    assert!(scene.lake.path().join("bronze/api").exists());
}
