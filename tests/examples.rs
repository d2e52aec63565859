//! The programs in `examples/` do what they say. They are compiled into this binary, so that the
//! tests need no programs of their own.

use chrono::NaiveDate;

use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;

#[expect(dead_code, reason = "a test calls the functions below `main`")]
#[path = "../examples/plan.rs"]
mod plan;
#[expect(dead_code, reason = "a test calls the functions below `main`")]
#[path = "../examples/read.rs"]
mod read;

#[tokio::test]
async fn the_example_plan_prints_a_reason_for_each_archive() {
    let today = NaiveDate::from_ymd_opt(2024, 3, 9).unwrap();
    let found = plan::plan_of_generated_archives(today).await.unwrap();
    let mut printed = Vec::new();
    plan::print_lines(&found, &mut printed).unwrap();
    assert_eq!(
        String::from_utf8(printed).unwrap(),
        "fetch data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02.zip: new\n\
         fetch data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-01.zip: new\n\
         skip  data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-02-29.zip: \
         covered by the monthly archive\n"
    );
}

#[tokio::test]
async fn the_example_read_prints_the_rows_of_a_statement() {
    let key = identify("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-03-01.zip");
    let folder = sample_folder(&[key]);
    let lake = TestLake::new();
    lake.ingest(folder.path().to_str().unwrap(), &["--all"]).await;
    let location = lake.path();
    let mut printed = Vec::new();
    let sql = "SELECT symbol, count(*) AS bars FROM silver.klines GROUP BY symbol";
    read::print_rows(location.to_str().unwrap(), sql, &mut printed).await.unwrap();
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains("| BTCUSDT | 24   |"), "{printed}");
}
