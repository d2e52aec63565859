//! Gold tables: what is built and when, what is left alone, and what a build is made from.

use std::collections::BTreeMap;
use std::fs;

use lakehouse::events::ModelOutcome;
use lakehouse_core::matrix::Matrix;
use lakehouse_samples::{KeyOptions, sample_keys};

use crate::support::gold_scene::{
    FUNDED, GoldScene, HOURS, NEIGHBOURS, ROLLING, built, hourly, models, of,
};
use crate::support::samples::csv_name;
use crate::support::zips::zip_of;

const BTC: &str = "BTCUSDT";

/// Days around the end of a month.
const DAYS: [&str; 4] = ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"];

#[tokio::test]
async fn a_second_build_does_nothing_and_a_new_day_is_built_with_the_days_that_look_at_it() {
    let scene = GoldScene::new();
    scene.publish_days(BTC, &DAYS[..3]);
    scene.ingest().await;
    let first = scene.gold().await;
    assert_eq!(of(&first, "gold.hours").reason, "first build");
    assert_eq!(of(&first, "gold.hours").rows, 3);
    let versions = scene.lake.versions();
    let second = scene.gold().await;
    assert!(second.models.iter().all(|model| model.outcome == ModelOutcome::UpToDate), "{second}");
    assert_eq!(scene.lake.versions(), versions, "nothing is committed");

    scene.publish_days(BTC, &DAYS[3..]);
    scene.ingest().await;
    let third = scene.gold().await;
    let expected = [
        "gold.funded: spot 2024-03-02",
        "gold.hours: spot 2024-03-02",
        "gold.neighbours: spot 2024-03-01 to 2024-03-03",
        "gold.rolling: spot 2024-03-02 to 2024-03-04",
        "gold.totals: ",
    ];
    assert_eq!(built(&third), expected, "{third}");
    assert_eq!(of(&third, "gold.rolling").reason, "gold.hours changed");
    assert_eq!(scene.lake.value("SELECT days FROM gold.totals").await, "4");
    scene.assert_equals_a_full_rebuild("a day at the end").await;
}

#[tokio::test]
async fn a_correction_restates_its_day_and_what_was_made_of_it_and_nothing_else() {
    let scene = GoldScene::new();
    scene.publish_days(BTC, &DAYS);
    scene.publish_days("ETHUSDT", &DAYS);
    scene.ingest().await;
    scene.gold().await;
    let files = scene.lake.data_files("gold/hours");

    scene.publish(&hourly("spot", BTC, DAYS[1]), 7, |lines| lines.truncate(5));
    scene.ingest().await;
    let report = scene.gold().await;
    assert_eq!(of(&report, "gold.hours").days.len(), 1);
    assert_eq!(of(&report, "gold.hours").partitions, 1, "{report}");
    let hours = "SELECT hours FROM gold.hours WHERE symbol = 'BTCUSDT' ORDER BY date";
    assert_eq!(scene.lake.rows(hours).await, ["24", "5", "24", "24"]);
    assert_eq!(scene.lake.data_files("gold/hours").len(), files.len() + 1, "one file is new");
    scene.assert_equals_a_full_rebuild("a correction").await;
}

#[tokio::test]
async fn a_day_that_loses_all_rows_leaves_gold() {
    let scene = GoldScene::new();
    let moved = |lines: &mut Vec<String>| lines.truncate(1);
    scene.publish(&hourly("spot", BTC, DAYS[0]), 7, moved);
    scene.publish_days(BTC, &DAYS[1..2]);
    scene.ingest().await;
    scene.gold().await;
    assert_eq!(scene.lake.rows("SELECT hours FROM gold.hours ORDER BY date").await, ["1", "24"]);

    // The archive turns out to be empty.
    let key = hourly("spot", BTC, DAYS[0]);
    scene.server.publish(&key, zip_of(&csv_name(&key), b""));
    scene.ingest().await;
    let report = scene.gold().await;
    let dates = "SELECT date FROM gold.hours ORDER BY date";
    assert_eq!(scene.lake.rows(dates).await, ["2024-02-29"], "{report}");
    scene.assert_equals_a_full_rebuild("a day without rows").await;
}

#[tokio::test]
async fn a_day_of_one_row_and_a_gap_across_midnight_and_month_are_what_they_are() {
    let scene = GoldScene::new();
    scene.publish(&hourly("spot", BTC, "2024-02-28"), 7, |lines| lines.truncate(1));
    // The last day of the month lacks its evening, the first its morning.
    scene.publish(&hourly("spot", BTC, "2024-02-29"), 7, |lines| lines.truncate(20));
    scene.publish(&hourly("spot", BTC, "2024-03-01"), 7, |lines| drop(lines.drain(..6)));
    scene.ingest().await;
    scene.gold().await;
    let hours = scene.lake.rows("SELECT date, hours FROM gold.hours ORDER BY date").await;
    assert_eq!(hours, ["2024-02-28 | 1", "2024-02-29 | 20", "2024-03-01 | 18"]);
    let joined = "SELECT n.date, n.close_before = b.close, n.open_after IS NULL FROM \
                  gold.neighbours n LEFT JOIN gold.hours b ON b.date = n.date - INTERVAL '1 day' \
                  ORDER BY n.date";
    let expected =
        ["2024-02-28 |  | false", "2024-02-29 | true | false", "2024-03-01 | true | true"];
    assert_eq!(scene.lake.rows(joined).await, expected);
}

#[tokio::test]
async fn without_any_input_there_is_no_table_and_a_missing_input_is_an_empty_one() {
    let scene = GoldScene::new();
    let report = scene.gold().await;
    assert!(report.models.iter().all(|model| model.outcome == ModelOutcome::NoInputs), "{report}");
    assert_eq!(scene.lake.versions(), BTreeMap::new());

    scene.publish(&hourly("futures_um", BTC, DAYS[0]), 7, |_| {});
    scene.ingest().await;
    scene.gold().await;
    let funded =
        "SELECT date, bars, payments FROM gold.funded WHERE date <= DATE '2024-02-28' AND bars > 0";
    assert_eq!(scene.lake.rows(funded).await, ["2024-02-28 | 24 | 0"]);

    scene.publish(
        "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2024-02.zip",
        7,
        |_| {},
    );
    scene.ingest().await;
    let report = scene.gold().await;
    assert_eq!(of(&report, "gold.funded").reason, "silver.funding_rate changed");
    assert_eq!(scene.lake.rows(funded).await, ["2024-02-28 | 24 | 3"]);
    scene.assert_equals_a_full_rebuild("an input that came later").await;
}

#[tokio::test]
async fn one_day_of_a_lake_of_two_years_is_one_day_of_gold() {
    let mut scene = GoldScene::new();
    scene.models = models(&[("hours", HOURS)]);
    let months =
        (2022..2024).flat_map(|year| (1..=12).map(move |month| format!("{year}-{month:02}")));
    // Two bars of each day are enough.
    let thin = |lines: &mut Vec<String>| {
        let mut at = 0;
        lines.retain(|_| {
            at += 1;
            at % 12 == 1
        });
    };
    months.for_each(|month| scene.publish(&hourly("spot", BTC, &month), 7, thin));
    scene.publish_days(BTC, &["2024-01-01"]);
    scene.ingest().await;
    let first = scene.gold().await;
    assert_eq!(
        (of(&first, "gold.hours").partitions, of(&first, "gold.hours").rows),
        (731, 731),
        "{first}"
    );

    scene.publish(&hourly("spot", BTC, "2024-01-01"), 8, |lines| lines.truncate(9));
    scene.ingest().await;
    let second = scene.gold().await;
    assert_eq!(built(&second), ["gold.hours: spot 2024-01-01"]);
    assert_eq!((of(&second, "gold.hours").partitions, of(&second, "gold.hours").rows), (1, 1));
}

#[tokio::test]
async fn a_model_that_changes_is_built_again_with_its_new_columns() {
    let mut scene = GoldScene::new();
    scene.models = models(&[("hours", HOURS), ("rolling", ROLLING)]);
    scene.publish_days(BTC, &DAYS);
    scene.ingest().await;
    scene.gold().await;
    let described = HOURS.replace("What was traded", "All that was traded");
    scene.models = models(&[("hours", &described), ("rolling", ROLLING)]);
    assert_eq!(built(&scene.gold().await), Vec::<String>::new(), "words change nothing");

    let wider = HOURS
        .replace("-- columns:\n", "-- columns:\n--   first   timestamp: first bar\n")
        .replace("date, symbol, count(*)", "date, min(open_time) AS first, symbol, count(*)");
    scene.models = models(&[("hours", &wider), ("rolling", ROLLING)]);
    let report = scene.gold().await;
    assert_eq!(
        (of(&report, "gold.hours").reason.as_str(), of(&report, "gold.hours").rows),
        ("the model changed", 4)
    );
    assert_eq!(of(&report, "gold.rolling").reason, "gold.hours changed");
    let first = "SELECT count(first), min(first) FROM gold.hours";
    assert_eq!(scene.lake.value(first).await, "4 | 2024-02-28T00:00:00Z");

    scene.publish(&hourly("spot", BTC, DAYS[3]), 8, |lines| drop(lines.drain(..3)));
    scene.ingest().await;
    assert_eq!(built(&scene.gold().await)[0], "gold.hours: spot 2024-03-02");
    scene.assert_equals_a_full_rebuild("a wider model").await;

    let whole = wider
        .replace("partitions: market, date", "partitions: none")
        .replace("--   first ", "--   market  text: market\n--   date    date: day\n--   first ");
    let whole = whole.replace("key: market, date, symbol", "key: symbol, market, date");
    scene.models = models(&[("hours", &whole)]);
    let report = scene.gold().await;
    assert_eq!(
        (of(&report, "gold.hours").partitions, of(&report, "gold.hours").rows),
        (1, 4),
        "{report}"
    );
    assert_eq!(
        scene.lake.value("SELECT count(*), count(DISTINCT date) FROM gold.hours").await,
        "4 | 4"
    );
    scene.assert_equals_a_full_rebuild("a model without partitions any more").await;
}

#[tokio::test]
async fn only_what_is_asked_for_is_built_with_what_it_reads() {
    let scene = GoldScene::new();
    scene.publish_days(BTC, &DAYS);
    scene.ingest().await;
    let report = scene.gold_with(|gold| gold.only = vec!["rolling".to_owned()]).await;
    let tables: Vec<_> = report.models.iter().map(|model| model.table.as_str()).collect();
    assert_eq!(tables, ["gold.hours", "gold.rolling"]);
    let report =
        scene.gold_with(|gold| (gold.only, gold.full) = (vec!["rolling".to_owned()], true)).await;
    assert_eq!(
        of(&report, "gold.hours").outcome,
        ModelOutcome::UpToDate,
        "only what is named is built in full"
    );
    assert_eq!(of(&report, "gold.rolling").reason, "full build requested");
}

#[tokio::test]
async fn a_commit_of_which_the_log_knows_no_more_means_that_anything_may_have_changed() {
    let mut scene = GoldScene::new();
    scene.models = models(&[("hours", HOURS)]);
    scene.publish_days(BTC, &DAYS[..2]);
    scene.ingest().await;
    scene.gold().await;
    for day in &DAYS[2..] {
        scene.publish_days(BTC, &[day]);
        scene.ingest().await;
    }
    let log = scene.lake.path().join("silver/klines/_delta_log");
    let table = deltalake::DeltaTableBuilder::from_url(
        url::Url::from_directory_path(log.parent().unwrap()).unwrap(),
    );
    let table = table.unwrap().load().await.unwrap();
    let made = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(deltalake::checkpoints::create_checkpoint(&table, None)).unwrap();
    });
    made.await.unwrap();
    fs::remove_file(log.join(format!("{:020}.json", 2))).unwrap();
    let report = scene.gold().await;
    assert_eq!(of(&report, "gold.hours").partitions, 4, "{report}");
    scene.assert_equals_a_full_rebuild("a log without a commit").await;
}

#[tokio::test]
async fn the_models_of_the_program_are_the_same_built_step_by_step_and_at_once() {
    let mut scene = GoldScene::new();
    let schemas = lakehouse_core::schema::Schemas::builtin().unwrap();
    scene.models = std::sync::Arc::new(lakehouse::gold::load_models(&schemas, None).unwrap());
    let options = KeyOptions {
        first_day: "2024-03-30".parse().unwrap(),
        days: 3,
        intervals: vec!["1m".parse().unwrap()],
    };
    let mut keys = sample_keys(&Matrix::builtin().unwrap(), &options);
    keys.retain(|key| key.symbol().as_str().starts_with("BTC"));
    let (last, first): (Vec<_>, Vec<_>) =
        keys.iter().partition(|key| key.period().start() == "2024-04-01".parse().unwrap());
    first.iter().for_each(|key| scene.publish(key.path(), 7, |_| {}));
    scene.ingest().await;
    scene.gold().await;
    last.iter().for_each(|key| scene.publish(key.path(), 7, |_| {}));
    scene.ingest().await;
    scene.gold().await;
    // Some of the archives are corrected: other values, and every seventh line is missing.
    for key in keys.iter().step_by(4) {
        let mut at = 0;
        scene.publish(key.path(), 8, |lines| {
            lines.retain(|_| {
                at += 1;
                at == 1 || at % 7 > 0
            });
        });
    }
    scene.ingest().await;
    scene.assert_equals_a_full_rebuild("models of the program").await;
}

#[tokio::test]
async fn two_builds_at_once_make_each_table_once() {
    let scene = GoldScene::new();
    scene.publish_days(BTC, &DAYS);
    scene.ingest().await;
    let reports = tokio::join!(scene.gold(), scene.gold(), scene.gold());
    let versions = scene.lake.versions();
    assert!(
        versions
            .iter()
            .filter(|(table, _)| table.starts_with("gold/"))
            .all(|(_, version)| *version == 1)
    );
    let built = [&reports.0, &reports.1, &reports.2].map(|report| built(report).len());
    assert_eq!(built.iter().sum::<usize>(), 5, "{reports:?}");
    let folders = ["hours", "neighbours", "rolling", "funded"];
    let files = |table: &&str| scene.lake.data_files(&format!("gold/{table}")).len();
    assert!(folders.iter().map(files).all(|files| files == 4), "nothing of the losers is left");
    scene.assert_equals_a_full_rebuild("builds at once").await;
}

#[tokio::test]
async fn models_of_a_user_lie_beside_those_of_the_program() {
    let scene = GoldScene::new();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("hours", HOURS), ("neighbours", NEIGHBOURS), ("daily_ohlcv", HOURS), ("funded", FUNDED)]
    {
        fs::write(folder.path().join(format!("{name}.sql")), text).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "no model").unwrap();
    scene.publish_days(BTC, &DAYS[..1]);
    scene.ingest().await;
    let schemas = lakehouse_core::schema::Schemas::builtin().unwrap();
    let models = lakehouse::gold::load_models(&schemas, Some(folder.path())).unwrap();
    let report = scene.lake.gold_with(|gold| gold.models = std::sync::Arc::new(models)).await;
    let taken: Vec<_> =
        report.models.iter().filter(|model| model.table == "gold.daily_ohlcv").collect();
    assert_eq!(taken.len(), 2, "{report}");
    assert!(taken.iter().any(|model| {
        model.reason.contains("is a model of the program; give the file another name")
    }));
    assert!(taken.iter().any(|model| model.outcome == ModelOutcome::Built), "{report}");
    assert_eq!(
        (of(&report, "gold.hours").rows, of(&report, "gold.neighbours").rows),
        (1, 1),
        "{report}"
    );
}

#[tokio::test]
async fn commits_that_change_no_row_are_read_by_few_runs() {
    let mut scene = GoldScene::new();
    scene.models = models(&[("hours", HOURS)]);
    scene.publish_days("BTCUSDT", &["2024-02-28"]);
    scene.ingest().await;
    scene.gold().await;
    let rows = scene.tables().await;
    let built = scene.lake.versions()["gold/hours"];
    let log = scene.lake.path().join("silver/klines/_delta_log");
    let first = scene.lake.versions()["silver/klines"] + 1;
    for version in first..first + 99 {
        std::fs::write(log.join(format!("{version:020}.json")), r#"{"commitInfo":{}}"#).unwrap();
    }
    scene.gold().await;
    assert_eq!(scene.lake.versions()["gold/hours"], built);
    std::fs::write(log.join(format!("{:020}.json", first + 99)), r#"{"commitInfo":{}}"#).unwrap();
    // The build that lets later runs begin here has no rows, and is none that is reported.
    let report = scene.gold().await;
    assert_eq!(of(&report, "gold.hours").outcome, ModelOutcome::UpToDate);
    assert_eq!(scene.lake.versions()["gold/hours"], built + 1);
    scene.gold().await;
    assert_eq!(scene.lake.versions()["gold/hours"], built + 1);
    assert_eq!(scene.tables().await, rows);
    scene.publish_days("BTCUSDT", &["2024-02-29"]);
    scene.ingest().await;
    scene.gold().await;
    scene.assert_equals_a_full_rebuild("after commits without rows").await;
}
