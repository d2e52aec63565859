//! Settings, resolved once: flags override the environment, which overrides the configuration file,
//! which overrides the defaults.
//!
//! Later modules work with the result and read no flag, variable or configuration file. The
//! environment is read here and nowhere else. The settings themselves are listed in
//! [`crate::cli::setting`].

mod error;
mod matrix_file;
mod selection;
mod shown;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use lakehouse_core::config::data_file::DataFileError;
use lakehouse_core::config::options::{FileOptions, parse_collection, parse_settings_toml};
use lakehouse_core::foreign::shown;
use lakehouse_core::ledger::BronzePolicy;
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::shard::Shard;
use lakehouse_core::plan::BatchLimits;
use lakehouse_core::selection::Selection;

pub use self::error::SettingsError;
pub use self::shown::{Origin, ShownSetting};
use crate::bronze::FetchOptions;
use crate::cli::setting::Setting;
use crate::cli::{
    GlobalFlags, IngestFlags, PlanFlags, RefreshFlags, ReportFormat, SelectionFlags, SourceFlags,
    Stage, TuningFlags, bandwidth, setting,
};
use crate::ingest::Ingest;
use crate::source::location::SourceUrl;
use crate::source::retry::RetryPolicy;
use crate::source::{PUBLIC_ARCHIVE, Timeouts};

/// The environment variables that are settings; an empty one counts as not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `LAKEHOUSE_LAKE`: the lake, as `--lake`.
    pub lake: Option<String>,
    /// `LAKEHOUSE_CONFIG`: the configuration file, as `--config`.
    pub config: Option<PathBuf>,
    /// `LAKEHOUSE_SOURCE`: where archives come from, as `--source`.
    pub source: Option<String>,
    /// `LAKEHOUSE_LISTING`: the host that lists them, as `--listing`.
    pub listing: Option<String>,
    /// `LAKEHOUSE_API`: the host of the exchange's API, as `--api`.
    pub api: Option<String>,
    /// `RUST_LOG`: which logs are written, in place of `-v` and `-q`.
    pub log_filter: Option<String>,
    /// `JOB_COMPLETION_INDEX` and `JOB_COMPLETION_COUNT`: the part of all series that this one of
    /// several processes handles, as `--shard`.
    pub shard: Option<Shard>,
    /// `XDG_STATE_HOME`, or `.local/state` below `HOME`: where the shell keeps its history.
    pub state_folder: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables of this process.
    ///
    /// # Errors
    /// When one of the program's own is no text; a path may be.
    pub fn read() -> Result<Self, SettingsError> {
        Ok(Self {
            lake: text(&setting::LAKE)?,
            config: setting::CONFIG.variable.and_then(path),
            source: text(&setting::SOURCE)?,
            listing: text(&setting::LISTING)?,
            api: text(&setting::API)?,
            log_filter: variable("RUST_LOG").and_then(|value| value.into_string().ok()),
            shard: job_shard()?,
            state_folder: state_folder(),
        })
    }
}

/// Reads which of several processes this is, as an Indexed Job of Kubernetes says it; a job that
/// does not say how many there are is another one's.
fn job_shard() -> Result<Option<Shard>, SettingsError> {
    let (Some(index), Some(count)) = (variable(JOB_INDEX), variable(JOB_COUNT)) else {
        return Ok(None);
    };
    let (index, count) = (index.to_string_lossy(), count.to_string_lossy());
    let numbers = index.parse().ok().zip(count.parse().ok());
    let shard = numbers.and_then(|(index, count)| Shard::new(index, count));
    shard.map(Some).ok_or_else(|| SettingsError::Job {
        index: shown(&index).to_string(),
        count: shown(&count).to_string(),
    })
}

/// Reads the variable of a setting that is a text.
fn text(setting: &Setting) -> Result<Option<String>, SettingsError> {
    let Some((name, value)) = setting.variable.and_then(|name| Some((name, variable(name)?)))
    else {
        return Ok(None);
    };
    let value = value.into_string();
    value.map(Some).map_err(|value| SettingsError::Variable { name, value })
}

fn path(name: &str) -> Option<PathBuf> {
    variable(name).map(PathBuf::from)
}

fn state_folder() -> Option<PathBuf> {
    let own = path("XDG_STATE_HOME").filter(|folder| folder.is_absolute());
    own.or_else(|| Some(path("HOME")?.join(".local/state")))
}

/// The settings of every command, and the configuration file for commands that need more of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A folder, or the URL of an object-store prefix.
    pub lake: String,
    pub matrix: Matrix,
    /// The folder with the user's own gold models.
    pub gold_models: Option<PathBuf>,
    /// The folder with the user's own checks.
    pub audit_checks: Option<PathBuf>,
    /// The folder with the user's views.
    pub views: Option<PathBuf>,
    /// What a user should know of these settings, each shown once.
    pub notes: Vec<String>,
    /// What is in the configuration file and has no effect.
    pub warnings: Vec<String>,
    /// Which of the flags of every command were given.
    given: GlobalFlags,
    environment: Environment,
    file: FileOptions,
}

impl Settings {
    /// Reads the configuration file, if there is one, and the matrix that it names.
    ///
    /// # Errors
    /// When one of the two cannot be read or contains something unknown.
    pub fn resolve(flags: &GlobalFlags, environment: Environment) -> Result<Self, SettingsError> {
        let config = flags.config.as_deref().or(environment.config.as_deref());
        let file = config.map(read_config).transpose()?.unwrap_or_default();
        let (matrix, note) = matrix_file::load(config, file.matrix_path.as_deref())?;
        let mut notes: Vec<String> = note.into_iter().collect();
        let outside = flags.lake.as_ref().or(environment.lake.as_ref());
        if let (None, Some(lake)) = (outside, &file.lake) {
            notes.push(format!("the lake is {lake}, as {} says; --lake names another", file.file));
        }
        let lake = outside.or(file.lake.as_ref()).cloned();
        let warnings = file.warnings.clone();
        let gold_models = file.gold_models.as_ref().map(|folder| relative_to(config, folder));
        let audit_checks = file.audit_checks.as_ref().map(|folder| relative_to(config, folder));
        let views = file.views.as_ref().map(|folder| relative_to(config, folder));
        Ok(Self {
            lake: lake.unwrap_or_else(|| setting::DEFAULT_LAKE.to_owned()),
            matrix,
            gold_models,
            audit_checks,
            views,
            notes,
            warnings,
            given: flags.clone(),
            environment,
            file,
        })
    }

    /// Resolves the settings of an ingest; `today` is the current day, UTC.
    ///
    /// # Errors
    /// When a name is unknown, dates end before they start, or no symbols are selected.
    pub fn ingest(
        self,
        flags: &IngestFlags,
        today: NaiveDate,
    ) -> Result<IngestSettings, SettingsError> {
        let selection = selection::resolve(&self.file, &flags.selection, &self.matrix, today)?;
        let (source, listing) = self.source(&flags.source);
        let fetch = fetch_options(&self.file, &flags.tuning)?;
        let timeouts = timeouts(&self.file, &flags.tuning);
        let batch_size = flags.tuning.batch_size.or(self.file.batch_size);
        let shard = self.shard(flags.shard);
        let bronze = self.bronze(flags.tuning.bronze);
        Ok(IngestSettings {
            lake: self.lake,
            matrix: self.matrix,
            gold_models: self.gold_models,
            audit_checks: self.audit_checks,
            selection,
            source,
            listing,
            fetch,
            timeouts,
            batch_size: batch_size.unwrap_or(Ingest::BATCH_SIZE),
            batch: batch_size.map_or_else(BatchLimits::default, BatchLimits::of_archives),
            bronze,
            restore: flags.restore,
            shard,
            stage: flags.stage,
            audit: flags.audit,
            dry_run: flags.dry_run,
            format: flags.format,
            notes: self.notes,
            warnings: self.warnings,
        })
    }

    /// Resolves the settings of a plan: those of an ingest that does nothing.
    ///
    /// # Errors
    /// As [`Self::ingest`].
    pub fn plan(
        self,
        flags: &PlanFlags,
        today: NaiveDate,
    ) -> Result<IngestSettings, SettingsError> {
        let PlanFlags { selection, source, tuning, format, .. } = flags.clone();
        let stage = Stage::default();
        let flags = IngestFlags {
            selection,
            source,
            tuning,
            stage,
            format,
            dry_run: true,
            ..IngestFlags::default()
        };
        self.ingest(&flags, today)
    }

    /// Resolves the settings of a refresh; a configuration file that selects archives adds them to
    /// those that the lake tracks.
    ///
    /// # Errors
    /// As [`Self::ingest`].
    pub fn refresh(
        self,
        flags: &RefreshFlags,
        today: NaiveDate,
    ) -> Result<IngestSettings, SettingsError> {
        let RefreshFlags { source, tuning, format, dry_run, audit, shard, .. } = flags.clone();
        // The lake bounds the refresh, and a configuration file is written on purpose.
        let selection = SelectionFlags { all: true, ..SelectionFlags::default() };
        let stage = Stage::default();
        let restore = false;
        let flags = IngestFlags {
            selection,
            source,
            tuning,
            stage,
            audit,
            dry_run,
            format,
            restore,
            shard,
        };
        self.ingest(&flags, today)
    }

    /// Returns where the shell keeps its history, if there is a folder for such files.
    #[must_use]
    pub fn history_file(&self) -> Option<PathBuf> {
        self.environment.state_folder.as_ref().map(|folder| folder.join("lakehouse/history"))
    }

    /// Returns the base of the exchange's API, by a flag, the environment or the file; nothing for
    /// the exchange's own.
    #[must_use]
    pub fn api(&self, flag: Option<&str>) -> Option<SourceUrl> {
        let levels = [flag, self.environment.api.as_deref(), self.file.api.as_deref()];
        levels.into_iter().flatten().next().map(SourceUrl::from)
    }

    /// Returns how patient requests to the API are.
    #[must_use]
    pub fn api_requests(
        &self,
        timeout_seconds: Option<u64>,
        retries: Option<u32>,
    ) -> (Timeouts, RetryPolicy) {
        let flags = TuningFlags { timeout_seconds, retries, ..TuningFlags::default() };
        (timeouts(&self.file, &flags), retry_policy(&self.file, &flags))
    }

    /// Returns which series this process handles, by a flag or the environment.
    #[must_use]
    pub fn shard(&self, flag: Option<Shard>) -> Shard {
        flag.or(self.environment.shard).unwrap_or_default()
    }

    /// Returns what bronze keeps of archives that are in silver, by a flag or the file.
    #[must_use]
    pub fn bronze(&self, flag: Option<BronzePolicy>) -> BronzePolicy {
        flag.or(self.file.bronze).unwrap_or_default()
    }

    /// Returns whether the configuration file selects archives.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.file.selects()
    }

    /// Resolves how archives are downloaded again that a lake has dropped.
    ///
    /// # Errors
    /// When the configuration file says nothing that can be understood.
    pub fn downloads(&self, flags: &SourceFlags) -> Result<DownloadSettings, SettingsError> {
        let (source, listing) = self.source(flags);
        let tuning = TuningFlags::default();
        let fetch = fetch_options(&self.file, &tuning)?;
        let timeouts = timeouts(&self.file, &tuning);
        Ok(DownloadSettings { source, listing, fetch, timeouts })
    }

    /// Finds source and listing. The listing that the environment or the file names does not belong
    /// to a source that a flag names.
    fn source(&self, flags: &SourceFlags) -> (SourceUrl, Option<SourceUrl>) {
        let levels = [
            (&flags.source, &flags.listing),
            (&self.environment.source, &self.environment.listing),
            (&self.file.source, &self.file.listing),
        ];
        let mut listing = None;
        for (source, own_listing) in levels {
            listing = listing.or_else(|| own_listing.as_deref().map(SourceUrl::from));
            if let Some(source) = source.as_deref() {
                return (source.into(), listing);
            }
        }
        (PUBLIC_ARCHIVE.into(), listing)
    }
}

/// How single archives are downloaded.
#[derive(Clone, Debug)]
pub struct DownloadSettings {
    pub source: SourceUrl,
    pub listing: Option<SourceUrl>,
    pub fetch: FetchOptions,
    pub timeouts: Timeouts,
}

/// The settings of an ingest, a refresh or a plan.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    /// A folder, or the URL of an object-store prefix.
    pub lake: String,
    pub matrix: Matrix,
    /// The folder with the user's own gold models.
    pub gold_models: Option<PathBuf>,
    /// The folder with the user's own checks.
    pub audit_checks: Option<PathBuf>,
    pub selection: Selection,
    /// An `http(s)://` base, a folder, or an object-store URL.
    pub source: SourceUrl,
    /// The base that lists the archive, where that is not left to the source.
    pub listing: Option<SourceUrl>,
    pub fetch: FetchOptions,
    /// How long the source may be silent.
    pub timeouts: Timeouts,
    /// Archives that are fetched together.
    pub batch_size: usize,
    /// What is committed together: no more than is fetched together, if that was set.
    pub batch: BatchLimits,
    /// What bronze keeps of archives that are in silver.
    pub bronze: BronzePolicy,
    /// Whether to load also what was removed.
    pub restore: bool,
    /// Which series this process handles.
    pub shard: Shard,
    /// The last stage to run.
    pub stage: Stage,
    /// Whether what changed is audited at the end.
    pub audit: bool,
    /// Whether to stop at the plan.
    pub dry_run: bool,
    pub format: ReportFormat,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// Resolves how archives are downloaded.
fn fetch_options(file: &FileOptions, flags: &TuningFlags) -> Result<FetchOptions, SettingsError> {
    let default = FetchOptions::default();
    let parallel = flags.max_parallel_downloads.or(file.max_parallel_downloads);
    let bandwidth = match (flags.bandwidth, &file.bandwidth) {
        (Some(limit), _) => Some(limit),
        (None, Some(text)) => Some(file_bandwidth(file, text)?),
        (None, None) => default.bandwidth,
    };
    Ok(FetchOptions {
        retry: retry_policy(file, flags),
        checksum: !flags.no_checksum && file.checksum.unwrap_or(default.checksum),
        force: flags.force_redownload,
        resume: !flags.no_resume && file.resume.unwrap_or(default.resume),
        bandwidth,
        parallel: parallel.unwrap_or(default.parallel),
        ignore_free_space: flags.force,
        scratch: default.scratch,
    })
}

fn retry_policy(file: &FileOptions, flags: &TuningFlags) -> RetryPolicy {
    let default = RetryPolicy::default();
    let retries = flags.retries.or(file.retries).and_then(|number| usize::try_from(number).ok());
    RetryPolicy { retries: retries.unwrap_or(default.retries), ..default }
}

fn timeouts(file: &FileOptions, flags: &TuningFlags) -> Timeouts {
    let default = Timeouts::default();
    let seconds = flags.timeout_seconds.or(file.timeout_seconds);
    Timeouts { idle: seconds.map_or(default.idle, Duration::from_secs), ..default }
}

/// Reads the configuration file: JSON or TOML by its extension, or else by its first character.
fn read_config(path: &Path) -> Result<FileOptions, SettingsError> {
    let text = fs::read_to_string(path)
        .map_err(|error| SettingsError::unreadable("configuration file", path, error))?;
    let text = text.trim_start_matches('\u{feff}');
    let extension =
        path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
    let is_json = match extension.as_deref() {
        Some("json") => true,
        Some("toml") => false,
        _ => text.trim_start().starts_with('{'),
    };
    let file = path.display().to_string();
    Ok(if is_json { parse_collection(&file, text)? } else { parse_settings_toml(&file, text)? })
}

/// Returns a path that is written in a configuration file, relative to the file.
fn relative_to(config: Option<&Path>, path: &str) -> PathBuf {
    config.and_then(Path::parent).map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
}

fn file_bandwidth(file: &FileOptions, text: &str) -> Result<u64, SettingsError> {
    bandwidth(text).map_err(|expected| {
        SettingsError::File(DataFileError {
            file: file.file.clone(),
            line: file.lines.get("bandwidth").copied().unwrap_or(1),
            key: "bandwidth".to_owned(),
            message: format!("invalid value `{text}`; {expected}"),
        })
    })
}

/// The number of a process of a job, from zero.
const JOB_INDEX: &str = "JOB_COMPLETION_INDEX";
/// How many processes the job has.
const JOB_COUNT: &str = "JOB_COMPLETION_COUNT";

/// Reads a variable; this is the one place where the environment is read.
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
