//! A lake and a source that are object stores behave as folders do.

use std::sync::Arc;

use lakehouse::bronze::{FetchOptions, FetchOutcome, Fetcher};
use lakehouse::source::{Resume, Source, SourceError, source_in};
use lakehouse::storage::Storage;
use lakehouse_core::ledger::ChecksumState;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::support::archive_server::checksum_text;
use crate::support::fetch_bench::{KEY, bytes, options, published, stored};
use crate::support::recorder::Recorder;

const NAME: &str = "spot/klines/BTCUSDT/1h/BTCUSDT-1h-2026-05-08.zip";

/// A bucket to read from and one to write to.
struct Buckets {
    archive: Arc<InMemory>,
    lake: Arc<InMemory>,
}

impl Buckets {
    fn new() -> Self {
        Self { archive: Arc::default(), lake: Arc::default() }
    }

    async fn publish(&self, bytes: &[u8]) {
        let checksum = checksum_text(KEY, bytes);
        self.archive.put(&Path::from(KEY), bytes.to_vec().into()).await.unwrap();
        self.archive.put(&Path::from(format!("{KEY}.CHECKSUM")), checksum.into()).await.unwrap();
    }

    fn source(&self) -> Arc<dyn Source> {
        source_in("s3://archive", &storage("s3://archive/", &self.archive))
    }

    async fn fetch(&self, options: FetchOptions) -> FetchOutcome {
        let bronze = storage("s3://lake/bronze/", &self.lake);
        let fetcher = Fetcher::new(self.source(), &bronze, options, Recorder::new()).unwrap();
        fetcher.fetch(&published(KEY)).await.outcome
    }

    async fn held(&self, name: &str) -> Vec<u8> {
        self.lake.get(&Path::from(name)).await.unwrap().bytes().await.unwrap().to_vec()
    }
}

fn storage(url: &str, store: &Arc<InMemory>) -> Storage {
    Storage::of_store(url.parse().unwrap(), Arc::clone(store) as Arc<dyn ObjectStore>)
}

#[tokio::test]
async fn verified_bytes_are_uploaded_and_a_copy_lives_as_long_as_it_is_needed() {
    let (buckets, scratch) = (Buckets::new(), tempfile::tempdir().unwrap());
    let whole = bytes(9_000_000);
    buckets.publish(&whole).await;
    let options = FetchOptions { scratch: Some(scratch.path().to_owned()), ..options() };
    let archive = stored(buckets.fetch(options.clone()).await);
    assert_eq!(buckets.held(NAME).await, whole);
    assert_eq!(
        buckets.held(&format!("{NAME}.CHECKSUM")).await,
        checksum_text(KEY, &whole).into_bytes()
    );
    assert_eq!(std::fs::read(&archive.file).unwrap(), whole);

    let again = stored(buckets.fetch(options).await);
    assert_eq!((again.downloaded, again.checksum), (false, ChecksumState::Match));
    assert_eq!(std::fs::read(&again.file).unwrap(), whole);
    drop((archive, again));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn an_older_version_stays_in_the_bucket_when_a_correction_takes_its_name() {
    let buckets = Buckets::new();
    buckets.publish(&bytes(100)).await;
    let old = stored(buckets.fetch(options()).await);
    buckets.publish(&[5; 100]).await;
    assert!(stored(buckets.fetch(options()).await).downloaded);
    assert_eq!(buckets.held(NAME).await, [5; 100]);
    let kept = format!("{}.{}.zip", NAME.trim_end_matches(".zip"), &old.sha256.to_string()[..12]);
    assert_eq!(buckets.held(&kept).await, bytes(100));
    assert_eq!(
        buckets.held(&format!("{kept}.CHECKSUM")).await,
        checksum_text(KEY, &bytes(100)).into_bytes()
    );
}

#[tokio::test]
async fn bytes_that_do_not_match_are_set_aside_in_the_bucket() {
    let buckets = Buckets::new();
    buckets.publish(&bytes(100)).await;
    buckets.archive.put(&Path::from(KEY), vec![1; 50].into()).await.unwrap();
    let outcome = buckets.fetch(options()).await;
    let FetchOutcome::Mismatch(mismatch) = outcome else { panic!("{outcome:?}") };
    assert_eq!(buckets.held(&mismatch.kept_as).await, [1; 50]);
    assert!(buckets.lake.head(&Path::from(NAME)).await.is_err());
}

#[tokio::test]
async fn a_bucket_continues_only_the_object_that_was_begun() {
    let buckets = Buckets::new();
    buckets.publish(&bytes(100)).await;
    let source = buckets.source();
    let whole = source.get(KEY, None).await.unwrap();
    assert_eq!((whole.offset, whole.size), (0, Some(100)));
    let resume = Resume { offset: 40, validator: whole.validator };
    assert_eq!(source.get(KEY, Some(&resume)).await.unwrap().offset, 40);
    buckets.publish(&[5; 100]).await;
    assert!(matches!(source.get(KEY, Some(&resume)).await, Err(SourceError::Changed { .. })));
    assert!(matches!(source.get("data/none.zip", None).await, Err(SourceError::NotFound { .. })));
}
