//! Memory does not grow with the number of archives that a lake knows: every command that deals
//! with all of them stays within what the documentation promises.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lakehouse::clock::Clock;
use lakehouse::scale::make_up_archives;
use lakehouse::storage::lake::Lake;
use lakehouse_core::matrix::Matrix;

use crate::support::samples::{identify, sample_folder};
use crate::support::test_lake::TestLake;
use crate::support::{figures, scale};

/// What is promised, in KiB.
const PROMISED: u64 = 512 << 10;

/// Runs a program to its end, and returns the most memory that it had, in KiB.
fn peak_of(mut program: Command) -> u64 {
    let started = program.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut process = started.spawn().unwrap();
    let status = format!("/proc/{}/status", process.id());
    let mut peak = 0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        peak = peak.max(kib.unwrap_or_default());
        if process.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(2));
    }
    let end = process.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&end.stderr);
    assert!(matches!(end.status.code(), Some(0 | 1)), "{program:?}: {stderr}");
    peak
}

#[tokio::test]
async fn commands_stay_within_the_promised_memory_however_many_archives_a_lake_knows() {
    let archives = scale::scaled(100_000, 1_000_000);
    let key = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2024-01-02.zip";
    let folder = sample_folder(&[identify(key)]);
    let source = folder.path().to_str().unwrap();
    let lake = TestLake::new();
    lake.ingest(source, &["--all", "--data-type", "klines"]).await;
    let matrix = Arc::new(Matrix::builtin().unwrap());
    let opened = Lake::open(lake.path().to_str().unwrap()).unwrap();
    let now: DateTime<Utc> = "2026-12-01T00:00:00Z".parse().unwrap();
    let clock = Clock::new(move || now);
    make_up_archives(&opened, "klines", matrix, archives, &clock).await.unwrap();
    let known = "SELECT count(*) FROM meta.archives WHERE status = 'ingested'";
    assert_eq!(lake.value(known).await, (archives + 1).to_string());
    // A table of series that is filled from the ledger.
    std::fs::remove_dir_all(lake.path().join("meta/series")).unwrap();
    let statement = "SELECT status, count(*), sum(rows) FROM meta.archives GROUP BY status";
    let commands: [(&str, &[&str]); 6] = [
        ("plan", &["--all", "--source", source]),
        ("ingest", &["--all", "--stage", "silver", "--source", source]),
        ("refresh", &["--source", source]),
        ("status", &[]),
        ("query", &[statement]),
        ("query", &["SELECT count(*) FROM meta.series"]),
    ];
    for (command, arguments) in commands {
        let peak = peak_of(lake.program(command, arguments));
        figures::print(&format!("{command}, {archives} archives: {} MiB", peak >> 10));
        assert!((1..PROMISED).contains(&peak), "{command} {arguments:?}: {peak} KiB");
    }
    let held = "SELECT CAST(sum(held) AS BIGINT) FROM meta.series";
    assert_eq!(lake.value(held).await, (archives + 1).to_string());
}
