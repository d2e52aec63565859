//! The summary of a run, counted from its events, and plans in words.

use std::sync::Arc;
use std::time::Duration;

use insta::assert_snapshot;
use lakehouse::cli::ProgressWhen;
use lakehouse::commands::plan::describe;
use lakehouse::events::summary::{Counting, Summary};
use lakehouse::events::{Event, ModelOutcome, ModelReport, Reporter};
use lakehouse::storage::lake::{Layer, TableName};
use lakehouse::terminal::logs::Verbosity;
use lakehouse::terminal::{Console, TerminalReporter};
use lakehouse_core::ledger::Ledger;
use lakehouse_core::listing::{Listed, inventory};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::market::Market;
use lakehouse_core::names::period::{DateRange, Period};
use lakehouse_core::names::shard::Shard;
use lakehouse_core::plan::{Plan, PlanOptions, plan};
use lakehouse_core::selection::{FrequencyPolicy, IntervalFilter, Selection, SymbolFilter};

use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;

fn archive(name: &str) -> Arc<str> {
    Arc::from(name)
}

fn committed(layer: Layer, archives: u64, rows: u64) -> Event {
    Event::Committed { table: TableName::new(layer, "klines"), version: 1, archives, rows }
}

fn failed(name: &str, status: &'static str) -> Event {
    Event::Failed { archive: archive(name), status, reason: "because".to_owned() }
}

fn events() -> Vec<Event> {
    vec![
        Event::Planned { archives: 5, bytes: 4096 },
        Event::Skipped { archives: 7 },
        Event::DownloadStarted { archive: archive("a"), bytes: Some(2048) },
        Event::Downloaded { archive: archive("a"), bytes: 2048 },
        Event::Retried { archive: archive("b"), reason: "reset".to_owned() },
        Event::DownloadFinished { archive: archive("a"), stored: true },
        Event::DownloadFinished { archive: archive("b"), stored: false },
        failed("b", "not_published"),
        failed("c", "quarantined"),
        Event::Decoded { archive: archive("a"), rows: 24, rejected: 1, bytes: 9000 },
        committed(Layer::Silver, 3, 72),
        committed(Layer::Meta, 3, 3),
        Event::Corrected { archives: 1 },
    ]
}

/// Counts events on their way to a terminal that shows nothing of them.
fn summary_of(events: Vec<Event>) -> Summary {
    let terminal = TerminalReporter::new(Console::default(), ProgressWhen::Never, Verbosity::Quiet);
    let counting = Counting::new(Arc::new(terminal));
    events.into_iter().for_each(|event| counting.report(event));
    counting.summary()
}

#[test]
fn a_summary_counts_archives_by_outcome() {
    let summary = summary_of(events()).after(Duration::from_millis(1500));
    assert_snapshot!(summary, @r"
    archives: 2 new, 7 skipped, 1 corrected, 1 not published, 1 failed
    72 rows, 1 rejected, 2.0 KiB in 1.5 s, 1 retry
    ");
    assert!(summary.is_incomplete());
}

#[test]
fn a_summary_as_json_has_the_same_figures_and_the_failures() {
    let summary = summary_of(events()).after(Duration::from_millis(1500));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(
        (&json["archives"]["new"], &json["archives"]["not_published"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        (&json["rows"], &json["bytes"], &json["seconds"]),
        (&72.into(), &2048.into(), &1.5.into())
    );
    assert_eq!(
        (&json["failures"][0]["archive"], &json["failures"][0]["status"]),
        (&"c".into(), &"quarantined".into())
    );
}

#[test]
fn gold_tables_are_counted_and_one_that_fails_leaves_a_run_incomplete() {
    let model = |outcome, partitions, rows| {
        Event::Model(ModelReport {
            table: "gold.a".to_owned(),
            outcome,
            reason: "because".to_owned(),
            partitions,
            days: Vec::new(),
            rows,
            version: None,
        })
    };
    let built = [
        model(ModelOutcome::Built, 2, 30),
        model(ModelOutcome::Built, 1, 4),
        model(ModelOutcome::UpToDate, 0, 0),
    ];
    assert!(!summary_of(built.to_vec()).is_incomplete());
    let summary = summary_of([&built[..], &[model(ModelOutcome::Failed, 0, 0)]].concat());
    assert_eq!(
        summary.to_string().lines().last(),
        Some("gold: 2 built, 1 failed; 3 partitions, 34 rows")
    );
    assert!(summary.is_incomplete());
}

#[test]
fn what_is_not_published_or_held_already_leaves_a_run_complete() {
    let summary = summary_of(vec![Event::Skipped { archives: 3 }, failed("a", "not_published")]);
    assert!(!summary.is_incomplete());
}

#[test]
fn many_failures_are_counted_and_the_first_are_named() {
    let failures = (0..1000).map(|at| failed(&format!("archive {at}"), "failed")).collect();
    let summary = summary_of(failures);
    assert_eq!((summary.archives.failed, summary.failures.len()), (1000, 10));
}

#[test]
fn an_empty_plan_says_that_nothing_matches() {
    assert_eq!(describe(&Plan::default()), "nothing is published that the selection matches\n");
}

#[test]
fn a_plan_is_counted_by_reason_and_names_what_is_missing_or_unknown() {
    let keys = ["2026-05-01", "2026-05-03", "2026-05-04"]
        .map(|day| format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-{day}.zip"));
    let strange = "data/spot/daily/klines/BTCUSDT/1h/part-00000.zip".to_owned();
    let listed = keys.into_iter().chain([strange]).map(listed);
    assert_snapshot!(describe(&planned(listed)), @r"
    market  data type  action  archives  size     reason
    spot    klines     fetch   2         4.0 KiB  new
    spot    klines     skip    1         2.0 KiB  outside the dates

    2 archives to fetch, 4.0 KiB; 1 skipped
    expected and not published: 1 archive
      spot/klines/BTCUSDT/1h daily: 2026-05-02
    published, and no archive of a known kind: 1 key
      data/spot/daily/klines/BTCUSDT/1h/part-00000.zip
    ");
}

#[test]
fn a_plan_with_a_list_names_every_archive_with_its_reason() {
    let days = ["2026-05-01", "2026-05-02", "2026-05-03"];
    let key = |day| format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-{day}.zip");
    let folder = sample_folder(&days.map(|day| identify(&key(day))));
    let lake = TestLake::new();
    let source = ["--source", folder.path().to_str().unwrap(), "--all"];
    assert_eq!(lake.run("ingest", &[&source[..], &["--end", "2026-05-02"]].concat()).code, Some(0));

    let text = lake.run("plan", &[&source[..], &["--list"]].concat());
    let listed: Vec<&str> = text.stdout.lines().filter(|line| line.contains("zip:")).collect();
    let expected = [
        format!("fetch  {}: new", key(days[2])),
        format!("skip   {}: already ingested", key(days[0])),
        format!("skip   {}: already ingested", key(days[1])),
    ];
    assert_eq!(listed, expected, "{text}");

    let json = lake.run("plan", &[&source[..], &["--list", "--format", "json"]].concat());
    let plan: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let keys = |field: &str| -> Vec<String> {
        let archives = plan[field].as_array().unwrap().iter();
        archives.map(|archive| archive["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (keys("fetch"), keys("skip")),
        (vec![key(days[2])], vec![key(days[0]), key(days[1])])
    );
    assert_eq!(plan["skip"][0]["reason"], "already ingested");
}

fn listed(key: String) -> Listed {
    Listed { key, size: 2048, etag: None, last_modified: None }
}

fn planned(listed: impl IntoIterator<Item = Listed>) -> Plan {
    let matrix = Matrix::builtin().unwrap();
    let date = |text: &str| text.parse::<Period>().unwrap().start();
    let selection = Selection {
        markets: vec![Market::Spot],
        data_types: vec![matrix.data_type("klines").unwrap()],
        symbols: SymbolFilter::parse(&["BTCUSDT"]).unwrap(),
        intervals: IntervalFilter::Everywhere(vec!["1h".to_owned()]),
        dates: DateRange { start: Some(date("2026-05-01")), end: Some(date("2026-05-03")) },
        frequency: FrequencyPolicy::Daily,
    };
    let targets = selection.targets(&matrix).unwrap();
    let options = PlanOptions {
        force: false,
        today: date("2026-05-08"),
        restore: false,
        shard: Shard::default(),
    };
    plan(&targets, inventory(listed, &matrix), &Ledger::default(), options)
}
