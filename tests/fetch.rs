//! Archives reach bronze whole and verified, or not at all, whatever source and network do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use lakehouse::fetch::{BronzeArchive, FetchOptions, FetchOutcome, Fetcher};
use lakehouse::source::retry::RetryPolicy;
use lakehouse::source::{SourceError, Timeouts, open_source};
use lakehouse::storage::Storage;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::listing::Published;
use lakehouse_core::matrix::Matrix;
use tempfile::TempDir;

use crate::support::Recorder;
use crate::support::archive_server::{ArchiveServer, Fault, Kind, checksum_text};

const KEY: &str = "data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";

/// A lake's bronze in a folder of its own, and a fetcher into it.
struct Bench {
    server: ArchiveServer,
    lake: TempDir,
    recorder: Arc<Recorder>,
}

impl Bench {
    fn new() -> Self {
        Self { server: ArchiveServer::start(), lake: tempfile::tempdir().unwrap(), recorder: Recorder::new() }
    }

    fn fetcher(&self, options: FetchOptions) -> Arc<Fetcher> {
        let source = open_source(self.server.url(), None, impatient()).unwrap();
        let bronze = Storage::open(self.bronze().to_str().unwrap()).unwrap();
        Arc::new(Fetcher::new(source, &bronze, options, Arc::clone(&self.recorder) as _).unwrap())
    }

    async fn fetch(&self) -> FetchOutcome {
        self.fetch_with(options()).await
    }

    async fn fetch_with(&self, options: FetchOptions) -> FetchOutcome {
        self.fetcher(options).fetch(&published(KEY)).await.outcome
    }

    fn bronze(&self) -> PathBuf {
        self.lake.path().join("bronze")
    }

    fn folder(&self) -> PathBuf {
        self.bronze().join("spot/klines/BTCUSDT/1h")
    }

    fn file(&self) -> PathBuf {
        self.folder().join("BTCUSDT-1h-2026-05-08.zip")
    }

    fn partials(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.bronze().join(".partial")).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.file_name().unwrap() != "lock").collect()
    }
}

fn impatient() -> Timeouts {
    Timeouts { idle: Duration::from_millis(300), ..Timeouts::default() }
}

fn options() -> FetchOptions {
    let retry = RetryPolicy { retries: 4, base: Duration::ZERO, longest: Duration::ZERO };
    FetchOptions { retry, ..FetchOptions::default() }
}

fn published(key: &str) -> Published {
    let key = Matrix::builtin().unwrap().identify(key).unwrap();
    Published { key, size: None, etag: None, last_modified: None, checksum_modified: None, has_checksum: None }
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

#[track_caller]
fn stored(outcome: FetchOutcome) -> BronzeArchive {
    match outcome {
        FetchOutcome::Stored(archive) => archive,
        other => panic!("not stored: {other:?}"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect())
        .unwrap_or_default();
    names.sort();
    names
}

#[tokio::test]
async fn an_archive_lands_byte_for_byte_with_its_checksum_beside_it() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(70_000));
    let archive = stored(bench.fetch().await);
    assert_eq!(archive.file, bench.file());
    assert_eq!((archive.size, archive.checksum, archive.downloaded), (70_000, ChecksumState::Match, true));
    assert!(archive.etag.is_some_and(|etag| !etag.contains('"')) && archive.last_modified.is_some());
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(70_000));
    let beside = std::fs::read_to_string(bench.folder().join("BTCUSDT-1h-2026-05-08.zip.CHECKSUM")).unwrap();
    assert_eq!(beside, checksum_text(KEY, &bytes(70_000)));
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
    let mut expected = vec![name.clone(), format!("{name}.CHECKSUM"), kept.clone(), format!("{kept}.CHECKSUM")];
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
async fn a_busy_server_is_asked_again_and_every_retry_is_told() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.script(KEY, [Fault::Status(503), Fault::RetryAfter(429, "0"), Fault::Status(500)]);
    bench.server.script(&format!("{KEY}.CHECKSUM"), [Fault::Status(503)]);
    stored(bench.fetch().await);
    assert_eq!(bench.server.downloads(), 4);
    assert_eq!(bench.recorder.retries(), 4);
}

#[tokio::test]
async fn a_server_that_stays_busy_fails_the_archive_with_its_reason() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(100));
    bench.server.script(KEY, vec![Fault::Status(503); 5]);
    let FetchOutcome::Failed { error } = bench.fetch().await else { panic!("it cannot succeed") };
    let text = error.to_string();
    assert!(text.contains(KEY) && text.contains("503") && text.contains("Scripted: as the test wants it"), "{text}");
    assert!(!bench.file().exists());
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_says_what_may_help() {
    for (status, advice) in [(403, "refuse this client"), (451, "--source"), (401, "refuse")] {
        let bench = Bench::new();
        bench.server.publish(KEY, bytes(100));
        bench.server.script(KEY, [Fault::Status(status)]);
        let FetchOutcome::Failed { error } = bench.fetch().await else { panic!("it cannot succeed") };
        assert!(error.to_string().contains(advice), "{error}");
        assert_eq!(bench.recorder.retries(), 0);
    }
}

#[tokio::test]
async fn a_download_that_breaks_goes_on_where_it_broke() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.script(KEY, [Fault::CutAfter(4_000), Fault::StallAfter(3_000)]);
    stored(bench.fetch().await);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000));
    let ranges: Vec<_> = bench.server.take_seen().into_iter().filter_map(|seen| seen.range).collect();
    assert_eq!(ranges, ["bytes=4000-", "bytes=7000-"]);
    assert_eq!(bench.recorder.retries(), 2);
}

#[tokio::test]
async fn a_server_that_will_not_resume_gets_asked_for_the_whole() {
    for fault in [Fault::IgnoreRange, Fault::WrongRange, Fault::Status(416), Fault::Status(412)] {
        let bench = Bench::new();
        bench.server.publish(KEY, bytes(9_000));
        bench.server.script(KEY, [Fault::CutAfter(4_000), fault.clone()]);
        stored(bench.fetch().await);
        assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000), "{fault:?}");
    }
}

#[tokio::test]
async fn bytes_of_two_versions_are_never_mixed() {
    for honest in [true, false] {
        let bench = Bench::new();
        let new = vec![3; 9_000];
        bench.server.put(KEY, bytes(9_000));
        bench.server.script(KEY, [Fault::CutAfter(4_000), Fault::Republish(new.clone())]);
        if !honest {
            bench.server.script(KEY, [Fault::IgnoreIfRange]);
        }
        // Without a checksum nothing else would notice.
        stored(bench.fetch_with(FetchOptions { checksum: false, ..options() }).await);
        assert_eq!(std::fs::read(bench.file()).unwrap(), new, "honest: {honest}");
    }
}

#[tokio::test]
async fn what_a_killed_run_left_is_gone_on_with_by_the_next() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.script(KEY, vec![Fault::CutAfter(1_000); 5]);
    assert!(matches!(bench.fetch().await, FetchOutcome::Failed { .. }));
    assert!(!bench.file().exists());
    let left = bench.partials();
    assert_eq!(left.len(), 2);
    assert!(left.iter().all(|path| path.extension().is_some_and(|ending| ending != "zip")), "{left:?}");
    bench.server.take_seen();
    stored(bench.fetch().await);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000));
    let ranges: Vec<_> = bench.server.take_seen().into_iter().filter_map(|seen| seen.range).collect();
    assert_eq!(ranges, ["bytes=5000-"]);
    assert_eq!(bench.partials(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn without_resume_every_try_reads_the_whole() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.script(KEY, [Fault::CutAfter(4_000)]);
    stored(bench.fetch_with(FetchOptions { resume: false, ..options() }).await);
    assert!(bench.server.take_seen().iter().all(|seen| seen.range.is_none()));
}

#[tokio::test]
async fn a_part_without_its_note_or_with_damaged_bytes_never_lands() {
    for damage in ["note", "bytes"] {
        let bench = Bench::new();
        bench.server.publish(KEY, bytes(9_000));
        bench.server.script(KEY, vec![Fault::CutAfter(1_000); 5]);
        bench.fetch().await;
        for path in bench.partials() {
            let note = path.extension().is_some_and(|ending| ending == "json");
            match damage {
                "note" if note => std::fs::write(path, "{").unwrap(),
                "bytes" if !note => std::fs::write(path, vec![0; 5_000]).unwrap(),
                _ => {}
            }
        }
        stored(bench.fetch().await);
        assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000), "{damage}");
    }
}

#[tokio::test]
async fn a_file_that_another_process_writes_is_left_alone() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.script(KEY, vec![Fault::CutAfter(1_000); 5]);
    bench.fetch().await;
    let theirs = bench.partials().into_iter().find(|path| path.extension().is_some_and(|it| it == "part")).unwrap();
    let held = std::fs::File::open(&theirs).unwrap();
    held.lock().unwrap();
    stored(bench.fetch().await);
    assert_eq!(std::fs::read(&theirs).unwrap(), bytes(5_000));
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000));
    drop(held);
    std::fs::write(bench.bronze().join(".partial/x.own"), "left by a killed process").unwrap();
    bench.fetcher(options());
    assert_eq!(bench.partials().len(), 2, "only the part and its note may be left");
}

#[tokio::test]
async fn two_fetchers_of_one_archive_do_each_other_no_harm() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(2_000_000));
    let wanted = published(KEY);
    let fetchers: Vec<_> = (0..4).map(|_| bench.fetcher(options())).collect();
    let all = futures::future::join_all(fetchers.iter().map(|fetcher| fetcher.fetch(&wanted))).await;
    for fetched in all {
        stored(fetched.outcome);
    }
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(2_000_000));
    assert_eq!(names(&bench.folder()).len(), 2);
    assert_eq!(bench.partials(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn bytes_corrupted_on_the_way_are_fetched_again() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.script(KEY, [Fault::Corrupt]);
    stored(bench.fetch().await);
    assert_eq!(std::fs::read(bench.file()).unwrap(), bytes(9_000));
    assert_eq!(bench.server.count(Kind::Get, ".CHECKSUM"), 2, "both are read anew");
}

#[tokio::test]
async fn a_checksum_that_never_matches_sets_the_bytes_aside() {
    let bench = Bench::new();
    bench.server.publish(KEY, bytes(9_000));
    bench.server.put(KEY, vec![1; 50]);
    let outcome = bench.fetch().await;
    let FetchOutcome::Mismatch { expected, actual, size, kept_as, .. } = outcome else { panic!("{outcome:?}") };
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
    let key = |day: u32| format!("data/spot/daily/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-{day:02}.zip");
    for day in 1..=20 {
        bench.server.publish(&key(day), bytes(100 + day as usize));
    }
    bench.server.script(&key(7), [Fault::Status(403)]);
    bench.server.remove(&key(9));
    let batch = (1..=20).map(|day| published(&key(day))).collect();
    let fetched: Vec<_> = bench.fetcher(options()).fetch_all(batch).collect().await;
    let count = |wanted: fn(&FetchOutcome) -> bool| fetched.iter().filter(|it| wanted(&it.outcome)).count();
    assert_eq!(count(|outcome| matches!(outcome, FetchOutcome::Stored(_))), 18);
    assert_eq!(count(|outcome| matches!(outcome, FetchOutcome::NotPublished)), 1);
    assert_eq!(count(|outcome| matches!(outcome, FetchOutcome::Failed { .. })), 1);
}

#[tokio::test]
async fn a_symbol_that_is_not_ascii_is_fetched_over_http_and_from_a_folder() {
    let key = "data/spot/daily/klines/币安人生USDT/1h/币安人生USDT-1h-2026-05-08.zip";
    let bench = Bench::new();
    bench.server.publish(key, bytes(100));
    let file = stored(bench.fetcher(options()).fetch(&published(key)).await.outcome).file;
    assert!(file.ends_with("spot/klines/币安人生USDT/1h/币安人生USDT-1h-2026-05-08.zip"));

    let mirror = tempfile::tempdir().unwrap();
    let copy = mirror.path().join(key);
    std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
    std::fs::write(&copy, bytes(100)).unwrap();
    std::fs::write(mirror.path().join(format!("{key}.CHECKSUM")), checksum_text(key, &bytes(100))).unwrap();
    let source = open_source(mirror.path().to_str().unwrap(), None, impatient()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let bronze = Storage::open(other.path().to_str().unwrap()).unwrap();
    let fetcher = Fetcher::new(source, &bronze, options(), Recorder::new()).unwrap();
    assert_eq!(stored(fetcher.fetch(&published(key)).await.outcome).checksum, ChecksumState::Match);
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
    let limit = lakehouse::fetch::Bandwidth::new(Some(1_000));
    let now = tokio::time::Instant::now();
    let waits: Vec<_> = [500, 2_000, 1].map(|bytes| limit.book(now, bytes).duration_since(now)).into();
    assert_eq!(waits, [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(2_500)]);
    let later = now + Duration::from_secs(60);
    assert_eq!(limit.book(later, 1), later, "time that nobody used is not saved up");
}

#[test]
fn a_server_that_names_a_time_to_come_back_at_is_obeyed() {
    let busy = |seconds: Option<u64>| SourceError::Transient {
        what: KEY.to_owned(),
        reason: "busy".to_owned(),
        retry_after: seconds.map(Duration::from_secs),
    };
    let second = Some(Duration::from_secs(1));
    assert_eq!(RetryPolicy::adjust(&busy(Some(30)), second), Some(Duration::from_secs(30)));
    assert_eq!(RetryPolicy::adjust(&busy(Some(0)), second), second);
    assert_eq!(RetryPolicy::adjust(&busy(None), second), second);
    assert_eq!(RetryPolicy::adjust(&busy(Some(86_400)), second), None, "nobody waits for a day");
    assert_eq!(RetryPolicy::adjust(&busy(Some(1)), None), None, "no try is left");
    let gone = SourceError::NotFound { what: KEY.to_owned() };
    assert_eq!(RetryPolicy::adjust(&gone, second), None);
}

#[test]
fn a_source_that_is_no_archive_is_refused_with_what_was_expected() {
    let empty = tempfile::tempdir().unwrap();
    let open =
        |location: &str, listing| open_source(location, listing, impatient()).map(|_| ()).unwrap_err().to_string();
    let text = open(empty.path().to_str().unwrap(), None);
    assert!(text.contains("no folder `data`"), "{text}");
    assert!(open("ftp://mirror/", None).contains("s3://bucket/prefix"));
    assert!(open(empty.path().to_str().unwrap(), Some("http://localhost")).contains("listed elsewhere"));
    assert!(open("http://", None).contains("is no URL"));
}
