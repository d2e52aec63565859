//! Real archives end to end: every value of every row arrives in silver as published, from a folder
//! and over HTTP.

use std::collections::BTreeMap;
use std::path::Path;

use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::schema::Schemas;

use crate::support::archive_server::ArchiveServer;
use crate::support::csv_oracle::{CsvRows, stored};
use crate::support::samples::identify;
use crate::support::shared::real_archives;
use crate::support::test_lake::TestLake;

/// Returns the keys of all archives in a folder, by the silver table that they go to.
fn keys_by_table(folder: &Path) -> BTreeMap<String, Vec<ArchiveKey>> {
    let server = ArchiveServer::of_folder(folder);
    let mut tables: BTreeMap<String, Vec<ArchiveKey>> = BTreeMap::new();
    for path in server.keys().iter().filter(|path| path.ends_with(".zip")) {
        let key = identify(path);
        tables.entry(table_of(&key).to_owned()).or_default().push(key);
    }
    tables
}

fn table_of(key: &ArchiveKey) -> &'static str {
    match key.data_type().as_str() {
        "klines" => "klines",
        "trades" => "trades",
        "aggTrades" => "agg_trades",
        "bookDepth" => "book_depth",
        "bookTicker" => "book_ticker",
        "fundingRate" => "funding_rate",
        "metrics" => "metrics",
        "liquidationSnapshot" => "liquidation_snapshot",
        "BVOLIndex" => "bvol_index",
        "EOHSummary" => "eoh_summary",
        other => panic!("{other}"),
    }
}

/// Compares silver with the archives' own CSVs, row by row, whatever the order.
async fn assert_silver_is_what_was_published(lakes: &[TestLake], folder: &Path) {
    for (table, keys) in keys_by_table(folder) {
        let csvs: Vec<CsvRows> = keys.iter().map(|key| CsvRows::read(folder, key)).collect();
        let mut expected = Vec::new();
        for lake in lakes {
            let batches = lake.batches(&format!("SELECT * FROM silver.{table}")).await;
            let schema = batches.first().unwrap_or_else(|| panic!("{table} has no rows")).schema();
            if expected.is_empty() {
                expected = csvs.iter().flat_map(|csv| csv.expected(&schema)).collect();
                expected.sort_unstable();
            }
            let mut found: Vec<String> = batches.iter().flat_map(stored).collect();
            found.sort_unstable();
            let differ = expected.iter().zip(&found).find(|(expected, found)| expected != found);
            assert_eq!((differ, expected.len()), (None, found.len()), "{table}");
            assert_the_ledger_agrees(lake, &table).await;
        }
    }
}

/// Compares rows and times of the ledger with those of a silver table.
async fn assert_the_ledger_agrees(lake: &TestLake, table: &str) {
    let schemas = Schemas::builtin().unwrap();
    let time = schemas.get(table).unwrap().event_time();
    let counts = format!(
        "SELECT archive, count(*) AS n, min({time}) AS a, max({time}) AS b FROM silver.{table} GROUP BY 1"
    );
    let differ = "l.rows <> n OR l.min_time <> a OR l.max_time <> b OR l.archive IS NULL";
    let sql = format!(
        "SELECT s.archive FROM ({counts}) s LEFT JOIN meta.archives l ON l.archive = s.archive WHERE {differ}"
    );
    assert_eq!(lake.rows(&sql).await, [""; 0], "{table}");
}

#[tokio::test]
async fn every_value_of_every_real_archive_is_in_silver_as_published_from_a_folder_and_over_http() {
    let Some(folder) = real_archives() else { return };
    let (of_folder, of_server) = (TestLake::new(), TestLake::new());

    let run = of_folder.run("ingest", &["--all", "--source", folder.to_str().unwrap()]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""), "{run}");
    assert!(
        run.stderr
            .contains("archives: 58 new, 0 skipped, 0 corrected, 0 not published, 0 failed\n"),
        "{run}"
    );
    assert!(run.stderr.contains(" rows, 0 rejected, "), "{run}");
    let server = ArchiveServer::of_folder(&folder);
    let done = of_server.ingest(server.url(), &["--all", "--batch-size", "7"]).await;
    assert_eq!(
        (done.summary.archives.new, done.summary.archives.failed),
        (58, 0),
        "{}",
        done.summary
    );
    assert_eq!((done.summary.rejected_rows, server.downloads()), (0, 58));

    let lakes = [of_folder, of_server];
    for lake in &lakes {
        let sql = "SELECT status, checksum, count(*), sum(rejected_rows) FROM meta.archives GROUP BY status, checksum";
        assert_eq!(lake.value(sql).await, "ingested | match | 58 | 0");
    }
    assert_silver_is_what_was_published(&lakes, &folder).await;
}
