//! Lakes that a power cut, a careless hand or another program has damaged: what is wrong is named,
//! and `maintain --repair` makes silver again what bronze and the ledger say.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use crate::kill::work::REPAIR;
use crate::kill::{hold_at, kill_at, let_go};
use crate::support::archive_server::ArchiveServer;
use crate::support::command::Run;
use crate::support::delta_log::actions;
use crate::support::s3_server::S3Server;
use crate::support::samples::{trades, trades_key};
use crate::support::test_lake::TestLake;

pub(crate) const DAYS: [&str; 4] = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"];
const ONE_BY_ONE: [&str; 3] = ["--all", "--batch-size", "1"];
/// Twenty rows of each day, each once.
pub(crate) const RIGHT: &str = "80 rows and 80 of them different";
pub(crate) const ROWS: &str = "SELECT count(*) || ' rows and ' || \
                               count(DISTINCT date || ' ' || id) || \
                               ' of them different' AS found FROM silver.trades";

/// A lake of four days, a commit each.
pub(crate) async fn lake_of_days() -> (TestLake, ArchiveServer) {
    let server = ArchiveServer::start();
    for day in DAYS {
        let key = trades_key("BTCUSDT", day);
        server.publish(&key, trades(&key, day, 0..20));
    }
    let lake = TestLake::new();
    lake.ingest(server.url(), &ONE_BY_ONE).await;
    (lake, server)
}

/// Asks in a process of its own, which has not read the log before.
pub(crate) fn ask(lake: &TestLake, flags: &[&str], sql: &str) -> String {
    let run = lake.run("query", &[&["--format", "csv"], flags, &[sql]].concat());
    assert_eq!(run.code, Some(0), "{run}");
    run.stdout.lines().last().unwrap().to_owned()
}

pub(crate) fn ingest(lake: &TestLake, server: &ArchiveServer) -> Run {
    lake.run("ingest", &["--all", "--source", server.url()])
}

pub(crate) fn done(run: Run) -> Run {
    assert_eq!(run.code, Some(0), "{run}");
    run
}

pub(crate) fn repaired(lake: &TestLake) -> Run {
    let run = done(lake.run("maintain", &["--repair"]));
    let again = done(lake.run("maintain", &["--repair"]));
    assert!(again.stderr.contains("nothing to repair"), "{run}{again}");
    let verified = done(lake.run("verify", &["--deep"]));
    assert!(verified.stderr.contains("all as it should be"), "{verified}");
    run
}

fn log_file(lake: &TestLake, table: &str, ending: &str) -> PathBuf {
    let log = fs::read_dir(lake.path().join(table).join("_delta_log")).unwrap();
    let mut files: Vec<PathBuf> = log.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.to_str().unwrap().ends_with(ending));
    files.sort();
    files.pop().unwrap()
}

pub(crate) fn newest_commit(lake: &TestLake, table: &str) -> PathBuf {
    log_file(lake, table, ".json")
}

/// Adds a commit to a log, as another program would.
fn commit(lake: &TestLake, table: &str, operation: &str, lines: &[Value]) {
    let newest = newest_commit(lake, table);
    let version: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let info = json!({"commitInfo": {"timestamp": 1_800_000_000_000_i64, "operation": operation}});
    let lines = std::iter::once(&info).chain(lines).map(Value::to_string);
    let text = lines.collect::<Vec<_>>().join("\n");
    fs::write(newest.with_file_name(format!("{:020}.json", version + 1)), text).unwrap();
}

fn removal_of(add: &Value) -> Value {
    json!({"remove": {
        "path": add["path"], "deletionTimestamp": 1_800_000_000_000_i64, "dataChange": true,
        "extendedFileMetadata": true, "partitionValues": add["partitionValues"],
        "size": add["size"],
    }})
}

fn added(lake: &TestLake, table: &str) -> Vec<Value> {
    actions(&lake.path().join(table), "add")
}

#[tokio::test]
async fn a_newest_commit_that_is_torn_is_named_and_what_it_held_is_loaded_again() {
    type Tear = fn(Vec<u8>) -> Vec<u8>;
    let tears: [(&str, Tear); 4] = [
        ("empty", |_| Vec::new()),
        ("cut", |bytes| bytes[..400].to_vec()),
        ("cut near its end", |bytes| bytes[..bytes.len() - 10].to_vec()),
        ("zeros", |bytes| vec![0; bytes.len()]),
    ];
    for table in ["silver/trades", "meta/archives"] {
        for (name, tear) in tears {
            let (lake, server) = lake_of_days().await;
            let torn = newest_commit(&lake, table);
            fs::write(&torn, tear(fs::read(&torn).unwrap())).unwrap();
            let file = torn.file_name().unwrap().to_str().unwrap();

            for refused in [ingest(&lake, &server), lake.run("verify", &[])] {
                assert_eq!(refused.code, Some(2), "{table} {name}: {refused}");
                let named =
                    refused.stderr.contains(file) && refused.stderr.contains("maintain --repair");
                assert!(named, "{table} {name}: {refused}");
            }
            let planned = done(lake.run("maintain", &["--repair", "--dry-run"]));
            assert!(planned.stdout.contains(file), "{planned}");
            assert!(torn.exists(), "a dry run moves nothing");
            repaired(&lake);

            assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{table} {name}");
            assert_eq!(fs::read_dir(lake.path().join(table).join("_damaged")).unwrap().count(), 1);
            done(ingest(&lake, &server));
            assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{table} {name}, after an ingest");
            assert_eq!(server.downloads(), DAYS.len(), "bronze has the bytes");
        }
    }
}

#[tokio::test]
async fn commits_are_read_where_a_checkpoint_is_damaged_or_missing() {
    for (name, checkpoint) in
        [("odd bytes", Some(vec![7; 300])), ("empty", Some(Vec::new())), ("missing", None)]
    {
        let (lake, server) = lake_of_days().await;
        let commit = newest_commit(&lake, "silver/trades");
        let version = commit.file_stem().unwrap().to_str().unwrap().to_owned();
        let file = commit.with_file_name(format!("{version}.checkpoint.parquet"));
        if let Some(bytes) = &checkpoint {
            fs::write(&file, bytes).unwrap();
        }
        let number: u64 = version.parse().unwrap();
        let hint = json!({"version": number, "size": 5}).to_string();
        fs::write(file.with_file_name("_last_checkpoint"), hint).unwrap();

        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "{name}");
        for command in ["verify", "maintain"] {
            done(lake.run(command, &[]));
        }
        let key = trades_key("BTCUSDT", "2024-01-06");
        server.publish(&key, trades(&key, "2024-01-06", 0..20));
        done(ingest(&lake, &server));
        assert_eq!(ask(&lake, &[], ROWS), "100 rows and 100 of them different", "{name}");
        let run = repaired(&lake);
        assert!(run.stderr.contains("_last_checkpoint"), "{name}: {run}");
        assert!(!file.exists(), "{name}");
        assert_eq!(ask(&lake, &[], ROWS), "100 rows and 100 of them different", "{name}");
    }
}

#[tokio::test]
async fn rows_that_another_program_deleted_come_back() {
    let (lake, _server) = lake_of_days().await;
    let files = added(&lake, "silver/trades");
    let removed = [removal_of(&files[1]), removal_of(&files[2])];
    commit(&lake, "silver/trades", "DELETE", &removed);
    assert_eq!(ask(&lake, &[], ROWS), "40 rows and 40 of them different");

    let found = lake.run("verify", &[]);
    assert_eq!(found.code, Some(1), "{found}");
    assert!(found.stderr.contains("lakehouse maintain --repair"), "{found}");
    let other = done(lake.run("maintain", &["--repair", "--table", "silver.klines"]));
    assert!(other.stderr.contains("nothing to repair"), "{other}");
    let run = repaired(&lake);

    assert!(run.stderr.contains(&trades_key("BTCUSDT", DAYS[1])), "{run}");
    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
}

#[tokio::test]
async fn rows_that_another_program_restored_twice_or_never_landed_are_taken_out() {
    let (lake, _server) = lake_of_days().await;
    let file = &added(&lake, "silver/trades")[1];
    let path = lake.path().join("silver/trades").join(file["path"].as_str().unwrap());
    fs::copy(&path, path.with_file_name("copy.parquet")).unwrap();
    let mut copy = file.clone();
    let folder = Path::new(file["path"].as_str().unwrap()).parent().unwrap();
    copy["path"] = folder.join("copy.parquet").to_str().unwrap().into();
    commit(&lake, "silver/trades", "WRITE", &[json!({"add": copy})]);
    assert_eq!(ask(&lake, &[], ROWS), "100 rows and 80 of them different");

    repaired(&lake);

    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
}

#[tokio::test]
async fn data_files_that_are_lost_or_damaged_are_made_again() {
    let (lake, _server) = lake_of_days().await;
    let files = lake.data_files("silver/trades");
    fs::remove_file(&files[0]).unwrap();
    fs::write(&files[1], "this is no Parquet file").unwrap();
    assert_eq!(lake.run("verify", &[]).code, Some(1));

    repaired(&lake);

    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
}

#[tokio::test]
async fn a_silver_table_that_is_lost_is_loaded_again_from_bronze() {
    let (lake, server) = lake_of_days().await;
    fs::remove_dir_all(lake.path().join("silver/trades")).unwrap();

    let found = lake.run("verify", &[]);
    assert_eq!(found.code, Some(1), "that the table is not there is no good news: {found}");
    done(lake.run("refresh", &["--full", "--source", server.url()]));

    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
    assert_eq!(server.downloads(), DAYS.len(), "bronze has the bytes");
    done(lake.run("verify", &["--deep"]));
}

#[tokio::test]
async fn a_repair_brings_a_lost_silver_table_back_without_a_source() {
    let (lake, _server) = lake_of_days().await;
    fs::remove_dir_all(lake.path().join("silver/trades")).unwrap();

    repaired(&lake);

    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
}

#[tokio::test]
async fn no_row_lands_twice_where_a_run_on_a_new_silver_table_dies_before_the_ledger() {
    let (lake, server) = lake_of_days().await;
    fs::remove_dir_all(lake.path().join("silver/trades")).unwrap();
    let steps = ["after commit meta.archives", "after commit silver.trades"];
    for (number, step) in steps.into_iter().enumerate() {
        let flags = ["--all", "--batch-size", "2", "--source", server.url()];
        let marker = lake.path().with_file_name(format!("reached-{number}"));
        assert!(kill_at(lake.program("ingest", &flags), step, &marker), "never came to {step}");
    }

    done(ingest(&lake, &server));

    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
    done(lake.run("verify", &["--deep"]));
}

#[tokio::test]
async fn a_repair_that_is_killed_at_any_step_is_completed_by_the_next_one() {
    for (number, step) in REPAIR.into_iter().enumerate() {
        let (lake, server) = lake_of_days().await;
        let file = &added(&lake, "silver/trades")[1];
        commit(&lake, "silver/trades", "DELETE", &[removal_of(file)]);
        let torn = newest_commit(&lake, "silver/trades");
        let version: u64 = torn.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let next = torn.with_file_name(format!("{:020}.json", version + 1));
        fs::write(next, "").unwrap();
        let marker = lake.path().with_file_name(format!("reached-{number}"));
        let killed = kill_at(lake.program("maintain", &["--repair"]), step, &marker);
        assert!(killed, "never came to `{step}`");

        // Whatever the repair has left, a run in between lands nothing twice.
        ingest(&lake, &server);
        repaired(&lake);
        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "killed at `{step}`");
        done(ingest(&lake, &server));
        assert_eq!(ask(&lake, &[], ROWS), RIGHT, "killed at `{step}`, after an ingest");
    }
}

#[tokio::test]
async fn a_correction_whose_commit_is_torn_is_loaded_again() {
    let (lake, server) = lake_of_days().await;
    let corrected = trades_key("BTCUSDT", DAYS[0]);
    server.publish(&corrected, trades(&corrected, DAYS[0], 0..25));
    done(ingest(&lake, &server));
    fs::write(newest_commit(&lake, "silver/trades"), "").unwrap();

    repaired(&lake);

    assert_eq!(ask(&lake, &[], ROWS), "85 rows and 85 of them different");
    done(ingest(&lake, &server));
    assert_eq!(ask(&lake, &[], ROWS), "85 rows and 85 of them different");
}

#[tokio::test]
async fn a_repair_leaves_alone_what_another_run_has_corrected_or_removed_since() {
    let (lake, server) = lake_of_days().await;
    // The rows of two days are lost, and what bronze has of them is what lands again.
    for file in &added(&lake, "silver/trades")[..2] {
        commit(&lake, "silver/trades", "DELETE", &[removal_of(file)]);
    }
    let marker = lake.path().with_file_name("reached");
    let repair = lake.program("maintain", &["--repair"]);
    let held = hold_at(repair, "table adopted silver.trades", &marker).unwrap();
    let corrected = trades_key("BTCUSDT", DAYS[0]);
    server.publish(&corrected, trades(&corrected, DAYS[0], 0..25));
    done(ingest(&lake, &server));
    done(lake.run("remove", &["--symbol", "BTCUSDT", "--start", DAYS[1], "--end", DAYS[1]]));
    assert!(let_go(held, &marker).success());

    let rows = "SELECT date || ' ' || count(*) FROM silver.trades WHERE date <= '2024-01-03' \
                GROUP BY date ORDER BY date";
    assert_eq!(lake.rows(rows).await, ["2024-01-02 25"]);
    repaired(&lake);
    assert_eq!(lake.rows(rows).await, ["2024-01-02 25"]);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_stops_everything_that_would_count_it_as_none() {
    let (lake, server) = lake_of_days().await;
    let commit = newest_commit(&lake, "silver/trades");
    let text = fs::read_to_string(&commit).unwrap();
    let newer = text.replace("\"rejected_rows\":0", "\"rejected_rows\":\"none\"");
    assert_ne!(text, newer);
    fs::write(&commit, newer).unwrap();
    fs::remove_dir_all(lake.path().join("meta/archives")).unwrap();

    let rebuild = lake.run("maintain", &["--rebuild-ledger"]);
    for refused in [ingest(&lake, &server), lake.run("verify", &[]), rebuild] {
        assert_eq!(refused.code, Some(2), "{refused}");
        let file = commit.file_name().unwrap().to_str().unwrap();
        assert!(refused.stderr.contains("silver.trades"), "{refused}");
        assert!(refused.stderr.contains(file) && refused.stderr.contains("newer"), "{refused}");
    }
    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
}

#[tokio::test]
async fn a_time_means_the_same_version_in_a_copy_of_the_lake() {
    let (lake, _server) = lake_of_days().await;
    let records = actions(&lake.path().join("silver/trades"), "commitInfo");
    let times: Vec<&str> =
        records.iter().filter_map(|info| info["lakehouse"]["at"].as_str()).collect();
    assert_eq!(times.len(), DAYS.len());
    // A copy has its own times of files, in any order.
    for entry in fs::read_dir(lake.path().join("silver/trades/_delta_log")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let days = 40 - name.parse::<u64>().unwrap_or_default();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs((20_000 + days % 7) * 86_400);
        File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    }

    for (number, time) in times.iter().enumerate() {
        let rows = 20 * (number + 1);
        let expected = format!("{rows} rows and {rows} of them different");
        assert_eq!(ask(&lake, &["--at", time], ROWS), expected, "at {time}");
    }
    let early = lake.run("query", &["--at", "2001-01-01T00:00:00Z", ROWS]);
    assert!(early.stderr.contains("did not exist"), "{early}");
}

#[tokio::test]
async fn a_log_that_cannot_be_written_is_named_at_once() {
    let server = S3Server::start();
    let archives = ArchiveServer::start();
    let run = |day: &str| {
        let folder = tempfile::tempdir().unwrap();
        let key = trades_key("BTCUSDT", day);
        archives.publish(&key, trades(&key, day, 0..20));
        let lake = server.lake("lake");
        let mut program = crate::support::command::lakehouse(folder.path());
        program.args(["ingest", "--all", "--source", archives.url(), "--lake", &lake]);
        server.admit(&mut program);
        Run::from(program.output().unwrap())
    };
    done(run(DAYS[0]));
    server.lose_answers("silver/trades/_delta_log", 403, 1_000);

    let refused = run(DAYS[1]);

    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("_delta_log/"), "{refused}");
    assert!(refused.stderr.contains("permission denied"), "{refused}");
    assert!(server.answers_to_lose() > 990, "it is tried once, and not as if others were faster");
}

/// Adds rows to the ledger as a newer program would: of a data type that this one does not know,
/// and with a status that it does not know.
fn add_rows_of_a_newer_program(lake: &TestLake) {
    let mut files = lake.data_files("meta/archives");
    files.sort();
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&files[0]).unwrap()).unwrap();
    let rows = reader.build().unwrap().next().unwrap().unwrap().slice(0, 1);
    let text = |rows: RecordBatch, column: &str, value: &str| {
        let at = rows.schema().index_of(column).unwrap();
        let mut columns = rows.columns().to_vec();
        columns[at] = cast(&StringArray::from(vec![value]), columns[at].data_type()).unwrap();
        RecordBatch::try_new(rows.schema(), columns).unwrap()
    };
    let unknown = [
        text(rows.clone(), "archive", "data/spot/daily/moods/BTCUSDT/BTCUSDT-moods-2024-01-02.zip"),
        text(text(rows, "archive", &trades_key("ETHUSDT", DAYS[0])), "status", "frozen"),
    ];
    let path = lake.path().join("meta/archives/newer.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), unknown[0].schema(), None).unwrap();
    unknown.iter().for_each(|rows| writer.write(rows).unwrap());
    writer.close().unwrap();
    let size = fs::metadata(&path).unwrap().len();
    let add = json!({"add": {
        "path": "newer.parquet", "partitionValues": {}, "size": size,
        "modificationTime": 1_800_000_000_000_i64, "dataChange": true,
    }});
    commit(lake, "meta/archives", "WRITE", &[add]);
}

#[tokio::test]
async fn ledger_rows_that_a_newer_program_wrote_stay_as_they_are() {
    let (lake, server) = lake_of_days().await;
    add_rows_of_a_newer_program(&lake);
    let unknown = "SELECT string_agg(archive || ' ' || status, ' ' ORDER BY archive) AS found \
                   FROM meta.archives WHERE archive LIKE '%moods%' OR status = 'frozen'";
    let before = ask(&lake, &[], unknown);
    assert!(before.contains("frozen") && before.contains("moods"), "{before}");

    // More commits than the ledger keeps files.
    for day in 10..28 {
        let day = format!("2024-01-{day}");
        let key = trades_key("BTCUSDT", &day);
        server.publish(&key, trades(&key, &day, 0..20));
    }
    done(lake.run("ingest", &["--all", "--batch-size", "1", "--source", server.url()]));
    assert_eq!(ask(&lake, &[], unknown), before, "after merges");
    done(lake.run("maintain", &["--rebuild-ledger"]));
    assert_eq!(ask(&lake, &[], unknown), before, "after a rebuild");
    done(ingest(&lake, &server));

    assert_eq!(ask(&lake, &[], ROWS), "440 rows and 440 of them different");
}

#[tokio::test]
async fn rows_that_another_program_changed_come_back() {
    let (lake, _server) = lake_of_days().await;
    let file = &added(&lake, "silver/trades")[1];
    let path = lake.path().join("silver/trades").join(file["path"].as_str().unwrap());
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let rows = reader.build().unwrap().next().unwrap().unwrap();
    let at = rows.schema().index_of("id").unwrap();
    let mut columns = rows.columns().to_vec();
    columns[at] = Arc::new(Int64Array::from_iter_values(500..520));
    let changed = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let other = path.with_file_name("changed.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&other).unwrap(), changed.schema(), None).unwrap();
    writer.write(&changed).unwrap();
    writer.close().unwrap();
    let mut add = file.clone();
    let folder = Path::new(file["path"].as_str().unwrap()).parent().unwrap();
    add["path"] = folder.join("changed.parquet").to_str().unwrap().into();
    add["size"] = fs::metadata(&other).unwrap().len().into();
    commit(&lake, "silver/trades", "UPDATE", &[removal_of(file), json!({"add": add})]);
    let highest = "SELECT max(id) AS id FROM silver.trades";
    assert_eq!(ask(&lake, &[], highest), "519");

    let found = lake.run("verify", &["--deep"]);
    assert!(found.stderr.contains("lakehouse maintain --repair"), "{found}");
    repaired(&lake);

    assert_eq!(ask(&lake, &[], highest), "19");
    assert_eq!(ask(&lake, &[], ROWS), RIGHT);
}

#[tokio::test]
async fn a_wait_for_other_writers_is_announced_and_ends_with_a_signal() {
    let (lake, server) = lake_of_days().await;
    let newest = newest_commit(&lake, "silver/trades");
    let version: u64 = newest.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    // The next version is taken, and nobody will ever read it.
    fs::create_dir(newest.with_file_name(format!("{:020}.json", version + 1))).unwrap();
    let key = trades_key("BTCUSDT", "2024-01-06");
    server.publish(&key, trades(&key, "2024-01-06", 0..20));
    let mut program = lake.program("ingest", &["--all", "--source", server.url()]);
    let mut running = program.stderr(Stdio::piped()).spawn().unwrap();

    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let announced = lines.by_ref().any(|line| line.unwrap().contains("commit first"));
    assert!(announced, "the run ended without a word about others");
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());

    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert!(!running.wait().unwrap().success());
    assert!(rest.join("\n").contains("run the same command again"), "{rest:?}");
}
