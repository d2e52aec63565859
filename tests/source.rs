//! Servers, mirrors and folders: what they answer, and what is made of it.

use std::time::Duration;

use futures::StreamExt;
use lakehouse::bronze::{FetchOutcome, Fetcher};
use lakehouse::source::retry::RetryPolicy;
use lakehouse::source::{SourceError, open_source};
use lakehouse::storage::Storage;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::listing::Published;
use lakehouse_core::matrix::Matrix;

use crate::support::archive_server::{ArchiveServer, Fault, checksum_text};
use crate::support::fetch_bench::{Bench, KEY, bytes, impatient, options, published, stored};
use crate::support::recorder::Recorder;
use crate::support::shared::real_archives;

#[tokio::test]
async fn a_busy_server_is_tried_again_and_every_retry_is_reported() {
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
    assert!(
        text.contains(KEY)
            && text.contains("503")
            && text.contains("Scripted: as the test wants it"),
        "{text}"
    );
    assert!(!bench.file().exists());
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_says_what_may_help() {
    for (status, advice) in [(403, "refuse this client"), (451, "--source"), (401, "refuse")] {
        let bench = Bench::new();
        bench.server.publish(KEY, bytes(100));
        bench.server.script(KEY, [Fault::Status(status)]);
        let FetchOutcome::Failed { error } = bench.fetch().await else {
            panic!("it cannot succeed")
        };
        assert!(error.to_string().contains(advice), "{error}");
        assert_eq!(bench.recorder.retries(), 0);
    }
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
    std::fs::write(mirror.path().join(format!("{key}.CHECKSUM")), checksum_text(key, &bytes(100)))
        .unwrap();
    let source = open_source(mirror.path().to_str().unwrap(), None, impatient()).unwrap();
    let other = tempfile::tempdir().unwrap();
    let bronze = Storage::open(other.path().to_str().unwrap()).unwrap();
    let fetcher = Fetcher::new(source, &bronze, options(), Recorder::new()).unwrap();
    assert_eq!(stored(fetcher.fetch(&published(key)).await.outcome).checksum, ChecksumState::Match);
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
    let open = |location: &str, listing| {
        open_source(location, listing, impatient()).map(|_| ()).unwrap_err().to_string()
    };
    let text = open(empty.path().to_str().unwrap(), None);
    assert!(text.contains("no folder `data`"), "{text}");
    assert!(open("ftp://mirror/", None).contains("s3://bucket/prefix"));
    assert!(
        open(empty.path().to_str().unwrap(), Some("http://localhost")).contains("listed elsewhere")
    );
    assert!(open("http://", None).contains("expected a URL such as https://host/path"));
}

#[tokio::test]
async fn a_folder_named_by_way_of_its_neighbour_is_that_folder() {
    let place = tempfile::tempdir().unwrap();
    for folder in ["mirror/data/spot", "lake"] {
        std::fs::create_dir_all(place.path().join(folder)).unwrap();
    }
    std::fs::write(place.path().join("mirror/data/spot/x"), "x").unwrap();
    let source =
        open_source(place.path().join("lake/../mirror").to_str().unwrap(), None, impatient())
            .unwrap();
    let page = source.list("data/", false, None).await.unwrap();
    assert_eq!(
        page.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(),
        ["data/spot/x"]
    );
}

#[tokio::test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
async fn real_archives_arrive_verified_over_http_and_from_a_folder() {
    let archives = real_archives();
    let folder = archives.path();
    let server = ArchiveServer::of_folder(folder);
    let matrix = Matrix::builtin().unwrap();
    for location in [server.url(), folder.to_str().unwrap()] {
        let source = open_source(location, None, impatient()).unwrap();
        let page = source.list("data/", false, None).await.unwrap();
        let found: Vec<Published> =
            lakehouse_core::listing::inventory(page.objects, &matrix).archives;
        let count = found.len();
        assert!(count > 0, "{location}");
        let lake = tempfile::tempdir().unwrap();
        let bronze = Storage::open(lake.path().to_str().unwrap()).unwrap();
        let fetcher = Fetcher::new(source, &bronze, options(), Recorder::new()).unwrap();
        let fetched: Vec<_> = std::sync::Arc::new(fetcher).fetch_all(found).collect().await;
        assert_eq!(fetched.len(), count);
        for one in fetched {
            let archive = stored(one.outcome);
            assert_eq!(archive.checksum, ChecksumState::Match, "{}", archive.key);
            let original = std::fs::read(folder.join(archive.key.path())).unwrap();
            assert_eq!(std::fs::read(&archive.file).unwrap(), original, "{}", archive.key);
        }
    }
}
