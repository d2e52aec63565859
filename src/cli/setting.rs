//! Every setting once: its key, flag, variable, default and help text.
//!
//! `--help`, `config show` and the file that `config init` writes are made from this table, and a
//! test compares docs/configuration.md with it. A default belongs to the module that uses the
//! value; here it is only read. How settings are resolved is not decided here.

use lakehouse_core::ledger::BronzePolicy;
use lakehouse_core::selection::Selection;
use serde_json::{Value, json};

use crate::bronze::FetchOptions;
use crate::ingest::Ingest;
use crate::source::retry::RetryPolicy;
use crate::source::{PUBLIC_ARCHIVE, Timeouts};

/// The lake when none is named.
pub(crate) const DEFAULT_LAKE: &str = "./lake";

/// Something that can be set in several ways.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key in a configuration file, and the name in `config show`.
    pub key: &'static str,
    /// The flag, as it is typed.
    pub flag: Option<&'static str>,
    /// The environment variable.
    pub variable: Option<&'static str>,
    /// Returns the value when nothing is set; null if nothing limits then.
    pub default: fn() -> Value,
    pub help: &'static str,
    /// What a configuration file can say beyond the flag, or where its meaning differs.
    pub file_help: &'static str,
    /// Values in TOML for a configuration file, where the default is not one.
    pub examples: &'static [&'static str],
}

/// Settings about one topic.
#[derive(Clone, Copy, Debug)]
pub struct SettingGroup {
    pub title: &'static str,
    pub settings: &'static [&'static Setting],
}

/// All settings that a configuration file can have.
pub const SETTING_GROUPS: [SettingGroup; 3] = [
    SettingGroup {
        title: "Places",
        settings: &[
            &LAKE,
            &SOURCE,
            &LISTING,
            &API,
            &MATRIX_PATH,
            &GOLD_MODELS,
            &AUDIT_CHECKS,
            &VIEWS,
        ],
    },
    SettingGroup {
        title: "Selection: a setting that is left out means everything that is published",
        settings: &[&MARKETS, &DATA_TYPES, &SYMBOLS, &INTERVALS, &DATE_RANGE, &LAST, &FREQUENCY],
    },
    SettingGroup {
        title: "Downloads and commits",
        settings: &[
            &BATCH_SIZE,
            &MAX_PARALLEL_DOWNLOADS,
            &TIMEOUT_SECONDS,
            &RETRIES,
            &BANDWIDTH,
            &CHECKSUM,
            &BRONZE,
            &RESUME,
        ],
    },
];

/// What most settings have in common.
const BASE: Setting = Setting {
    key: "",
    flag: None,
    variable: None,
    default: || Value::Null,
    help: "",
    file_help: "",
    examples: &[],
};

pub(crate) const CONFIG: Setting = Setting {
    key: "config",
    flag: Some("--config"),
    variable: Some("LAKEHOUSE_CONFIG"),
    help: "A configuration file, TOML or JSON",
    ..BASE
};

pub(crate) const LAKE: Setting = Setting {
    key: "lake",
    flag: Some("--lake"),
    variable: Some("LAKEHOUSE_LAKE"),
    default: || json!(DEFAULT_LAKE),
    help: "The lake: a folder, or an object-store URL such as s3://bucket/lake",
    ..BASE
};

pub(crate) const SOURCE: Setting = Setting {
    key: "source",
    flag: Some("--source"),
    variable: Some("LAKEHOUSE_SOURCE"),
    default: || json!(PUBLIC_ARCHIVE),
    help: "The archive: an http(s) base, a folder with the same layout, or an s3:// URL",
    ..BASE
};

pub(crate) const LISTING: Setting = Setting {
    key: "listing",
    flag: Some("--listing"),
    variable: Some("LAKEHOUSE_LISTING"),
    help: "The host that lists the archive, if it is not the one that serves it",
    examples: &["\"https://listing.example.org\""],
    ..BASE
};

pub(crate) const API: Setting = Setting {
    key: "api",
    flag: Some("--api"),
    variable: Some("LAKEHOUSE_API"),
    help: "The host of the exchange's REST API for `fill`, if it is not the exchange's own",
    examples: &["\"https://api.example.org\""],
    ..BASE
};

pub(crate) const MATRIX_PATH: Setting = Setting {
    key: "matrix_path",
    help: "A matrix that replaces the built-in one",
    file_help: "Relative to this file.",
    examples: &["\"matrix.toml\""],
    ..BASE
};

pub(crate) const GOLD_MODELS: Setting = Setting {
    key: "gold_models",
    help: "A folder with your own gold models",
    file_help: "Relative to this file.",
    examples: &["\"models\""],
    ..BASE
};

pub(crate) const AUDIT_CHECKS: Setting = Setting {
    key: "audit_checks",
    help: "A folder with your own checks for audits",
    file_help: "Relative to this file.",
    examples: &["\"checks\""],
    ..BASE
};

pub(crate) const VIEWS: Setting = Setting {
    key: "views",
    help: "A folder with views: files NAME.sql, each with one statement that is read like a table",
    file_help: "Relative to this file.",
    examples: &["\"views\""],
    ..BASE
};

pub(crate) const MARKETS: Setting = Setting {
    key: "markets",
    flag: Some("--market"),
    help: "Markets: spot, futures_um, futures_cm, options",
    examples: &["[\"spot\", \"futures_um\"]"],
    ..BASE
};

pub(crate) const DATA_TYPES: Setting = Setting {
    key: "data_types",
    flag: Some("--data-type"),
    help: "Data types such as klines or aggTrades; `lakehouse matrix` lists them",
    examples: &["[\"klines\", \"aggTrades\", \"fundingRate\"]"],
    ..BASE
};

pub(crate) const SYMBOLS: Setting = Setting {
    key: "symbols",
    flag: Some("--symbol"),
    help: "Symbols, or globs such as 'BTC*'; a leading ! excludes",
    file_help: "One list, or one for each market.",
    examples: &[
        "[\"BTCUSDT\", \"ETH*\", \"!ETHUP*\"]",
        "{ spot = [\"BTCUSDT\"], futures_cm = [\"BTCUSD_PERP\"] }",
    ],
    ..BASE
};

pub(crate) const INTERVALS: Setting = Setting {
    key: "intervals",
    flag: Some("--interval"),
    help: "Bar lengths such as 1m, 1h or 1d, for data types that have them",
    file_help: "One list, or one for each data type.",
    examples: &["[\"1h\", \"1d\"]", "{ klines = [\"1m\", \"1h\"], markPriceKlines = [\"1h\"] }"],
    ..BASE
};

pub(crate) const DATE_RANGE: Setting = Setting {
    key: "date_range",
    flag: Some("--start, --end"),
    help: "The first and the last day or month, both inclusive; either may be left out",
    examples: &["{ start = \"2026-01-01\", end = \"2026-05\" }"],
    ..BASE
};

pub(crate) const LAST: Setting = Setting {
    key: "last",
    flag: Some("--last"),
    help: "The last days or weeks up to today, such as 7d or 2w",
    file_help: "In place of date_range.",
    examples: &["\"30d\""],
    ..BASE
};

pub(crate) const FREQUENCY: Setting = Setting {
    key: "frequency",
    flag: Some("--frequency"),
    default: || json!(Selection::default().frequency.as_str()),
    help: "Daily archives, monthly ones, or the better of the two: auto, daily, monthly",
    ..BASE
};

pub(crate) const BATCH_SIZE: Setting = Setting {
    key: "batch_size",
    flag: Some("--batch-size"),
    default: || json!(Ingest::BATCH_SIZE),
    help: "Archives that are fetched together; if it is set, no commit has more",
    ..BASE
};

pub(crate) const MAX_PARALLEL_DOWNLOADS: Setting = Setting {
    key: "max_parallel_downloads",
    flag: Some("--max-parallel-downloads"),
    default: || json!(FetchOptions::default().parallel),
    help: "Downloads at the same time at most; fewer while the source fails",
    ..BASE
};

pub(crate) const TIMEOUT_SECONDS: Setting = Setting {
    key: "timeout_seconds",
    flag: Some("--timeout-seconds"),
    default: || json!(Timeouts::default().idle.as_secs()),
    help: "Seconds without a byte after which a request is given up and tried again",
    ..BASE
};

pub(crate) const RETRIES: Setting = Setting {
    key: "retries",
    flag: Some("--retries"),
    default: || json!(RetryPolicy::default().retries),
    help: "How often a request is tried again after a temporary failure",
    ..BASE
};

pub(crate) const BANDWIDTH: Setting = Setting {
    key: "bandwidth",
    flag: Some("--bandwidth"),
    help: "Bytes per second for all downloads together, such as 20MiB",
    file_help: "Without it there is no limit.",
    examples: &["\"20MiB\""],
    ..BASE
};

pub(crate) const CHECKSUM: Setting = Setting {
    key: "checksum",
    flag: Some("--no-checksum"),
    default: || json!(FetchOptions::default().checksum),
    help: "Whether archives are compared with their published checksums",
    ..BASE
};

pub(crate) const BRONZE: Setting = Setting {
    key: "bronze",
    flag: Some("--bronze"),
    default: || json!(BronzePolicy::default().as_str()),
    help: "What bronze keeps of an archive that is in silver: keep (all bytes) or checksums",
    file_help: "With checksums, verify --deep and maintain --repair download archives again.",
    ..BASE
};

pub(crate) const RESUME: Setting = Setting {
    key: "resume",
    flag: Some("--no-resume"),
    default: || json!(FetchOptions::default().resume),
    help: "Whether interrupted downloads are continued",
    ..BASE
};

impl Setting {
    /// Returns the help text of the flag, with the variable and the default.
    pub(crate) fn flag_help(&self) -> String {
        let mut text = self.help.to_owned();
        if let Some(variable) = self.variable {
            text.push_str(&format!(" [env: {variable}]"));
        }
        match (self.default)() {
            Value::Null => {}
            Value::String(default) => text.push_str(&format!(" [default: {default}]")),
            default => text.push_str(&format!(" [default: {default}]")),
        }
        text
    }

    /// Returns the lines of a configuration file that describe the setting, all of them comments.
    fn file_entry(&self) -> String {
        let mut text = format!("# {}.\n", self.help);
        if !self.file_help.is_empty() {
            text.push_str(&format!("# {}\n", self.file_help));
        }
        // A text, a number and a truth value are written alike in JSON and TOML.
        let default = Some((self.default)()).filter(|default| !default.is_null());
        let default = default.map(|default| default.to_string());
        for value in default.as_deref().into_iter().chain(self.examples.iter().copied()) {
            text.push_str(&format!("# {} = {value}\n", self.key));
        }
        text
    }
}

/// Returns a configuration file with every setting as a comment.
pub(crate) fn configuration_file() -> String {
    let mut text = String::from(
        "# Settings of lakehouse. Flags and environment variables override this file.\n\
         # Each setting is a comment: it shows the default, or an example.\n\
         # `lakehouse config show --config FILE` prints the values in use.\n",
    );
    for group in SETTING_GROUPS {
        text.push_str(&format!("\n## {}\n", group.title));
        for setting in group.settings {
            text.push_str(&format!("\n{}", setting.file_entry()));
        }
    }
    text
}
