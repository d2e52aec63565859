//! Days that are much larger than what an audit may have in memory.

use std::fmt::Write as _;
use std::sync::Arc;

use lakehouse::audit::{Audit, AuditReport, load_checks};
use lakehouse::clock::Clock;
use lakehouse::events::{Reporter, Silent};
use lakehouse::storage::lake::Lake;
use lakehouse_core::gold::Models;
use lakehouse_core::schema::Schemas;

use crate::support::gold_scene::GoldScene;
use crate::support::samples::{csv_name, trades, trades_key};
use crate::support::zips::zip_of;

const DAY: &str = "2024-03-01";
/// The first millisecond of the day.
const START: i64 = 1_709_251_200_000;
/// Less than a tenth of the rows of the day take.
const MEMORY: usize = 24 << 20;

/// Returns 400,000 trades of a day, five in a second, without the one with id 200,000.
fn large_day() -> String {
    let mut csv = String::new();
    for id in (0..400_001_i64).filter(|id| *id != 200_000) {
        let time = START + id * 200;
        writeln!(csv, "{id},1.5,2,3,{time},True,True").unwrap();
    }
    csv
}

async fn audit(scene: &GoldScene, checks: &[&str]) -> AuditReport {
    let schemas = Schemas::builtin().unwrap();
    let builtin = Arc::new(load_checks(&schemas, &Models::default(), None).unwrap());
    let lake = Lake::open(scene.lake.path().to_str().unwrap()).unwrap();
    let only = checks.iter().map(|check| (*check).to_owned()).collect();
    let audit = Audit { only, memory: MEMORY, ..Audit::new(lake, builtin) };
    let silent: Arc<dyn Reporter> = Arc::new(Silent);
    audit.run(&silent, &Clock::new(|| "2024-03-05T00:00:00Z".parse().unwrap())).await.unwrap()
}

#[tokio::test]
async fn a_day_that_does_not_fit_into_memory_is_audited_all_the_same() {
    let scene = GoldScene::new();
    for symbol in 0..8 {
        let key = trades_key(&format!("S{symbol}USDT"), DAY);
        scene.server.publish(&key, trades(&key, DAY, 0..50_000));
    }
    // More than a part may have, with a trade that is missing in the middle.
    let key = trades_key("LARGEUSDT", DAY);
    scene.server.publish(&key, zip_of(&csv_name(&key), large_day().as_bytes()));
    scene.ingest().await;
    let report = audit(&scene, &["trade_ids", "trade_values", "trades_one_side"]).await;
    assert!(report.checks.iter().all(|check| !check.is_failure()), "{report:?}");
    let found = "SELECT symbol, kind, found FROM meta.findings WHERE check_name = 'trade_ids'";
    let found = scene.lake.rows(found).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("LARGEUSDT | missing_ids | id 200001 at "), "{found:?}");
}
