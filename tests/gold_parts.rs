//! A gold table that is built for the first time lands in parts, so that a kill loses one of them.

use lakehouse_core::names::archive::ArchiveKey;

use crate::kill::kill_at;
use crate::support::delta_log::actions;
use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;
use crate::upgrade::done;

const ROWS: &str = "SELECT * FROM gold.funding_daily ORDER BY market, date, symbol";
const DAYS: &str = "SELECT count(DISTINCT date) FROM gold.funding_daily";

fn key(month: &str) -> ArchiveKey {
    let folder = "data/futures/um/monthly/fundingRate/BTCUSDT";
    identify(&format!("{folder}/BTCUSDT-fundingRate-{month}.zip"))
}

/// Returns how many commits of the table built a part of it, and how many all that was left.
fn builds(lake: &TestLake) -> (usize, usize) {
    let commits = actions(&lake.path().join("gold/funding_daily"), "commitInfo");
    let with = |field: &str| {
        commits.iter().filter(|commit| commit["lakehouse"][field].is_object()).count()
    };
    (with("partly_built"), with("built"))
}

#[tokio::test]
async fn a_first_build_that_is_killed_goes_on_after_the_part_that_had_landed() {
    let mut keys = Vec::new();
    for month in 0..12 {
        let month = format!("2023-{:02}", month + 1);
        keys.push(key(&month));
    }
    let folder = sample_folder(&keys);
    let lake = TestLake::new();
    let source = folder.path().to_str().unwrap();
    done(&lake, "ingest", &["--all", "--stage", "silver", "--source", source]);
    let marker = folder.path().join("reached");
    let build = lake.program("gold", &["funding_daily"]);
    assert!(kill_at(build, "after commit gold.funding_daily", &marker));
    std::fs::remove_file(&marker).unwrap();
    assert_eq!(builds(&lake), (1, 0));
    let landed: u64 = lake.value(DAYS).await.parse().unwrap();
    assert!((100..200).contains(&landed), "{landed}");

    done(&lake, "gold", &["funding_daily"]);
    assert_eq!(builds(&lake), (2, 1), "the part that had landed is not built again");
    let rows = lake.rows(ROWS).await;
    assert!(rows.len() >= 364, "{}", rows.len());
    let versions = lake.versions();
    done(&lake, "gold", &["funding_daily"]);
    assert_eq!(lake.versions(), versions, "it is up to date");

    done(&lake, "gold", &["funding_daily", "--full"]);
    assert_eq!(lake.rows(ROWS).await, rows);
    assert_eq!(builds(&lake), (2, 2), "a table that was built is replaced in one commit");
}

#[tokio::test]
async fn days_that_change_between_two_parts_are_built_too() {
    let months: Vec<String> = (2..=12).map(|month| format!("2023-{month:02}")).collect();
    let folder = sample_folder(&months.iter().map(|month| key(month)).collect::<Vec<_>>());
    let lake = TestLake::new();
    let ingest = |source: &std::path::Path| {
        let source = source.to_str().unwrap();
        done(&lake, "ingest", &["--all", "--stage", "silver", "--source", source]);
    };
    ingest(folder.path());
    let marker = folder.path().join("reached");
    let build = lake.program("gold", &["funding_daily"]);
    assert!(kill_at(build, "after commit gold.funding_daily", &marker));
    std::fs::remove_file(&marker).unwrap();
    // A month that comes before all others.
    let first = sample_folder(&[key("2023-01")]);
    ingest(first.path());
    done(&lake, "gold", &["funding_daily"]);
    assert!(lake.rows(ROWS).await.len() >= 364);
    let rows = lake.rows(ROWS).await;
    done(&lake, "gold", &["funding_daily", "--full"]);
    assert_eq!(lake.rows(ROWS).await, rows);
}
