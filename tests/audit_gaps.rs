//! Gaps: each missing stretch has the class for which there is evidence.

use std::collections::BTreeMap;
use std::sync::Arc;

use lakehouse::audit::{Audit, load_checks};
use lakehouse::clock::Clock;
use lakehouse::events::{Reporter, Silent};
use lakehouse::storage::lake::Lake;
use lakehouse_core::audit::Checks;
use lakehouse_core::gold::Models;
use lakehouse_core::schema::Schemas;

use crate::support::gold_scene::{GoldScene, hourly};

fn builtin() -> Arc<Checks> {
    let schemas = Schemas::builtin().unwrap();
    Arc::new(load_checks(&schemas, &Models::default(), None).unwrap())
}

/// A row of the ledger: an archive of March 2024.
struct Archive {
    series: &'static str,
    symbol: &'static str,
    days: &'static str,
    status: &'static str,
    run: &'static str,
    /// The day on which the row was recorded.
    recorded: &'static str,
    owned: Option<&'static str>,
}

const COLUMNS: &str = "market, data_type, bar_interval, symbol, period_start, period_end, status, \
                       rows, rejected_rows, reason, run, recorded_at, owned_days, silver_version";

impl Archive {
    /// An archive in silver of one day, or of the whole month: `1m`, `ONE`, `2`.
    fn held(series: &'static str, symbol: &'static str, days: &'static str) -> Self {
        let status = "ingested";
        Self { series, symbol, days, status, run: "first", recorded: "2024-04-01", owned: None }
    }

    fn with(self, status: &'static str, recorded: &'static str) -> Self {
        Self { status, recorded, ..self }
    }

    /// A monthly archive with rows of some days.
    fn owning(series: &'static str, symbol: &'static str, owned: &'static str) -> Self {
        Self { owned: Some(owned), ..Self::held(series, symbol, "1-31") }
    }

    fn values(&self) -> String {
        let (first, last) = self.days.split_once('-').unwrap_or((self.days, self.days));
        let day = |day: &str| format!("DATE '2024-03-{day:0>2}'");
        let (market, data_type, interval) = match *self.series.split(' ').collect::<Vec<_>>() {
            [market, data_type, interval] => (market, data_type, format!("'{interval}'")),
            [market, data_type] => (market, data_type, "CAST(NULL AS VARCHAR)".to_owned()),
            _ => panic!("{}", self.series),
        };
        let is_held = self.status == "ingested";
        let has_rows = is_held && self.owned != Some("none");
        let (rows, rejected) = if has_rows { (9, 0) } else { (0, i32::from(is_held)) };
        let owned =
            self.owned.map_or("CAST(NULL AS VARCHAR)".to_owned(), |days| format!("'{days}'"));
        format!(
            "('{market}', '{data_type}', {interval}, '{}', {}, {}, '{}', {rows}, {rejected}, \
             'because', '{}', TIMESTAMP '{} 00:00:00Z', {owned}, {})",
            self.symbol,
            day(first),
            day(last),
            self.status,
            self.run,
            self.recorded,
            if is_held { "7" } else { "CAST(NULL AS BIGINT)" }
        )
    }
}

/// Returns the classes of days that a ledger with these rows lacks: `ONE 1m 2+1: class`.
async fn gaps_of(ledger: &[Archive]) -> Vec<String> {
    let scene = GoldScene::new();
    scene.publish_days("BTCUSDT", &["2024-03-01"]);
    scene.ingest().await;
    let checks = builtin();
    let rows: Vec<String> = ledger.iter().map(Archive::values).collect();
    let archives = format!("FROM (VALUES {}) AS archives ({COLUMNS})", rows.join(", "));
    let statement = checks.get("gaps_of_days").unwrap().statement().select();
    let statement = statement.replace("FROM meta.archives", &archives);
    let gaps = format!(
        "SELECT symbol || ' ' || coalesce(bar_interval, data_type) || ' ' \
         || date_part('day', date) || '+' || missing || ': ' || class FROM ({statement}) ORDER BY 1"
    );
    scene.lake.rows(&gaps).await
}

const MINUTES: &str = "spot klines 1m";
const HOURS: &str = "spot klines 1h";

#[tokio::test]
async fn days_between_archives_are_late_failed_not_published_or_not_requested() {
    let around =
        |symbol| [Archive::held(MINUTES, symbol, "1"), Archive::held(MINUTES, symbol, "3")];
    let other =
        |symbol, status, recorded| Archive::held(MINUTES, symbol, "2").with(status, recorded);
    let mut ledger = vec![
        other("LATE", "not_published", "2024-03-06"),
        other("NEVER", "not_published", "2024-05-06"),
        other("BROKEN", "failed", "2024-03-06"),
        other("WRONG", "quarantined", "2024-03-06"),
        Archive { owned: Some("none"), ..Archive::held(MINUTES, "REJECTED", "2") },
    ];
    for symbol in ["LATE", "NEVER", "BROKEN", "WRONG", "REJECTED", "SELECTED", "APART"] {
        ledger.extend(around(symbol));
    }
    ledger.last_mut().unwrap().run = "second";
    let expected = [
        "APART 1m 2+1: not_requested",
        "BROKEN 1m 2+1: archive_failed",
        "LATE 1m 2+1: archive_late",
        "NEVER 1m 2+1: not_published",
        "REJECTED 1m 2+1: rejected_rows",
        "SELECTED 1m 2+1: not_published",
        "WRONG 1m 2+1: archive_failed",
    ];
    assert_eq!(gaps_of(&ledger).await, expected);
}

#[tokio::test]
async fn days_that_an_archive_lacks_are_explained_by_other_series() {
    let mut ledger = vec![
        Archive::owning(MINUTES, "CUT", "1-12"),
        Archive::held(HOURS, "CUT", "1-31"),
        Archive::owning(MINUTES, "NEW", "5-31"),
        Archive::owning(MINUTES, "OLD", "1-12"),
        Archive::owning("futures_um klines 1m", "BTCUSDT_240313", "1-13"),
        Archive::owning(MINUTES, "HALTED", "1-7,20-31"),
        Archive::owning(HOURS, "HALTED", "1-7,20-31"),
        Archive::owning(MINUTES, "ALONE", "1-8,20-31"),
        Archive::owning("spot trades", "QUIET", "1-5,7-31"),
        Archive::owning("spot aggTrades", "QUIET", "1-5,7-31"),
        Archive::held("spot klines 1d", "QUIET", "1-31"),
        Archive::owning("spot klines 1w", "WEEKS", "4,11,18,25"),
        Archive::owning(MINUTES, "FILLED", "1-7,9-31"),
        Archive::held(MINUTES, "FILLED", "8"),
    ];
    for symbol in ["A", "B", "C", "D"] {
        ledger.push(Archive::owning("futures_cm klines 1m", symbol, "1-5,7-31"));
    }
    let expected = [
        "A 1m 6+1: outage",
        "ALONE 1m 9+11: unknown",
        "B 1m 6+1: outage",
        "BTCUSDT_240313 1m 14+18: settled",
        "C 1m 6+1: outage",
        "CUT 1m 13+19: archive_cut_short",
        "D 1m 6+1: outage",
        "HALTED 1h 8+12: halt",
        "HALTED 1m 8+12: halt",
        "NEW 1m 1+4: before_listing",
        "OLD 1m 13+19: after_delisting",
        "QUIET aggTrades 6+1: no_trading",
        "QUIET trades 6+1: no_trading",
    ];
    assert_eq!(gaps_of(&ledger).await, expected);
}

/// Names an archive of bars of one minute.
fn minutes(market: &str, symbol: &str, day: &str) -> String {
    hourly(market, symbol, day).replace("1h", "1m")
}

/// Publishes a day of bars with trades, without those of some minutes.
fn publish_without(scene: &GoldScene, key: &str, missing: &[std::ops::Range<usize>]) {
    scene.publish(key, 7, |lines| {
        let has_header = lines[0].starts_with('o');
        let mut minute = 0;
        lines.retain_mut(|line| {
            if has_header && line.starts_with('o') {
                return true;
            }
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[8] = "5";
            *line = cells.join(",");
            minute += 1;
            !missing.iter().any(|range| range.contains(&(minute - 1)))
        });
    });
}

#[tokio::test]
async fn minutes_that_a_day_lacks_are_explained_by_other_bars() {
    let scene = GoldScene::new();
    let days = ["2024-02-29", "2024-03-01", "2024-03-02"];
    let outage = 600..605;
    let before_listing = 0..900;
    let missing: BTreeMap<&str, Vec<std::ops::Range<usize>>> = BTreeMap::from([
        ("AUSDT", vec![outage.clone(), 720..740]),
        ("BUSDT", vec![outage.clone(), 180..181]),
        ("CUSDT", vec![outage.clone(), 1200..1440]),
        ("DUSDT", vec![outage.clone(), 1080..1440]),
        ("EUSDT", vec![before_listing.clone()]),
    ]);
    for (symbol, missing) in &missing {
        for day in days {
            let is_absent =
                (*symbol == "EUSDT" && day == days[0]) || (*symbol == "DUSDT" && day == days[2]);
            if !is_absent {
                let missing = if day == days[1] { missing.as_slice() } else { &[] };
                publish_without(&scene, &minutes("spot", symbol, day), missing);
            }
        }
    }
    scene.publish_days("CUSDT", &days[1..2]);
    let after_settlement = 480..1440;
    let settled = minutes("futures_um", "BTCUSDT_240301", days[1]);
    publish_without(&scene, &settled, &[after_settlement]);
    scene.publish(&minutes("futures_um", "QUIETUSDT", days[1]), 7, |lines| {
        lines.iter_mut().skip(1).for_each(|line| {
            let mut cells: Vec<&str> = line.split(',').collect();
            cells[8] = "0";
            *line = cells.join(",");
        });
        lines.drain(100..110);
    });
    scene.ingest().await;
    let lake = Lake::open(scene.lake.path().to_str().unwrap()).unwrap();
    let audit = Audit { only: vec!["gaps_of_bars".to_owned()], ..Audit::new(lake, builtin()) };
    let silent: Arc<dyn Reporter> = Arc::new(Silent);
    let clock = Clock::new(|| "2024-03-05T00:00:00Z".parse().unwrap());
    let report = audit.run(&silent, &clock).await.unwrap();
    assert_eq!(report.open.gap_counts(), (11, 1), "{report:?}");
    assert!(report.open.to_string().ends_with("11 gaps, 1 of them (9 %) for no known reason"));
    let gaps = "SELECT symbol, class, date_part('hour', from_time), missing FROM meta.gaps \
                WHERE closed_at IS NULL ORDER BY ALL";
    let expected = [
        "AUSDT | halt | 12 | 20",
        "AUSDT | outage | 10 | 5",
        "BTCUSDT_240301 | settled | 8 | 960",
        "BUSDT | outage | 10 | 5",
        "BUSDT | unknown | 3 | 1",
        "CUSDT | archive_cut_short | 20 | 240",
        "CUSDT | outage | 10 | 5",
        "DUSDT | after_delisting | 18 | 360",
        "DUSDT | outage | 10 | 5",
        "EUSDT | before_listing | 0 | 900",
        "QUIETUSDT | no_trading | 1 | 10",
    ];
    assert_eq!(scene.lake.rows(gaps).await, expected);
}
