//! A lake in an object store: the same as one in a folder, through the same commands.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use axum::http::Method;
use futures::future::join_all;
use object_store::aws::AmazonS3Builder;
use object_store::path::Path as StorePath;
use object_store::{Error, GetRange, ObjectStore, ObjectStoreExt, PutMode};
use tempfile::TempDir;

use crate::support::command::{Run, lakehouse};
use crate::support::s3_server::{Conditions, S3Server};
use crate::support::sample_archive::{SampleArchive, content_through};
use crate::support::samples::{identify, trades_key};

/// A lake in a bucket, and the archive that it is made of.
struct RemoteLake {
    server: S3Server,
    archive: SampleArchive,
}

impl RemoteLake {
    fn new() -> Self {
        Self { server: S3Server::start(), archive: SampleArchive::new() }
    }

    fn url(&self) -> String {
        self.server.lake("lake")
    }

    fn ingest(&self) -> Command {
        let mut program = self.archive.ingest(Path::new(&self.url()));
        self.server.admit(&mut program);
        program
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let mut program = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
        self.server.admit(program.args(arguments).args(["--lake", &self.url()]));
        program.output().unwrap().into()
    }

    fn done(&self, arguments: &[&str]) -> Run {
        let run = self.run(arguments);
        assert_eq!(run.code, Some(0), "{arguments:?}: {run}");
        run
    }

    fn source(&self) -> &str {
        self.archive.folder.path().to_str().unwrap()
    }

    fn content(&self) -> Vec<String> {
        content_through(&self.url(), |program| self.server.admit(program))
    }

    /// Returns how many versions a table has.
    fn commits(&self, table: &str) -> usize {
        let log = format!("lake/{table}/_delta_log/");
        self.server.keys(&log).iter().filter(|key| key.ends_with(".json")).count()
    }
}

#[test]
fn a_lake_in_a_bucket_becomes_and_stays_what_a_lake_in_a_folder_does() {
    let remote = RemoteLake::new();
    remote.server.set_page_size(5);
    let folder = TempDir::new().unwrap();
    let local = folder.path().join("lake");
    let undisturbed = remote.archive.complete(&local);
    assert!(remote.ingest().status().unwrap().success());
    assert_eq!(remote.content(), undisturbed);

    remote.server.take_seen();
    assert!(remote.ingest().status().unwrap().success());
    let read = [Method::GET, Method::HEAD];
    let written: Vec<_> =
        remote.server.take_seen().into_iter().filter(|seen| !read.contains(&seen.method)).collect();
    assert!(written.is_empty(), "nothing new, nothing written: {written:?}");

    let corrected: Vec<_> = remote.archive.keys.iter().step_by(3).collect();
    corrected.iter().for_each(|key| remote.archive.publish(key, 2));
    let undisturbed = remote.archive.complete(&local);
    remote.done(&["refresh", "--full", "--source", remote.source()]);
    assert_eq!(remote.content(), undisturbed);
    let built = lakehouse(folder.path()).args(["gold", "-q", "--lake", "lake"]).status().unwrap();
    assert!(built.success());
    let gold = ["query", "--format", "csv", "SELECT * FROM gold.symbols ORDER BY market, symbol"];
    let of_folder =
        Run::from(lakehouse(folder.path()).args(gold).args(["--lake", "lake"]).output().unwrap());
    assert!(of_folder.stdout.lines().count() > 3, "{of_folder}");
    assert_eq!(remote.done(&gold).stdout, of_folder.stdout);
    let changes = remote.done(&["changes"]);
    assert_eq!(changes.stdout.lines().count(), 1 + corrected.len(), "{changes}");

    let files = remote.server.keys("lake/silver/klines/market=").len();
    let maintained = remote.done(&["maintain", "--retention", "0"]);
    assert!(maintained.stderr.contains("silver.klines: deleted"), "{maintained}");
    assert!(remote.server.keys("lake/silver/klines/market=").len() < files);
    assert_eq!(remote.content(), undisturbed);
    remote.done(&["verify", "--deep"]);
    remote.done(&["maintain", "--rebuild-ledger"]);
    assert_eq!(remote.content(), undisturbed);
}

#[test]
fn four_processes_with_overlapping_selections_land_each_archive_once_in_a_bucket() {
    let remote = RemoteLake::new();
    let folder = TempDir::new().unwrap();
    let alone = remote.archive.complete(&folder.path().join("alone"));
    let everything: &[&str] = &[];
    let selections =
        [everything, &["--data-type", "klines"], &["--market", "spot,futures_um"], everything];
    let processes = selections.map(|selection| remote.ingest().args(selection).spawn().unwrap());
    let ends = processes.map(|mut process| process.wait().unwrap());
    assert!(ends.iter().all(ExitStatus::success), "{ends:?}");
    assert_eq!(remote.content(), alone);
}

#[test]
fn a_commit_whose_answer_is_lost_is_found_again_and_not_made_twice() {
    let undisturbed = RemoteLake::new();
    assert!(undisturbed.ingest().status().unwrap().success());
    // The client tries again after the one status, and meets its own commit; it gives up after the
    // other.
    for status in [500, 400] {
        let remote = RemoteLake::new();
        for table in ["silver/klines", "silver/trades", "meta/archives", "meta/runs"] {
            remote.server.lose_answers(&format!("{table}/_delta_log/"), status, 1);
            // The first of a table's commits makes the table.
            remote.server.lose_answers(
                &format!("{table}/_delta_log/00000000000000000001"),
                status,
                1,
            );
        }
        let run = remote.ingest().status().unwrap();
        assert_eq!((run.code(), remote.server.answers_to_lose()), (Some(0), 0), "after {status}");
        assert_eq!(remote.content(), undisturbed.content(), "after {status}");
        for table in ["silver/klines", "silver/trades", "meta/archives", "meta/runs"] {
            assert_eq!(remote.commits(table), undisturbed.commits(table), "{table} after {status}");
        }
    }
}

/// The server is worth something only if it is as strict as the real one.
#[test]
fn a_store_that_ignores_conditions_is_refused_before_anything_is_written() {
    let lake = RemoteLake::new();
    lake.server.set_conditions(Conditions::Ignored);
    let run: Run = lake.ingest().stderr(Stdio::piped()).output().unwrap().into();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("ignores If-None-Match"), "{run}");
    assert_eq!(lake.server.keys(""), Vec::<String>::new());
}

#[test]
fn a_store_that_answers_each_condition_with_a_conflict_is_refused_in_words() {
    let lake = RemoteLake::new();
    lake.server.set_conditions(Conditions::Conflicting);
    let run: Run = lake.ingest().stderr(Stdio::piped()).output().unwrap().into();
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("refuses conditional writes (409 Conflict)"), "{run}");
}

#[test]
fn a_lake_in_a_bucket_is_under_the_name_that_was_typed() {
    let server = S3Server::start();
    let archive = SampleArchive::new();
    for name in ["lake", "lake#1", "lake?2", "lake%20x", "my lake", "a+b=c", "Zürich"] {
        let url = server.lake(name);
        let mut program = archive.ingest(Path::new(&url));
        server.admit(&mut program);
        let run: Run = program.stderr(Stdio::piped()).output().unwrap().into();
        assert_eq!(run.code, Some(0), "{name}: {run}");
        let log = format!("{name}/silver/klines/_delta_log/");
        assert!(!server.keys(&log).is_empty(), "{name}: {:?}", server.keys(""));
    }
}

#[tokio::test]
async fn the_store_that_tests_use_keeps_its_conditions_ranges_and_pages() {
    let server = S3Server::start();
    server.set_page_size(2);
    let builder = AmazonS3Builder::new()
        .with_bucket_name("bucket")
        .with_endpoint(server.endpoint())
        .with_allow_http(true);
    let store = builder.with_access_key_id("test").with_secret_access_key("test").build().unwrap();
    let store: Arc<dyn ObjectStore> = Arc::new(store);
    let path = |name: &str| StorePath::from(name);

    let racing = (0..8).map(|writer: u8| {
        let store = Arc::clone(&store);
        async move {
            store
                .put_opts(&StorePath::from("a/raced"), vec![writer].into(), PutMode::Create.into())
                .await
        }
    });
    let won = join_all(racing).await;
    assert_eq!(won.iter().filter(|put| put.is_ok()).count(), 1, "{won:?}");
    assert!(
        won.iter().all(|put| matches!(put, Ok(_) | Err(Error::AlreadyExists { .. }))),
        "{won:?}"
    );

    let first = store.put(&path("b"), "0123456789".into()).await.unwrap();
    let second = store
        .put_opts(&path("b"), "abcdefghij".into(), PutMode::Update(first.clone().into()).into())
        .await;
    assert!(second.is_ok(), "{second:?}");
    let stale =
        store.put_opts(&path("b"), "lost".into(), PutMode::Update(first.into()).into()).await;
    assert!(matches!(stale, Err(Error::Precondition { .. })), "{stale:?}");
    assert_eq!(store.get_range(&path("b"), 2..5).await.unwrap(), "cde");
    let options =
        object_store::GetOptions { range: Some(GetRange::Suffix(3)), ..Default::default() };
    assert_eq!(store.get_opts(&path("b"), options).await.unwrap().bytes().await.unwrap(), "hij");

    let mut upload = store.put_multipart(&path("a/b/parts")).await.unwrap();
    for part in ["one ", "two"] {
        upload.put_part(part.into()).await.unwrap();
    }
    upload.complete().await.unwrap();
    assert_eq!(store.get(&path("a/b/parts")).await.unwrap().bytes().await.unwrap(), "one two");
    store.copy(&path("b"), &path("a/copy of b")).await.unwrap();
    store.put(&path("a/z=1 & 2"), "z".into()).await.unwrap();

    let listed = store.list_with_delimiter(Some(&path("a"))).await.unwrap();
    let names: Vec<_> = listed.objects.iter().map(|object| object.location.to_string()).collect();
    assert_eq!(
        (names, listed.common_prefixes),
        (vec!["a/copy of b".into(), "a/raced".into(), "a/z=1 & 2".into()], vec![path("a/b")])
    );
    let all: Vec<_> = futures::TryStreamExt::try_collect(store.list(None)).await.unwrap();
    assert_eq!(all.len(), 5);
    let after: Vec<_> = futures::TryStreamExt::try_collect(
        store.list_with_offset(Some(&path("a")), &path("a/copy of b")),
    )
    .await
    .unwrap();
    assert_eq!(after.len(), 2);
    let all = all.into_iter().map(|object: object_store::ObjectMeta| Ok(object.location));
    let deleted: Vec<_> =
        futures::StreamExt::collect(store.delete_stream(Box::pin(futures::stream::iter(all))))
            .await;
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    assert_eq!(server.keys(""), Vec::<String>::new());
    assert!(matches!(store.head(&path("b")).await, Err(Error::NotFound { .. })));
}

#[test]
fn a_socks_proxy_is_refused_for_a_lake_in_a_bucket_unless_the_store_needs_no_proxy() {
    let remote = RemoteLake::new();
    let proxy = "socks5h://127.0.0.1:9";
    for (variable, value) in [("ALL_PROXY", proxy), ("http_proxy", "socks5://127.0.0.1:9")] {
        let reached = |no_proxy: &str| {
            let mut program = Command::new(env!("CARGO_BIN_EXE_lakehouse"));
            for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "no_proxy"] {
                program.env_remove(name);
            }
            remote.server.admit(program.env(variable, value).env("NO_PROXY", no_proxy));
            let url = remote.url();
            let flags = ["ingest", "--all", "--lake", &url, "--source", remote.source()];
            Run::from(program.args(flags).output().unwrap())
        };
        let refused = reached("");
        assert_eq!(refused.code, Some(2), "{refused}");
        let named = format!("through the proxy {value} ({variable})");
        assert!(refused.stderr.contains(&named), "{refused}");
        assert!(refused.stderr.contains("NO_PROXY"), "{refused}");
        let run = reached("127.0.0.1");
        assert_eq!(run.code, Some(0), "{run}");
    }
}

#[test]
fn a_correction_opens_files_of_its_own_days_only() {
    let mut remote = RemoteLake::new();
    // Three symbols whose names enclose the corrected one's, so that bounds of names tell nothing.
    let days = ["2024-03-05", "2024-03-06", "2024-03-07", "2024-03-08"];
    remote.archive.keys.clear();
    std::fs::remove_dir_all(remote.archive.folder.path().join("data")).unwrap();
    for symbol in ["AUSDT", "BUSDT", "CUSDT"] {
        for day in days {
            let key = identify(&trades_key(symbol, day));
            remote.archive.publish(&key, 1);
            remote.archive.keys.push(key);
        }
    }
    remote.done(&["ingest", "--all", "--stage", "silver", "--source", remote.source()]);
    let corrected = remote.archive.keys[5].clone();
    assert_eq!(corrected.path(), trades_key("BUSDT", days[1]));
    remote.archive.publish(&corrected, 2);
    remote.server.take_seen();
    remote.done(&["ingest", "--all", "--stage", "silver", "--source", remote.source()]);
    let opened = remote.server.take_seen().into_iter();
    let mut opened: Vec<String> = opened
        .filter(|seen| seen.method == Method::GET && seen.key.contains("silver/trades/market"))
        .map(|seen| seen.key)
        .collect();
    opened.sort();
    opened.dedup();
    assert_eq!(opened.len(), 2, "the file of the day, and the one with its new rows: {opened:?}");
    assert!(opened.iter().all(|file| file.contains(days[1])), "{opened:?}");
    let rows = "SELECT count(DISTINCT archive) AS archives FROM trades";
    assert_eq!(remote.done(&["query", "--format", "csv", rows]).stdout, "archives\n12\n");
}
