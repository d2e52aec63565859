//! `config show`, `config init`, the manual and the completions.

use std::fs;

use clap::CommandFactory;
use insta::assert_snapshot;
use lakehouse::cli::Cli;
use lakehouse::cli::setting::{SETTING_GROUPS, Setting};
use lakehouse_core::config::options::parse_settings_toml;
use serde_json::Value;

use crate::support::command::{Run, lakehouse, run};

const FILE: &str = "\
lake = 'of-file'
retries = 2
symbols = ['BTC*', '!BTCDOM*', 'ETHUSDT']

[intervals]
klines = ['1h', '1d']
";

/// Runs `config show` with a file, a variable and flags.
fn show(arguments: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lake.toml"), FILE).unwrap();
    let mut command = lakehouse(folder.path());
    command
        .env("LAKEHOUSE_SOURCE", "./mirror")
        .args(["config", "show", "--config", "lake.toml"])
        .args(arguments);
    command.output().unwrap().into()
}

#[test]
fn every_setting_is_shown_with_its_value_and_where_that_comes_from() {
    assert_snapshot!(show(&["--retries", "9", "--market", "spot", "--start", "2026-05"]), @r"
    exit code: 0
    --- stdout
    setting                 value                    from
    config                  lake.toml                --config
    lake                    of-file                  lake.toml:1
    source                  ./mirror                 LAKEHOUSE_SOURCE
    listing                 -                        default
    api                     -                        default
    matrix_path             -                        default
    gold_models             -                        default
    audit_checks            -                        default
    views                   -                        default
    markets                 spot                     --market
    data_types              -                        default
    symbols                 ETHUSDT, BTC*, !BTCDOM*  lake.toml:3
    intervals               klines: 1h, 1d           lake.toml:5
    date_range              from 2026-05-01          --start
    frequency               auto                     default
    batch_size              100                      default
    max_parallel_downloads  8                        default
    timeout_seconds         30                       default
    retries                 9                        --retries
    bandwidth               -                        default
    checksum                true                     default
    bronze                  keep                     default
    resume                  true                     default
    --- stderr
    ");
}

#[test]
fn settings_are_shown_to_programs_too() {
    let run = show(&["--format", "json", "--lake", "of-flag"]);
    let settings: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let of = |name: &str| {
        settings.iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(
        (of("lake")["value"].as_str(), of("lake")["origin"].as_str()),
        (Some("of-flag"), Some("--lake"))
    );
    assert_eq!(of("intervals")["value"]["klines"][1], "1d");
    assert_eq!(of("intervals")["origin"], "lake.toml:5");
    assert_eq!(
        (of("bandwidth")["value"].is_null(), of("bandwidth")["origin"].as_str()),
        (true, Some("default"))
    );
}

#[test]
fn options_of_other_names_are_shown_under_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = "{\"output_directory\": \"out\",\n \"symbols\": [\"A\"],\n \
                \"s5cmd_extra_args\": [\"--retry-count=3\"]}";
    fs::write(folder.path().join("old.json"), file).unwrap();
    let mut command = lakehouse(folder.path());
    let run: Run =
        command.args(["config", "show", "--config", "old.json"]).output().unwrap().into();
    for line in
        ["lake                    out", "old.json:1", "retries                 3", "old.json:3"]
    {
        assert!(run.stdout.contains(line), "{line}\n{run}");
    }
}

#[test]
fn a_new_configuration_file_is_never_put_over_one_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let init =
        || -> Run { lakehouse(folder.path()).args(["config", "init"]).output().unwrap().into() };
    let first = init();
    assert_eq!((first.code, first.stdout.as_str()), (Some(0), ""), "{first}");
    let file = folder.path().join("lakehouse.toml");
    fs::write(&file, "batch_size = 3\n").unwrap();
    let second = init();
    assert_eq!(second.code, Some(2));
    assert_eq!(
        second.stderr,
        "error: lakehouse.toml exists already and is not changed; name another file\n"
    );
    assert_eq!(fs::read_to_string(file).unwrap(), "batch_size = 3\n");
}

/// Options that only existing configurations have, and other spellings of those in the file.
const OF_EXISTING_FILES: [&str; 7] = [
    "output_directory",
    "download_checksum",
    "enable_resume",
    "workflow_type",
    "enable_batch_mode",
    "part_size_mb",
    "s5cmd_extra_args",
];

#[test]
fn a_new_configuration_file_has_every_option_and_each_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    lakehouse(folder.path()).args(["config", "init", "new.toml"]).output().unwrap();
    let text = fs::read_to_string(folder.path().join("new.toml")).unwrap();
    parse_settings_toml("new.toml", &text).unwrap();
    let options: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| is_option(line))
        .collect();
    for option in &options {
        parse_settings_toml("new.toml", option).unwrap_or_else(|error| panic!("{error}"));
    }
    let unknown = parse_settings_toml("c.toml", "nothing = 1").unwrap_err().message;
    let (_, known) = unknown.split_once("; expected ").unwrap();
    for name in known.split(", ").filter(|name| !OF_EXISTING_FILES.contains(name)) {
        assert!(
            options.iter().any(|option| option.starts_with(&format!("{name} = "))),
            "{name} is not in the file"
        );
    }
}

fn settings() -> impl Iterator<Item = &'static Setting> {
    SETTING_GROUPS.iter().flat_map(|group| group.settings.iter().copied())
}

#[test]
fn a_new_configuration_file_shows_defaults_and_has_no_long_lines() {
    let folder = tempfile::tempdir().unwrap();
    lakehouse(folder.path()).args(["config", "init", "new.toml"]).output().unwrap();
    let text = fs::read_to_string(folder.path().join("new.toml")).unwrap();
    for line in ["# lake = \"./lake\"", "# batch_size = 100", "# max_parallel_downloads = 8"] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
}

#[test]
fn the_page_on_configuration_has_flag_variable_and_default_of_every_setting() {
    let page = include_str!("../docs/configuration.md");
    for setting in settings() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", setting.key)));
        let row = row.unwrap_or_else(|| panic!("no row for {}", setting.key));
        let flags = setting.flag.into_iter().flat_map(|flags| flags.split(", "));
        for name in flags.chain(setting.variable) {
            assert!(row.contains(&format!("`{name}`")), "{name}: {row}");
        }
        match (setting.default)() {
            Value::Null => {}
            Value::String(text) => assert!(row.contains(&format!("`{text}`")), "{text}: {row}"),
            other => assert!(row.contains(&format!("| {other}")), "{other}: {row}"),
        }
    }
}

#[test]
fn every_flag_of_a_setting_exists_and_its_help_names_variable_and_default() {
    let command = Cli::command();
    let ingest = command.find_subcommand("ingest").unwrap();
    let fill = command.find_subcommand("fill").unwrap();
    let arguments = command.get_arguments().chain(ingest.get_arguments());
    let arguments: Vec<_> = arguments.chain(fill.get_arguments()).collect();
    for setting in settings() {
        for flag in setting.flag.into_iter().flat_map(|flags| flags.split(", ")) {
            let argument = arguments
                .iter()
                .find(|argument| argument.get_long() == flag.strip_prefix("--"))
                .unwrap_or_else(|| panic!("no flag {flag}"));
            let help = argument.get_help().unwrap().to_string();
            if let Some(variable) = setting.variable {
                assert!(help.contains(&format!("[env: {variable}]")), "{help}");
            }
            match (setting.default)() {
                Value::String(text) => assert!(help.contains(&format!("[default: {text}]"))),
                Value::Number(number) => assert!(help.contains(&format!("[default: {number}]"))),
                _ => {}
            }
        }
    }
}

fn is_option(line: &str) -> bool {
    let name = line.split(" = ").next().unwrap();
    line.contains(" = ") && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
}

#[test]
fn every_command_has_a_manual_page() {
    let page = run(&["man", "config", "show"]);
    assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
    assert!(page.stdout.contains(".TH lakehouse-config-show 1"), "{page}");
    let unknown = run(&["man", "nope"]);
    assert!(
        unknown
            .stderr
            .starts_with("error: `lakehouse` has no command `nope`; expected demo, plan, ingest"),
        "{unknown}"
    );
    let folder = tempfile::tempdir().unwrap();
    let all: Run =
        lakehouse(folder.path()).args(["man", "--output", "pages"]).output().unwrap().into();
    assert_eq!((all.code, all.stdout.as_str()), (Some(0), ""), "{all}");
    for name in ["lakehouse.1", "lakehouse-ingest.1", "lakehouse-config-init.1"] {
        assert!(folder.path().join("pages").join(name).exists(), "{name}");
    }
}
