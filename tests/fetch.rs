//! Archives reach bronze whole and verified, or not at all.

use std::path::PathBuf;
use std::time::Duration;

use futures::StreamExt;
use lakehouse::bronze::{FetchError, FetchOptions, FetchOutcome, Fetched, Mismatch};
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::listing::Published;

use crate::support::archive_server::{Fault, Kind, checksum_text};
use crate::support::fetch_bench::{Bench, KEY, bytes, names, options, published, stored};

#[tokio::test]
async fn an_archive_lands_byte_for_byte_with_its_checksum_beside_it() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(70_000));
    let archive = stored(bench.fetch().await);
    assert_eq!(archive.file, bench.file());
    assert_eq!(
        (archive.size, archive.checksum, archive.downloaded),
        (70_000, ChecksumState::Match, true)
    );
    assert!(
        archive.etag.is_some_and(|etag| !etag.contains('"')) && archive.last_modified.is_some()
    );
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(70_000));
    let sidecar =
        std::fs::read_to_string(bench.folder().join("BTCUSDT-1h-2026-05-08.zip.CHECKSUM")).unwrap();
    assert_eq!(sidecar, checksum_text(KEY, &bytes(70_000)));
    assert_eq!(bench.partials(), Vec::<PathBuf>::new());
    assert_eq!(bench.recorder.retries(), 0);
}

#[tokio::test]
async fn what_bronze_holds_is_not_downloaded_again_unless_forced() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    stored(bench.fetch().await);
    assert!(!stored(bench.fetch().await).downloaded);
    assert_eq!(bench.server.downloads(), 1);
    assert!(stored(bench.fetch_with(FetchOptions { force: true, ..options() }).await).downloaded);
    assert_eq!(bench.server.downloads(), 2);
}

#[tokio::test]
async fn bytes_in_bronze_that_were_damaged_are_fetched_again() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    stored(bench.fetch().await);
    std::fs::write(bench.file(), vec![0; 100]).unwrap();
    assert!(stored(bench.fetch().await).downloaded);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(100));
}

#[tokio::test]
async fn a_correction_of_the_same_size_takes_the_name_and_the_older_version_stays() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    let old = stored(bench.fetch().await);
    bench.server.publish(KEY, vec![5; 100]);
    let new = stored(bench.fetch().await);
    assert_ne!(old.sha256, new.sha256);
    let kept = format!("BTCUSDT-1h-2026-05-08.{}.zip", &old.sha256.to_string()[..12]);
    let name = "BTCUSDT-1h-2026-05-08.zip".to_owned();
    let mut expected =
        vec![name.clone(), format!("{name}.CHECKSUM"), kept.clone(), format!("{kept}.CHECKSUM")];
    expected.sort();
    assert_eq!(names(&bench.folder()), expected);
    assert_eq!(std::fs::read(bench.folder().join(kept)).unwrap(), bytes(100));
    assert_eq!(std::fs::read(bench.file()).unwrap(), vec![5; 100]);
}

#[tokio::test]
async fn not_found_is_an_answer_and_leaves_nothing() {
    let bench = Bench::new();
    assert!(matches!(bench.fetch().await, FetchOutcome::NotPublished));
    assert_eq!(bench.recorder.retries(), 0);
    assert_eq!(bench.partials(), Vec::<PathBuf>::new());
    assert!(!bench.folder().exists());
}

#[tokio::test]
async fn a_missing_checksum_is_recorded_and_one_that_is_not_wanted_is_not_asked_for() {
    let bench = Bench::new();
    bench.server.put(KEY, bytes(100));
    assert_eq!(stored(bench.fetch().await).checksum, ChecksumState::Absent);
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    let unchecked = stored(bench.fetch_with(FetchOptions { checksum: false, ..options() }).await);
    assert_eq!(unchecked.checksum, ChecksumState::Unchecked);
    assert_eq!(bench.server.count(Kind::Get, ".CHECKSUM"), 0);
}

#[tokio::test]
async fn bytes_corrupted_on_the_way_are_fetched_again() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.script(KEY, [Fault::Corrupt]);
    stored(bench.fetch().await);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000));
    assert_eq!(bench.server.count(Kind::Get, ".CHECKSUM"), 2, "both are read again");
}

#[tokio::test]
async fn a_checksum_that_never_matches_sets_the_bytes_aside() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.put(KEY, vec![1; 50]);
    let outcome = bench.fetch().await;
    let FetchOutcome::Mismatch(mismatch) = outcome else { panic!("{outcome:?}") };
    let Mismatch { expected, actual, size, kept_as, .. } = *mismatch;
    assert_eq!(format!("{expected}  BTCUSDT-1h-2026-05-08.zip"), checksum_text(KEY, &bytes(9_000)));
    assert_ne!(expected, actual);
    assert_eq!(size, 50);
    assert!(!bench.file().exists() && !kept_as.ends_with(".zip"));
    assert_eq!(std::fs::read(bench.bronze().join(kept_as)).unwrap(), vec![1; 50]);
}

#[tokio::test]
async fn a_checksum_file_that_is_none_is_an_error_that_says_so() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.put(&format!("{KEY}.CHECKSUM"), "<html>Sign in</html>");
    let FetchOutcome::Failed { error } = bench.fetch().await else { panic!("it cannot succeed") };
    assert!(error.to_string().contains(KEY) && error.to_string().contains("web page"), "{error}");
}

#[tokio::test]
async fn a_body_of_unannounced_length_that_lacks_its_end_is_noticed() {
    let bench = Bench::new();
    bench.server.put(KEY, bytes(9_000));
    bench.server.script(KEY, [Fault::Shorten(100)]);
    let wanted = Published { size: Some(9_000), ..published(KEY) };
    stored(bench.fetcher(options()).fetch(&wanted).await.outcome);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000));
    assert_eq!(bench.server.downloads(), 2);
}

#[tokio::test]
async fn a_batch_is_fetched_whole_and_its_failures_stand_alone() {
    let bench = Bench::new();
    let key =
        |day: u32| format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-{day:02}.zip");
    for day in 1..=20 {
        bench.server.publish(&key(day), bytes(100 + day as usize));
    }
    bench.server.script(&key(7), [Fault::Status(403)]);
    bench.server.remove(&key(9));
    let batch = (1..=20).map(|day| published(&key(day))).collect();
    let fetched: Vec<_> = bench.fetcher(options()).fetch_all(batch).collect().await;
    let count =
        |wanted: fn(&FetchOutcome) -> bool| fetched.iter().filter(|it| wanted(&it.outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, FetchOutcome::Stored(_))), 18);
    assert_eq!(count(|outcome| matches!(outcome, FetchOutcome::NotPublished)), 1);
    assert_eq!(count(|outcome| matches!(outcome, FetchOutcome::Failed { .. })), 1);
}

/// Archives that arrive together are placed together.
#[tokio::test]
async fn an_archive_that_cannot_be_placed_fails_alone() {
    let bench = Bench::new();
    let key = |number: usize| {
        let symbol = format!("COIN{number}USDT");
        format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-2026-05-08.zip")
    };
    for number in 0..100 {
        bench.server.publish(&key(number), bytes(100 + number));
    }
    let folders = bench.bronze().join("spot/klines");
    std::fs::create_dir_all(&folders).unwrap();
    let blocked = [3, 50, 51].map(|number| format!("COIN{number}USDT"));
    for symbol in &blocked {
        std::fs::write(folders.join(symbol), "in the place of a folder").unwrap();
    }
    let batch = (0..100).map(|number| published(&key(number))).collect();
    // Without a look at what bronze has, which would fail before anything is downloaded.
    let options = FetchOptions { force: true, ..options() };
    let mut fetches = bench.fetcher(options).fetch_all(batch);
    while let Some(Fetched { key, outcome }) = fetches.next().await {
        let is_blocked = blocked.contains(&key.symbol().to_string());
        match outcome {
            FetchOutcome::Failed { error: FetchError::Disk { file, .. } } if is_blocked => {
                assert!(file.starts_with(&folders), "{}", file.display());
            }
            FetchOutcome::Stored(archive) if !is_blocked => {
                let held = std::fs::read(&archive.file).unwrap();
                assert_eq!(held, bytes(held.len()), "{key}");
                assert!(archive.file.with_extension("zip.CHECKSUM").is_file(), "{key}");
            }
            other => panic!("{key}: {other:?}"),
        }
    }
    // What could not be placed is gone on with by the next run; the rest left nothing.
    assert_eq!(bench.partials().len(), blocked.len());
}

#[tokio::test]
async fn no_download_begins_in_the_place_of_one_while_the_source_does_not_keep_up() {
    let bench = Bench::new();
    let key =
        |day: u32| format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-{day:02}.zip");
    (1..=5).for_each(|day| bench.server.publish(&key(day), bytes(100)));
    bench.server.script(&key(1), [Fault::Status(503)]);
    // Given up as stalled, unless the fifth begins when the first is done.
    (2..=4).for_each(|day| bench.server.script(&key(day), [Fault::HeldUntilRequested(key(5))]));
    let batch = (1..=5).map(|day| published(&key(day))).collect();
    let fetcher = bench.fetcher(FetchOptions { parallel: 4, ..options() });
    let fetched: Vec<_> = fetcher.fetch_all(batch).collect().await;
    assert!(fetched.iter().all(|it| matches!(it.outcome, FetchOutcome::Stored(_))), "{fetched:?}");
    assert_eq!(bench.recorder.slowed(), [2]);
    let seen: Vec<String> = bench.server.take_seen().into_iter().map(|seen| seen.key).collect();
    let (before, _) = seen.split_at(seen.iter().position(|seen| *seen == key(5)).unwrap());
    let asked_again = |day| before.iter().filter(|seen| **seen == key(day)).count() == 2;
    assert!((2..=4).any(asked_again), "{seen:?}");
}

#[tokio::test]
async fn a_refusal_is_no_reason_for_fewer_downloads() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.script(KEY, [Fault::Status(403)]);
    bench.fetch().await;
    assert_eq!(bench.recorder.slowed(), [0; 0]);
}

#[tokio::test]
async fn a_limit_on_speed_changes_no_byte() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(300_000));
    stored(bench.fetch_with(FetchOptions { bandwidth: Some(1 << 40), ..options() }).await);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(300_000));
}

#[test]
fn pieces_book_the_time_that_the_limit_allows_them() {
    let limit = lakehouse::bronze::Bandwidth::new(Some(1_000));
    let now = tokio::time::Instant::now();
    let waits: Vec<_> =
        [500, 2_000, 1].map(|bytes| limit.book(now, bytes).duration_since(now)).into();
    assert_eq!(waits, [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(2_500)]);
    let later = now + Duration::from_secs(60);
    assert_eq!(limit.book(later, 1), later, "time that nobody used is not saved up");
}
