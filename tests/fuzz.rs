//! Arguments, commits and notes that nobody would write on purpose: refused or read, never a panic.
//!
//! Corpora are in `fuzz/corpus/`. Random inputs are made from them and from the flags that the
//! program has. `PROPTEST_CASES` says how many; `fuzz/run` makes many. What only `lakehouse-core`
//! reads is fuzzed in `fuzz/`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Arg, CommandFactory, Parser};
use lakehouse::cli::{Cli, Command, ConfigCommand};
use lakehouse::fuzzing::read_commit;
use lakehouse::settings::{Environment, IngestSettings, Settings, SettingsError};
use lakehouse::source::Validator;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::support::command::{Run, lakehouse, run};

/// Values that are valid for some flag, at the limits of what is, or beyond.
const VALUES: &[&str] = &[
    "",
    "-",
    "--",
    "0",
    "1",
    "-1",
    "4294967295",
    "18446744073709551615",
    "18446744073709551616",
    "1e400",
    "NaN",
    "0000-01-01",
    "2024-02",
    "2024-02-30",
    "9999-12-31",
    "+262142-12-31",
    "-262143-01-01",
    "9999-12-31T23:59:60Z",
    "2026-05-08T00:00:00+23:59",
    "0d",
    "1d",
    "7d",
    "4294967295d",
    "613566757w",
    "99999999999d",
    "1s",
    "0s",
    "10000000w",
    "584942417355y",
    "18446744073709551615s",
    "1ns",
    "20MiB",
    "0B",
    "1e-400B",
    "99999999999999999999EiB",
    "BTC*,!BTCDOM*",
    "{{{{BTC}}}}",
    "[a-",
    "?????",
    "1h,1M,1mo,0s,65536m",
    "spot,futures_um,,options",
    "klines,premiumIndexKlines",
    "s3://",
    "s3://bucket/../x",
    "http://[::1",
    "https://user:password@host:99999/",
    "file:///",
    "/dev/null",
    "/",
    ".",
    "no/such/file.json",
    "SELECT 1",
    "币安人生USDT",
];

fn corpus(name: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Calls `check` with every file of a corpus, and names those that it panics on.
fn replay(name: &str, check: fn(&[u8])) {
    let mut failed = corpus(name);
    failed.retain(|file| {
        let bytes = fs::read(file).unwrap();
        catch_unwind(|| check(&bytes)).is_err()
    });
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn every_command_line_of_the_corpus_is_refused_or_resolved() {
    replay("arguments", |bytes| resolve(&arguments_of(bytes)));
}

#[test]
fn every_commit_of_the_corpus_is_read_or_left_alone() {
    replay("commit", check_commit);
}

#[test]
fn every_note_of_the_corpus_says_whether_a_download_can_continue() {
    replay("partial", check_note);
}

#[test]
fn a_run_with_numbers_beyond_all_limits_and_names_that_are_no_text_does_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/lake-1/source");
    let most = u64::MAX.to_string();
    let mut command = lakehouse(folder.path());
    command.args(["ingest", "--all", "--stage", "bronze", "--source"]).arg(source);
    command.args(["--max-parallel-downloads", &most, "--batch-size", &most]);
    command.args(["--timeout-seconds", &most, "--retries", "4294967295", "--bandwidth", &most]);
    command.arg("--metrics-file").arg(OsString::from_vec(b"metrics\xff".to_vec()));
    let run = Run::from(command.output().unwrap());
    assert_eq!(run.code, Some(0), "{run}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "a lake and the metrics");
}

#[test]
fn a_refresh_that_would_wait_for_more_than_a_century_is_refused() {
    for time in ["584942417355y", "18446744073709551615s", "101y", "0s", "999ms"] {
        let run = run(&["refresh", "--every", time]);
        assert_eq!(run.code, Some(2), "{run}");
        assert!(run.stderr.contains("from a second to a century"), "{run}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_command_line_is_refused_or_resolved(arguments in command_line()) {
        resolve(&arguments);
    }

    #[test]
    fn any_change_of_a_commit_is_read_or_left_alone(commit in changed("commit")) {
        check_commit(&commit);
    }

    #[test]
    fn any_change_of_a_note_says_whether_a_download_can_continue(note in changed("partial")) {
        check_note(&note);
    }
}

/// Reads one argument a line.
fn arguments_of(bytes: &[u8]) -> Vec<OsString> {
    bytes.split(|byte| *byte == b'\n').map(|line| OsString::from_vec(line.to_vec())).collect()
}

/// Resolves what the program resolves before it does anything.
fn resolve(arguments: &[OsString]) {
    let program = OsString::from("lakehouse");
    let cli = match Cli::try_parse_from([&program].into_iter().chain(arguments)) {
        Ok(cli) => cli,
        Err(error) => return assert!(!error.render().to_string().is_empty()),
    };
    let Ok(settings) = Settings::resolve(&cli.global, Environment::default()) else { return };
    let today = NaiveDate::from_ymd_opt(2026, 5, 8).unwrap();
    match cli.command {
        Command::Ingest(flags) => check(settings.ingest(&flags, today)),
        Command::Plan(flags) => check(settings.plan(&flags, today)),
        Command::Refresh(flags) => check(settings.refresh(&flags, today)),
        Command::Config(config) => {
            if let ConfigCommand::Show(flags) = config.command
                && let Ok(shown) = settings.shown(&flags, today)
            {
                assert!(!serde_json::to_string(&shown).unwrap().is_empty());
            }
        }
        _ => {}
    }
}

fn check(settings: Result<IngestSettings, SettingsError>) {
    match settings {
        Ok(settings) => {
            let _ = settings.selection.targets(&settings.matrix);
            assert!(settings.fetch.parallel > 0 && settings.batch_size > 0);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A record that is read is written in a form that is read as the same.
fn check_commit(commit: &[u8]) {
    let Some(record) = read_commit(commit) else { return };
    let again = format!("{{\"commitInfo\":{{\"lakehouse\":{record}}}}}");
    assert_eq!(read_commit(again.as_bytes()), Some(record));
}

/// Reads the part of a note that comes from a source.
fn check_note(note: &[u8]) {
    #[derive(serde::Deserialize)]
    struct Note {
        validator: Validator,
    }
    let Ok(note) = serde_json::from_slice::<Note>(note) else { return };
    let Some(value) = note.validator.if_range() else { return };
    assert!(note.validator.etag.is_some() || value.ends_with(" GMT"), "{value}");
}

/// A command with flags that it has, in any order and with any values.
fn command_line() -> impl Strategy<Value = Vec<OsString>> {
    let mut commands = Vec::new();
    collect(&Cli::command(), &[], &mut commands);
    let flags = |(path, flags): (Vec<String>, Vec<Flag>)| {
        let flag = (select(flags), value()).prop_map(|(flag, value)| flag.with(value));
        (Just(path), prop::collection::vec(flag, 0..7))
    };
    select(commands).prop_flat_map(flags).prop_map(|(path, flags)| {
        let path = path.into_iter().map(OsString::from);
        path.chain(flags.into_iter().flatten()).collect()
    })
}

/// A flag, or an argument that is found by its place.
#[derive(Clone, Debug)]
struct Flag {
    name: Option<String>,
    takes_value: bool,
    /// The words that it takes, if it takes no others.
    words: Vec<String>,
}

impl Flag {
    fn of(argument: &Arg) -> Self {
        Self {
            name: argument.get_long().map(|name| format!("--{name}")),
            takes_value: argument.get_action().takes_values(),
            words: argument
                .get_possible_values()
                .iter()
                .map(|word| word.get_name().to_owned())
                .collect(),
        }
    }

    /// Returns the flag as it is typed, with one of its own words half of the time.
    fn with(&self, (value, choice): (OsString, Index)) -> Vec<OsString> {
        let choice = choice.index(2 * self.words.len().max(1));
        let value = self.words.get(choice).map_or(value, OsString::from);
        let name = self.name.as_ref().map(OsString::from);
        name.into_iter().chain(self.takes_value.then_some(value)).collect()
    }
}

/// Collects every command with its flags and those of all commands.
fn collect(command: &clap::Command, path: &[String], commands: &mut Vec<(Vec<String>, Vec<Flag>)>) {
    for inner in command.get_subcommands() {
        let path = [path, &[inner.get_name().to_owned()]].concat();
        let global = Cli::command();
        let flags = inner.get_arguments().chain(global.get_arguments()).map(Flag::of).collect();
        commands.push((path.clone(), flags));
        collect(inner, &path, commands);
    }
}

fn value() -> impl Strategy<Value = (OsString, Index)> {
    let known = select(VALUES).prop_map(OsString::from);
    let text = ".{0,12}".prop_map(OsString::from);
    let bytes = prop::collection::vec(any::<u8>(), 0..6).prop_map(OsString::from_vec);
    (prop_oneof![6 => known, 2 => text, 1 => bytes], any::<Index>())
}

/// A file of a corpus with bytes or parts of other files in place of its own.
fn changed(name: &str) -> impl Strategy<Value = Vec<u8>> {
    let files: Vec<Vec<u8>> = corpus(name).iter().map(|file| fs::read(file).unwrap()).collect();
    let part = (select(files.clone()), any::<Index>(), 0..40_usize)
        .prop_map(|(file, start, length)| part(&file, start, length).to_vec());
    let number = select(VALUES).prop_map(|value| value.as_bytes().to_vec());
    let bytes = prop::collection::vec(any::<u8>(), 0..3);
    let new = prop_oneof![3 => part, 2 => number, 2 => bytes];
    let changes = prop::collection::vec((any::<Index>(), 0..12_usize, new), 0..5);
    (select(files), changes).prop_map(|(mut file, changes)| {
        for (start, length, new) in changes {
            let start = start.index(file.len() + 1);
            let end = (start + length).min(file.len());
            file.splice(start..end, new);
        }
        file
    })
}

fn part(file: &[u8], start: Index, length: usize) -> &[u8] {
    let start = start.index(file.len() + 1);
    &file[start..(start + length).min(file.len())]
}
