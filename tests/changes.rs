//! What corrections change: exactly the rows of their archive, and how many of them is reported.

use std::collections::{BTreeMap, BTreeSet};

use lakehouse_samples::{SampleOptions, sample_csv};
use serde_json::Value;

use crate::support::archive_server::ArchiveServer;
use crate::support::samples::{csv_name, identify, trades, trades_csv, trades_key};
use crate::support::test_lake::TestLake;
use crate::support::zips::zip_of;

const DAY: &str = "2024-01-02";
const ALL_TRADES: [&str; 3] = ["--all", "--data-type", "trades"];
const COUNTS: &str = "SELECT archive, rows_added, rows_removed, rows_changed FROM meta.changes \
                      ORDER BY silver_version";

/// Returns trades 0 to 9 as they are corrected: without the third, the fifth at another price, and
/// two more.
fn corrected(key: &str) -> Vec<u8> {
    let csv = trades_csv(DAY, 0..12);
    let lines = csv.lines().enumerate().filter(|(id, _)| *id != 3);
    let lines =
        lines.map(
            |(id, line)| {
                if id == 5 { line.replacen(",1.5,", ",1.25,", 1) } else { line.to_owned() }
            },
        );
    zip_of(&csv_name(key), (lines.collect::<Vec<_>>().join("\n") + "\n").as_bytes())
}

/// Returns what the commits of a table do to its files: `add` or `remove` and the path, version by
/// version.
fn file_actions(lake: &TestLake, table: &str) -> BTreeMap<u64, BTreeSet<(&'static str, String)>> {
    let log = std::fs::read_dir(lake.path().join(table).join("_delta_log")).unwrap();
    let mut versions = BTreeMap::new();
    for commit in log
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|of| of == "json"))
    {
        let version = commit.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let text = std::fs::read_to_string(commit).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let action = |line: Value| {
            let path = |kind: &str| line[kind]["path"].as_str().map(str::to_owned);
            path("add")
                .map(|path| ("add", path))
                .or_else(|| path("remove").map(|path| ("remove", path)))
        };
        versions.insert(version, lines.filter_map(action).collect());
    }
    versions
}

#[tokio::test]
async fn a_correction_of_one_of_a_hundred_archives_of_a_partition_changes_its_rows_alone() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let keys: Vec<String> =
        (0..100).map(|number| trades_key(&format!("S{number:02}USDT"), DAY)).collect();
    keys.iter().for_each(|key| server.publish(key, trades(key, DAY, 0..10)));
    lake.ingest(server.url(), &[&ALL_TRADES[..], &["--batch-size", "25"]].concat()).await;
    let changed = &keys[37];
    let others = [
        format!("SELECT * FROM silver.trades WHERE archive <> '{changed}' ORDER BY archive, id"),
        format!("SELECT * FROM meta.archives WHERE archive <> '{changed}' ORDER BY archive"),
        "SELECT * FROM meta.runs ORDER BY started_at LIMIT 1".to_owned(),
    ];
    let before =
        [lake.rows(&others[0]).await, lake.rows(&others[1]).await, lake.rows(&others[2]).await];
    assert_eq!((before[0].len(), before[1].len()), (990, 99));
    let (versions, files) = (lake.versions(), lake.data_files("silver/trades"));
    assert_eq!(files.len(), 4, "one for each batch, in one partition");

    server.publish(changed, corrected(changed));
    let done = lake.ingest(server.url(), &ALL_TRADES).await;

    assert_eq!(
        (done.summary.archives.corrected, done.summary.archives.skipped),
        (1, 99),
        "{}",
        done.summary
    );
    let after =
        [lake.rows(&others[0]).await, lake.rows(&others[1]).await, lake.rows(&others[2]).await];
    assert_eq!(after, before, "everything else is as it was");
    let grown: BTreeMap<_, _> = lake
        .versions()
        .into_iter()
        .map(|(table, version)| (table.clone(), version - versions[&table]))
        .collect();
    let expected = [
        ("meta/archives", 1),
        ("meta/changes", 1),
        ("meta/rejects", 0),
        ("meta/runs", 1),
        ("meta/series", 0),
        ("silver/trades", 1),
    ];
    assert_eq!(grown, expected.map(|(table, versions)| (table.to_owned(), versions)).into());
    let version = lake.versions()["silver/trades"];
    let actions = &file_actions(&lake, "silver/trades")[&version];
    let removed: Vec<_> = actions.iter().filter(|(kind, _)| *kind == "remove").collect();
    assert_eq!(
        (removed.len(), actions.len()),
        (1, 3),
        "one file gives way to what is left of it, and to the new rows"
    );

    let prices =
        format!("SELECT id, price FROM silver.trades WHERE archive = '{changed}' ORDER BY id");
    let rows = lake.rows(&prices).await;
    assert_eq!(rows.len(), 11);
    assert!(
        rows.contains(&"5 | 1.25000000".to_owned())
            && !rows.iter().any(|row| row.starts_with("3 |")),
        "{rows:?}"
    );
    assert_eq!(lake.rows(COUNTS).await, [format!("{changed} | 2 | 1 | 1")]);
    let reported = "SELECT c.silver_table, c.silver_version, c.old_sha256 = o.sha256, \
                c.new_sha256 = n.sha256, c.run = n.run, c.market, c.data_type, c.symbol \
                FROM meta.changes c \
                JOIN meta.archives o ON o.archive = c.archive AND o.status = 'superseded' \
                JOIN meta.archives n ON n.archive = c.archive AND n.status = 'ingested'";
    let expected =
        format!("silver.trades | {version} | true | true | true | spot | trades | S37USDT");
    assert_eq!(lake.value(reported).await, expected);
}

#[tokio::test]
async fn corrections_of_several_archives_in_one_commit_are_counted_apart() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let keys = ["ADAUSDT", "BTCUSDT", "ETHUSDT"].map(|symbol| trades_key(symbol, DAY));
    keys.iter().for_each(|key| server.publish(key, trades(key, DAY, 0..10)));
    lake.ingest(server.url(), &ALL_TRADES).await;
    server.publish(&keys[0], corrected(&keys[0]));
    server.publish(&keys[1], trades(&keys[1], DAY, 4..7));
    lake.ingest(server.url(), &ALL_TRADES).await;
    let mut counts = lake.rows(COUNTS).await;
    counts.sort();
    // The trades of the second one have the ids of others, and so their places in the file.
    assert_eq!(counts, [format!("{} | 2 | 1 | 1", keys[0]), format!("{} | 0 | 7 | 3", keys[1])]);
}

#[tokio::test]
async fn of_an_archive_that_owns_some_days_only_what_is_in_the_table_is_counted() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let publish = |key: &str, changed_lines: &[usize]| {
        let options = SampleOptions { trades_per_day: 100, ..SampleOptions::small(7) };
        let csv = String::from_utf8(sample_csv(&identify(key), &options).unwrap()).unwrap();
        let line = |(number, line): (usize, &str)| {
            let mut fields: Vec<_> = line.split(',').collect();
            if changed_lines.contains(&number) {
                fields[5] = "1.25";
            }
            fields.join(",") + "\n"
        };
        let csv: String = csv.lines().enumerate().map(line).collect();
        server.publish(key, zip_of(&csv_name(key), csv.as_bytes()));
    };
    (1..=9).for_each(|day| {
        publish(&format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-{day:02}.zip"), &[]);
    });
    lake.ingest(server.url(), &["--all"]).await;
    let month = "data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip";
    publish(month, &[]);
    lake.ingest(server.url(), &["--all"]).await;
    assert_eq!(
        lake.rows(COUNTS).await,
        Vec::<String>::new(),
        "another copy of a day corrects nothing"
    );

    // One bar of a day that a daily archive owns, and two of days of its own.
    publish(month, &[3 * 24, 20 * 24, 21 * 24 + 5]);
    lake.ingest(server.url(), &["--all"]).await;
    assert_eq!(lake.rows(COUNTS).await, [format!("{month} | 0 | 0 | 2")]);
}

#[tokio::test]
async fn the_same_bytes_again_are_no_correction_and_a_return_to_an_earlier_version_is_one() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let key = trades_key("BTCUSDT", DAY);
    server.publish(&key, trades(&key, DAY, 0..10));
    lake.ingest(server.url(), &ALL_TRADES).await;
    server.set_etag(&key, "\"another\"");
    lake.ingest(server.url(), &ALL_TRADES).await;
    lake.ingest(server.url(), &[&ALL_TRADES[..], &["--force-redownload"]].concat()).await;
    assert_eq!(lake.rows(COUNTS).await, Vec::<String>::new());
    for bytes in [corrected(&key), trades(&key, DAY, 0..10)] {
        server.publish(&key, bytes);
        lake.ingest(server.url(), &ALL_TRADES).await;
    }
    assert_eq!(
        lake.rows(COUNTS).await,
        [format!("{key} | 2 | 1 | 1"), format!("{key} | 1 | 2 | 1")]
    );
}

#[tokio::test]
async fn a_table_of_corrections_that_was_lost_is_made_again_from_silver() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let key = trades_key("BTCUSDT", DAY);
    for last in [10, 9, 12] {
        server.publish(&key, trades(&key, DAY, 0..last));
        lake.ingest(server.url(), &ALL_TRADES).await;
    }
    let all = || {
        lake.run(
            "query",
            &["--format", "csv", "SELECT * FROM meta.changes ORDER BY silver_version"],
        )
        .stdout
    };
    let before = all();
    assert_eq!(before.lines().count(), 1 + 2, "{before}");
    std::fs::remove_dir_all(lake.path().join("meta/changes")).unwrap();

    let run = lake.run("maintain", &["--rebuild-ledger"]);

    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("meta.changes rebuilt: 2 corrections"), "{run}");
    assert_eq!(all(), before);
    let version = lake.versions()["meta/changes"];
    assert_eq!(lake.run("maintain", &["--rebuild-ledger"]).code, Some(0));
    assert_eq!(lake.versions()["meta/changes"], version, "nothing was wrong, nothing was written");
}

#[tokio::test]
async fn the_program_tells_of_corrections_since_a_day() {
    let (server, lake) = (ArchiveServer::start(), TestLake::new());
    let none = lake.run("changes", &[]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(0), ""), "{none}");
    assert!(none.stderr.contains("nothing was corrected"), "{none}");

    let key = trades_key("BTCUSDT", DAY);
    for bytes in [trades(&key, DAY, 0..10), corrected(&key)] {
        server.publish(&key, bytes);
        lake.ingest(server.url(), &ALL_TRADES).await;
    }
    let reported = lake.run("changes", &["--since", "2026-12-01"]);
    let [header, row] = reported.stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{reported}")
    };
    assert!(
        header.starts_with("committed at") && header.contains("added  removed  changed"),
        "{reported}"
    );
    let sums = lake.ledger(&key, "substr(sha256, 1, 12)").await;
    assert!(
        row.starts_with("2026-12-01T00:")
            && row.contains(&format!("{key}  {}  {}", sums[0], sums[1])),
        "{reported}"
    );
    assert!(row.contains("silver.trades 2"), "{reported}");
    assert!(
        reported.stderr.contains("1 correction: 2 rows added, 1 removed, 1 changed"),
        "{reported}"
    );

    let json = lake.run("changes", &["--format", "json"]);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let fields = ["rows_added", "rows_removed", "rows_changed", "silver_version"]
        .map(|field| json[0][field].as_u64());
    assert_eq!(fields, [Some(2), Some(1), Some(1), Some(2)], "{json}");
    assert_eq!(
        (json[0]["archive"].as_str(), json[0]["bar_interval"].is_null()),
        (Some(key.as_str()), true)
    );

    let later = lake.run("changes", &["--since", "2026-12-02", "--format", "json"]);
    assert_eq!((later.code, later.stdout.as_str()), (Some(0), "[]\n"), "{later}");
    let wrong = lake.run("changes", &["--since", "yesterday"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("expected a day such as 2026-05-08"), "{wrong}");
}
