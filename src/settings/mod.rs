//! What is really meant: flags over the environment over the configuration file over defaults,
//! resolved once.
//!
//! Whatever comes after this module works with its results and looks at no flag, variable or file
//! of settings again. The environment is read here and nowhere else; the clock is not read at all.

mod error;
mod matrix_file;
mod selection;
mod shown;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::NaiveDate;
use lakehouse_core::config::data_file::DataFileError;
use lakehouse_core::config::options::{FileOptions, parse_collection, parse_settings_toml};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::selection::Selection;

pub use self::error::SettingsError;
pub use self::shown::{Origin, ShownSetting};
use crate::bronze::FetchOptions;
use crate::cli::{
    GlobalFlags, IngestFlags, PlanFlags, RefreshFlags, ReportFormat, SelectionFlags, SourceFlags,
    Stage, TuningFlags, bandwidth,
};
use crate::source::location::SourceUrl;
use crate::source::retry::RetryPolicy;
use crate::source::{PUBLIC_ARCHIVE, Timeouts};

const DEFAULT_LAKE: &str = "./lake";

const DEFAULT_BATCH_SIZE: usize = 100;
const DEFAULT_PARALLEL_DOWNLOADS: usize = 8;

/// The variables of the environment that count; an empty one counts as not set.
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
    /// `RUST_LOG`: which logs are written, in place of `-v` and `-q`.
    pub log_filter: Option<String>,
    /// `XDG_STATE_HOME`, or `.local/state` below `HOME`: where programs keep what they remember.
    pub state_folder: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables of this process.
    #[must_use]
    pub fn read() -> Self {
        Self {
            lake: variable("LAKEHOUSE_LAKE"),
            config: variable("LAKEHOUSE_CONFIG").map(PathBuf::from),
            source: variable("LAKEHOUSE_SOURCE"),
            listing: variable("LAKEHOUSE_LISTING"),
            log_filter: variable("RUST_LOG"),
            state_folder: state_folder(),
        }
    }
}

fn state_folder() -> Option<PathBuf> {
    let own = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|folder| folder.is_absolute());
    own.or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local/state")))
}

/// What holds for every command, and the configuration file for those that need more of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A folder, or the URL of an object-store prefix.
    pub lake: String,
    pub matrix: Matrix,
    /// The folder with the user's own gold models.
    pub gold_models: Option<PathBuf>,
    /// What a user should know of these settings, each told once.
    pub notes: Vec<String>,
    /// What the configuration file asks for and does not get.
    pub warnings: Vec<String>,
    /// Which of the flags of every command were given.
    given: GlobalFlags,
    environment: Environment,
    file: FileOptions,
}

impl Settings {
    /// Reads the configuration file, if one is named, and the matrix that it names.
    ///
    /// # Errors
    /// When one of the two cannot be read or says something that is not known.
    pub fn resolve(flags: &GlobalFlags, environment: Environment) -> Result<Self, SettingsError> {
        let config = flags.config.as_deref().or(environment.config.as_deref());
        let file = config.map(read_config).transpose()?.unwrap_or_default();
        let (matrix, note) = matrix_file::load(config, file.matrix_path.as_deref())?;
        let mut notes: Vec<String> = note.into_iter().collect();
        let outside = flags.lake.as_ref().or(environment.lake.as_ref());
        if let (None, Some(lake)) = (outside, &file.lake) {
            notes.push(format!("the lake is {lake}, as {} says; --lake names another", file.file));
        }
        let lake =
            outside.or(file.lake.as_ref()).cloned().unwrap_or_else(|| DEFAULT_LAKE.to_owned());
        let warnings = file.warnings.clone();
        let gold_models = file.gold_models.as_ref().map(|folder| beside(config, folder));
        Ok(Self {
            lake,
            matrix,
            gold_models,
            notes,
            warnings,
            given: flags.clone(),
            environment,
            file,
        })
    }

    /// Resolves what an ingest is to do; `today` is the current day, UTC.
    ///
    /// # Errors
    /// When a name means nothing, dates end before they start, or nothing says which symbols are
    /// wanted.
    pub fn ingest(
        self,
        flags: &IngestFlags,
        today: NaiveDate,
    ) -> Result<IngestSettings, SettingsError> {
        let selection = selection::resolve(&self.file, &flags.selection, &self.matrix, today)?;
        let (source, listing) = self.source(&flags.source);
        let fetch = FetchSettings::resolve(&self.file, &flags.tuning)?;
        let batch_size =
            flags.tuning.batch_size.or(self.file.batch_size).unwrap_or(DEFAULT_BATCH_SIZE);
        Ok(IngestSettings {
            lake: self.lake,
            matrix: self.matrix,
            gold_models: self.gold_models,
            selection,
            source,
            listing,
            fetch,
            batch_size,
            stage: flags.stage,
            dry_run: flags.dry_run,
            format: flags.format,
            notes: self.notes,
            warnings: self.warnings,
        })
    }

    /// Resolves what a plan is about: the same as an ingest that does nothing.
    ///
    /// # Errors
    /// As [`Self::ingest`].
    pub fn plan(
        self,
        flags: &PlanFlags,
        today: NaiveDate,
    ) -> Result<IngestSettings, SettingsError> {
        let PlanFlags { selection, source, tuning, format } = flags.clone();
        let stage = Stage::default();
        self.ingest(&IngestFlags { selection, source, tuning, stage, dry_run: true, format }, today)
    }

    /// Resolves what a refresh is to do; a configuration file that selects archives adds them to
    /// what the lake tracks.
    ///
    /// # Errors
    /// As [`Self::ingest`].
    pub fn refresh(
        self,
        flags: &RefreshFlags,
        today: NaiveDate,
    ) -> Result<IngestSettings, SettingsError> {
        let RefreshFlags { source, tuning, format, dry_run, .. } = flags.clone();
        // What the lake tracks bounds the refresh, and a file was written on purpose.
        let selection = SelectionFlags { all: true, ..SelectionFlags::default() };
        let stage = Stage::default();
        self.ingest(&IngestFlags { selection, source, tuning, stage, dry_run, format }, today)
    }

    /// Returns where the shell keeps its history, if the user has a place for such things.
    #[must_use]
    pub fn history_file(&self) -> Option<PathBuf> {
        self.environment.state_folder.as_ref().map(|folder| folder.join("lakehouse/history"))
    }

    /// Returns whether the configuration file says which archives are wanted.
    #[must_use]
    pub fn selects(&self) -> bool {
        self.file.selects()
    }

    /// Finds source and listing. Whoever names a source means its own listing, not that of a source
    /// that the environment or the file names.
    fn source(&self, flags: &SourceFlags) -> (SourceUrl, Option<SourceUrl>) {
        let levels = [
            (&flags.source, &flags.listing),
            (&self.environment.source, &self.environment.listing),
            (&self.file.source, &self.file.listing),
        ];
        let mut listing = None;
        for (source, listing_here) in levels {
            listing = listing.or_else(|| listing_here.as_deref().map(SourceUrl::from));
            if let Some(source) = source.as_deref() {
                return (source.into(), listing);
            }
        }
        (PUBLIC_ARCHIVE.into(), listing)
    }
}

/// Everything that an ingest or a plan needs to know.
#[derive(Clone, Debug)]
pub struct IngestSettings {
    /// A folder, or the URL of an object-store prefix.
    pub lake: String,
    pub matrix: Matrix,
    /// The folder with the user's own gold models.
    pub gold_models: Option<PathBuf>,
    pub selection: Selection,
    /// An `http(s)://` base, a folder, or an object-store URL.
    pub source: SourceUrl,
    /// The base that lists the archive, where that is not left to the source.
    pub listing: Option<SourceUrl>,
    pub fetch: FetchSettings,
    /// Archives that are fetched, decoded and committed together.
    pub batch_size: usize,
    /// The last stage to run.
    pub stage: Stage,
    /// Whether to stop at the plan.
    pub dry_run: bool,
    pub format: ReportFormat,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// How archives are downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchSettings {
    pub max_parallel_downloads: usize,
    /// Time without a byte after which a request is given up; downloads as a whole may take any
    /// time.
    pub timeout: Duration,
    /// How often a request is tried again.
    pub retries: usize,
    /// Bytes per second for all downloads together; nothing means no limit.
    pub bandwidth: Option<u64>,
    /// Whether archives are compared with their published checksums.
    pub checksum: bool,
    pub force_redownload: bool,
    /// Whether half-downloaded archives are continued.
    pub resume: bool,
    /// Whether downloads begin though they need more room than there is.
    pub ignore_free_space: bool,
}

impl FetchSettings {
    fn resolve(file: &FileOptions, flags: &TuningFlags) -> Result<Self, SettingsError> {
        let parallel = flags.max_parallel_downloads.or(file.max_parallel_downloads);
        let seconds = flags.timeout_seconds.or(file.timeout_seconds);
        let retries =
            flags.retries.or(file.retries).and_then(|retries| usize::try_from(retries).ok());
        let bandwidth_of_file =
            || file.bandwidth.as_deref().map(|text| file_bandwidth(file, text)).transpose();
        Ok(Self {
            max_parallel_downloads: parallel.unwrap_or(DEFAULT_PARALLEL_DOWNLOADS),
            timeout: seconds.map_or(Timeouts::default().idle, Duration::from_secs),
            retries: retries.unwrap_or(RetryPolicy::default().retries),
            bandwidth: flags.bandwidth.map_or_else(bandwidth_of_file, |limit| Ok(Some(limit)))?,
            checksum: !flags.no_checksum && file.checksum.unwrap_or(true),
            force_redownload: flags.force_redownload,
            resume: !flags.no_resume && file.resume.unwrap_or(true),
            ignore_free_space: flags.force,
        })
    }

    /// Returns how the fetcher is to work.
    #[must_use]
    pub fn options(&self) -> FetchOptions {
        FetchOptions {
            retry: RetryPolicy { retries: self.retries, ..RetryPolicy::default() },
            checksum: self.checksum,
            force: self.force_redownload,
            resume: self.resume,
            bandwidth: self.bandwidth,
            parallel: self.max_parallel_downloads,
            ignore_free_space: self.ignore_free_space,
            ..FetchOptions::default()
        }
    }

    /// Returns how long a source may keep silent.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        Timeouts { idle: self.timeout, ..Timeouts::default() }
    }
}

/// Reads the configuration file: JSON or TOML, as its name says, or else as its first character
/// does.
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

/// Returns a path that a configuration file means, relative to itself.
fn beside(config: Option<&Path>, path: &str) -> PathBuf {
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

#[expect(clippy::disallowed_methods, reason = "the one place where the environment is read")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
