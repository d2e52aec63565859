//! Real archives end to end: every value of every row arrives in silver as published, from a folder
//! and over HTTP.

use std::collections::BTreeMap;
use std::path::Path;

use lakehouse_core::names::archive::ArchiveKey;
use lakehouse_core::names::market::{DataType, Frequency, Interval, Market, Symbol};
use lakehouse_core::schema::Schemas;

use crate::support::archive_server::ArchiveServer;
use crate::support::csv_oracle::{CsvRows, stored};
use crate::support::samples::identify;
use crate::support::shared::real_archives;
use crate::support::test_lake::TestLake;

/// Two rows of this archive are joined to one line, its only one, with 9 fields instead of 7.
const JOINED_ROWS: &str = "data/spot/daily/trades/KSMUSDT/KSMUSDT-trades-2021-09-16.zip";

/// Returns the keys of all archives in a folder.
fn keys_in(folder: &Path) -> Vec<ArchiveKey> {
    let server = ArchiveServer::of_folder(folder);
    let zips = server.keys().into_iter().filter(|path| path.ends_with(".zip"));
    zips.map(|path| identify(&path)).collect()
}

/// Says whether an archive of a month, which is ingested in its place, covers a day's archive.
fn is_covered(day: &ArchiveKey, keys: &[ArchiveKey]) -> bool {
    let is_month_of_it = |month: &ArchiveKey| {
        month.period().frequency() == Frequency::Monthly
            && series_of(month) == series_of(day)
            && month.period().days().covers(day.period())
    };
    day.period().frequency() == Frequency::Daily && keys.iter().any(is_month_of_it)
}

fn series_of(key: &ArchiveKey) -> (Market, &DataType, &Symbol, Option<Interval>) {
    (key.market(), key.data_type(), key.symbol(), key.interval())
}

/// Groups keys by the silver table that they go to.
fn by_table(keys: &[ArchiveKey]) -> BTreeMap<&'static str, Vec<&ArchiveKey>> {
    let mut tables: BTreeMap<&str, Vec<&ArchiveKey>> = BTreeMap::new();
    for key in keys {
        tables.entry(table_of(key)).or_default().push(key);
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
        "premiumIndex" => "premium_index_klines",
        "indexPriceKlines" => "index_price_klines",
        "markPriceKlines" => "mark_price_klines",
        "metrics" => "metrics",
        "liquidationSnapshot" => "liquidation_snapshot",
        "BVOLIndex" => "bvol_index",
        "EOHSummary" => "eoh_summary",
        other => panic!("{other}"),
    }
}

/// Compares silver with the archives' own CSVs, row by row, whatever the order.
async fn assert_silver_is_what_was_published(
    lakes: &[TestLake],
    folder: &Path,
    keys: &[ArchiveKey],
) {
    for (table, keys) in by_table(keys) {
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
            assert_the_ledger_agrees(lake, table).await;
        }
    }
}

/// Compares rows and times of the ledger with those of a silver table.
async fn assert_the_ledger_agrees(lake: &TestLake, table: &str) {
    let schemas = Schemas::builtin().unwrap();
    let time = schemas.get(table).unwrap().event_time();
    let counts = format!(
        "SELECT archive, count(*) AS n, min({time}) AS a, max({time}) AS b FROM silver.{table} \
         GROUP BY 1"
    );
    let differ = "l.rows <> n OR l.min_time <> a OR l.max_time <> b OR l.archive IS NULL";
    let sql = format!(
        "SELECT s.archive FROM ({counts}) s LEFT JOIN meta.archives l ON l.archive = s.archive \
         WHERE {differ}"
    );
    assert_eq!(lake.rows(&sql).await, [""; 0], "{table}");
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn every_value_of_every_real_archive_is_in_silver_as_published_from_a_folder_and_over_http() {
    let archives = real_archives();
    let folder = archives.path();
    let (covered, keys): (Vec<_>, Vec<_>) = {
        let all = keys_in(folder);
        all.clone().into_iter().partition(|key| is_covered(key, &all))
    };
    let joined = keys.iter().filter(|key| key.path() == JOINED_ROWS).count();
    let of_folder = TestLake::new();
    let of_server = TestLake::new();

    let run = of_folder.run("ingest", &["--all", "--source", folder.to_str().unwrap()]);
    // A row that is rejected makes the exit code 1.
    let code = i32::try_from(joined).unwrap();
    assert_eq!((run.code, run.stdout.as_str()), (Some(code), ""), "{run}");
    let counts = format!(
        "archives: {} new, {} skipped, 0 corrected, 0 not published, 0 failed\n",
        keys.len(),
        covered.len()
    );
    assert!(run.stderr.contains(&counts), "{counts}{run}");
    assert!(run.stderr.contains(&format!(" rows, {joined} rejected, ")), "{run}");
    let server = ArchiveServer::of_folder(folder);
    let done = of_server.ingest(server.url(), &["--all", "--batch-size", "7"]).await;
    let new = usize::try_from(done.summary.archives.new).unwrap();
    assert_eq!((new, done.summary.archives.failed), (keys.len(), 0), "{}", done.summary);
    assert_eq!((done.summary.rejected_rows, server.downloads()), (joined as u64, keys.len()));

    let lakes = [of_folder, of_server];
    for lake in &lakes {
        let sql = "SELECT status, checksum, count(*), sum(rejected_rows) FROM meta.archives \
                   GROUP BY status, checksum";
        assert_eq!(lake.value(sql).await, format!("ingested | match | {} | {joined}", keys.len()));
    }
    let keys: Vec<_> = keys.into_iter().filter(|key| key.path() != JOINED_ROWS).collect();
    assert_silver_is_what_was_published(&lakes, folder, &keys).await;
}
