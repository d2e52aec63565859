//! Gold tables: what is built, when, and what is left alone.

use lakehouse::gold::{GoldReport, ModelOutcome, ModelReport};
use lakehouse_core::generate::{KeyOptions, sample_keys};
use lakehouse_core::matrix::Matrix;
use tempfile::TempDir;

use crate::support::samples::sample_folder;
use crate::support::test_lake::TestLake;

/// Returns what a report says of a model.
fn of<'a>(report: &'a GoldReport, table: &str) -> &'a ModelReport {
    report.models.iter().find(|model| model.table == table).unwrap_or_else(|| panic!("nothing of {table}: {report}"))
}

/// Two days of bars of a minute and an hour in all markets.
fn bars() -> TempDir {
    let intervals = ["1m", "1h"].map(|text| text.parse().unwrap()).to_vec();
    let options = KeyOptions { first_day: "2024-02-28".parse().unwrap(), days: 3, intervals };
    let mut keys = sample_keys(&Matrix::builtin().unwrap(), &options);
    keys.retain(|key| key.data_type().as_str() == "klines");
    sample_folder(&keys)
}

#[tokio::test]
async fn a_second_build_does_nothing_and_a_new_day_is_built_alone() {
    let (folder, lake) = (bars(), TestLake::new());
    let source = folder.path().to_str().unwrap();
    lake.ingest(source, &["--all", "--end", "2024-02-29"]).await;
    let first = lake.gold().await;
    let daily = of(&first, "gold.daily_ohlcv");
    assert_eq!(
        (daily.outcome, daily.partitions, daily.reason.as_str()),
        (ModelOutcome::Built, 6, "first build"),
        "{first}"
    );
    let versions = lake.versions();
    let second = lake.gold().await;
    assert_eq!(of(&second, "gold.daily_ohlcv").outcome, ModelOutcome::UpToDate, "{second}");
    assert_eq!(lake.versions(), versions);

    lake.ingest(source, &["--all", "--market", "spot"]).await;
    let third = lake.gold().await;
    let daily = of(&third, "gold.daily_ohlcv");
    let days = daily.days.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((daily.partitions, days, daily.rows), (1, vec!["spot 2024-03-01".to_owned()], 3), "{third}");
    assert_eq!(daily.reason, "silver.klines changed");
    assert_eq!(lake.value("SELECT count(*) FROM gold.daily_ohlcv").await, "21");
}
