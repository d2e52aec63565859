//! Whatever is published in whatever order, gold built on the way is what gold built at once is.

use crate::support::gold_scene::{GoldScene, hourly};
use crate::support::random::Random;
use crate::support::scale::{scaled, seed};

const STEPS: usize = 6;

const DAYS: [&str; 6] =
    ["2024-02-26", "2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"];

/// Publishes something: a new archive, a correction of one, or the other copy of days.
fn publish(scene: &GoldScene, numbers: &mut Random) -> String {
    let symbol = numbers.pick(&["BTCUSDT", "ETHUSDT"]);
    let market = numbers.pick(&["spot", "futures_um"]);
    let seed = numbers.below(3) as u64;
    let key = match numbers.below(8) {
        0 => hourly(market, symbol, "2024-02"),
        1 => hourly(market, symbol, "2024-03"),
        2 => {
            format!("data/futures/um/monthly/fundingRate/{symbol}/{symbol}-fundingRate-2024-02.zip")
        }
        _ => {
            let day: &&str = numbers.pick(&DAYS);
            hourly(market, symbol, day)
        }
    };
    // All of it, some of it, or only what is left of a bad day.
    let (keep, every) = ([1, 24, 2_000][numbers.below(3)], [1, 2, 5][numbers.below(3)]);
    scene.publish(&key, seed, |lines| {
        lines.truncate(keep);
        *lines = lines.iter().step_by(every).cloned().collect();
    });
    format!("{key} seed {seed}, {keep} lines by {every}")
}

#[tokio::test]
async fn after_any_sequence_of_ingests_corrections_and_swaps_gold_is_what_a_full_rebuild_makes() {
    let first = seed(0);
    let sequences = scaled(3, 30);
    println!("{sequences} sequences from seed {first}");
    for seed in first..first + sequences {
        let mut numbers = Random::new(seed);
        let scene = GoldScene::new();
        let mut reported = format!("sequence {seed}");
        for _ in 0..STEPS {
            for _ in 0..=numbers.below(3) {
                reported = format!("{reported}\n  {}", publish(&scene, &mut numbers));
            }
            scene.ingest().await;
            // Some builds find several ingests behind them.
            if numbers.below(3) > 0 {
                scene.gold().await;
                reported.push_str("\n  gold");
            }
        }
        scene.assert_equals_a_full_rebuild(&reported).await;
        assert_eq!(scene.tables().await.len(), 5, "{reported}");
    }
}
