//! A server at its worst: everything lands all the same, and what was tried again is counted.

use crate::support::archive_server::{ArchiveServer, Fault};
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

const SYMBOLS: [&str; 6] = ["ADAUSDT", "BNBUSDT", "BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"];
const ALL_TRADES: [&str; 5] = ["--all", "--market", "spot", "--data-type", "trades"];
/// A stalled request costs the least time that a flag can set.
const IMPATIENT: [&str; 4] = ["--timeout-seconds", "1", "--retries", "20"];

/// Draws numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn percent(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % 100
    }

    /// Returns what a request for so many bytes meets: of a hundred, 20 a 503, 10 a cut, 2 a wrong
    /// byte, 2 a stall.
    fn fault(&mut self, bytes: usize) -> Option<Fault> {
        match self.percent() {
            0..20 => Some(Fault::Status(503)),
            20..30 => Some(Fault::CutAfter(bytes / 8)),
            30..32 => Some(Fault::Corrupt),
            32..34 => Some(Fault::StallAfter(bytes / 8)),
            _ => None,
        }
    }
}

/// Counts of the faults that were scripted.
#[derive(Debug, Default)]
struct Scripted {
    unavailable: usize,
    cut: usize,
    corrupt: usize,
    stalled: usize,
}

impl Scripted {
    fn count(&mut self, fault: &Fault) {
        *match fault {
            Fault::CutAfter(_) => &mut self.cut,
            Fault::Corrupt => &mut self.corrupt,
            Fault::StallAfter(_) => &mut self.stalled,
            _ => &mut self.unavailable,
        } += 1;
    }

    fn sum(&self) -> usize {
        self.unavailable + self.cut + self.corrupt + self.stalled
    }
}

/// Publishes some days of every symbol.
fn publish(server: &ArchiveServer, days: std::ops::RangeInclusive<u32>) {
    for symbol in SYMBOLS {
        for day in days.clone() {
            let day = format!("2026-11-{day:02}");
            let key = trades_key(symbol, &day);
            server.publish(&key, trades(&key, &day, 0..50));
        }
    }
}

/// Scripts the requests for archives and checksums of these days.
fn misbehave(server: &ArchiveServer, days: std::ops::RangeInclusive<u32>) -> Scripted {
    let (mut dice, mut scripted) = (Dice(1), Scripted::default());
    for symbol in SYMBOLS {
        for day in days.clone() {
            let day = format!("2026-11-{day:02}");
            let key = trades_key(symbol, &day);
            let requests =
                [(format!("{key}.CHECKSUM"), 90), (key.clone(), trades(&key, &day, 0..50).len())];
            for (key, bytes) in requests {
                while let Some(fault) = dice.fault(bytes) {
                    scripted.count(&fault);
                    server.script(&key, [fault]);
                }
            }
        }
    }
    scripted
}

async fn content(lake: &TestLake) -> Vec<String> {
    let mut content = lake.rows("SELECT * FROM silver.trades ORDER BY archive, id").await;
    let ledger = "SELECT archive, status, checksum, sha256, rows FROM meta.archives \
                  ORDER BY archive, sha256";
    content.extend(lake.rows(ledger).await);
    content
}

#[tokio::test]
async fn from_a_server_with_faults_of_every_kind_everything_lands_and_retries_are_counted() {
    let server = ArchiveServer::start();
    let (lake, undisturbed) = (TestLake::new(), TestLake::new());
    publish(&server, 19..=19);
    lake.ingest(server.url(), &ALL_TRADES).await;
    publish(&server, 20..=29);
    undisturbed.ingest(server.url(), &ALL_TRADES).await;
    let scripted = misbehave(&server, 20..=29);
    assert!(
        scripted.unavailable >= 24 && scripted.cut >= 12 && scripted.corrupt >= 2,
        "{scripted:?}"
    );
    assert!((1..8).contains(&scripted.stalled), "{scripted:?}");
    let listing = break_listings(&server);

    let done = lake.refresh(server.url(), &IMPATIENT, false).await;

    assert_eq!(
        (done.summary.archives.new, done.summary.archives.failed),
        (60, 0),
        "{:?}",
        done.summary.failures
    );
    assert!(!done.summary.is_incomplete(), "{}", done.summary);
    assert_eq!(done.summary.retries, (scripted.sum() + listing) as u64, "{scripted:?}");
    assert_eq!(done.retries, scripted.sum() + listing);
    let recorded = "SELECT retries FROM meta.runs ORDER BY started_at DESC LIMIT 1";
    assert_eq!(lake.value(recorded).await, done.retries.to_string());
    assert_eq!(content(&lake).await, content(&undisturbed).await);
    assert_eq!(lake.refresh(server.url(), &[], false).await.plan.plan.fetch.len(), 0);
}

/// Makes the first listings of every other symbol fail, and returns how many do.
fn break_listings(server: &ArchiveServer) -> usize {
    for symbol in SYMBOLS.iter().step_by(2) {
        server.script(
            &format!("data/spot/daily/trades/{symbol}/"),
            [Fault::Status(503), Fault::Status(503)],
        );
    }
    SYMBOLS.len().div_ceil(2) * 2
}
