//! The format version of a lake: `meta/format.json`, which says by which rules its files are laid
//! out.
//!
//! A program reads and writes lakes up to [`FORMAT_VERSION`] and refuses newer ones, because it
//! could misread or damage them. The check is made wherever a table is opened, so that no command
//! can leave it out.

use std::sync::Arc;

use lakehouse_core::format_version::{self, FormatFileError, LONGEST_FILE};
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use thiserror::Error;
use tokio::sync::OnceCell;

use super::lake::Lake;
use super::{StorageError, check_conditional_writes};

/// The newest format version that this program knows, and the one that it gives to new lakes.
pub const FORMAT_VERSION: u64 = 1;

/// The version of lakes without a format file, which were made before there was one.
const VERSION_WITHOUT_FILE: u64 = 1;

const FORMAT_FILE: &str = "meta/format.json";

/// Why a lake's format version is no basis for using the lake.
#[derive(Debug, Error)]
pub enum FormatError {
    /// A newer program wrote the lake.
    #[error(
        "the lake {lake} has format version {found}, and this program knows versions up to \
         {known}: use a newer version of lakehouse"
    )]
    Newer { lake: String, found: u64, known: u64 },
    /// The file is there, and is not what a program wrote.
    #[error(
        "{file} is damaged: expected the format version of the lake, such as {{\"version\": 1}}; \
         restore it from a copy of the lake"
    )]
    Damaged { file: String, source: FormatFileError },
    #[error("cannot read the format version of the lake from {file}")]
    Read { file: String, source: Error },
    #[error("cannot write the format version of the lake to {file}")]
    Write { file: String, source: Error },
}

/// What is known about a lake's format; all clones of a lake share it.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownFormat {
    checked: Arc<OnceCell<u64>>,
    written: Arc<OnceCell<()>>,
}

impl Lake {
    /// Reads the lake's format version; 1 where the lake has no format file, or does not exist yet.
    ///
    /// # Errors
    /// When the version is newer than [`FORMAT_VERSION`], or the file cannot be read.
    pub async fn format_version(&self) -> Result<u64, StorageError> {
        let version = self.read_format().await?.unwrap_or(VERSION_WITHOUT_FILE);
        if version > FORMAT_VERSION {
            let lake = self.storage().location();
            return Err(FormatError::Newer { lake, found: version, known: FORMAT_VERSION }.into());
        }
        Ok(version)
    }

    /// Makes sure, once per opened lake, that this program knows the lake's format.
    ///
    /// # Errors
    /// As [`Lake::format_version`].
    pub(crate) async fn check_format(&self) -> Result<(), StorageError> {
        self.format.checked.get_or_try_init(|| self.format_version()).await.map(|_| ())
    }

    /// Makes sure, once per opened lake, that the lake has a format file that this program knows;
    /// to be called before anything is written.
    ///
    /// # Errors
    /// As [`Lake::format_version`], or when the file cannot be written.
    pub(crate) async fn prepare_write(&self) -> Result<(), StorageError> {
        self.check_format().await?;
        self.format.written.get_or_try_init(|| self.write_format()).await.map(|_| ())
    }

    async fn read_format(&self) -> Result<Option<u64>, FormatError> {
        let failed = |source| FormatError::Read { file: self.format_file(), source };
        let found = match self.storage().store().get(&Path::from(FORMAT_FILE)).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(failed)?,
        };
        let damaged = |source| FormatError::Damaged { file: self.format_file(), source };
        // Whatever lies there is not read into memory.
        if found.meta.size > LONGEST_FILE as u64 {
            return Err(damaged(FormatFileError::TooLong));
        }
        let bytes = found.bytes().await.map_err(failed)?;
        format_version::parse(&bytes).map(Some).map_err(damaged)
    }

    async fn write_format(&self) -> Result<(), StorageError> {
        let failed = |source| FormatError::Write { file: self.format_file(), source };
        if self.read_format().await?.is_some() {
            return Ok(());
        }
        // This is the first write of the lake, and all others rest on conditions too.
        check_conditional_writes(self.storage()).await?;
        let payload = PutPayload::from(format!("{{\"version\": {FORMAT_VERSION}}}\n"));
        let create = PutOptions::from(PutMode::Create);
        match self.storage().store().put_opts(&Path::from(FORMAT_FILE), payload, create).await {
            Ok(_) => Ok(()),
            // Another process was faster, perhaps one of a newer program.
            Err(Error::AlreadyExists { .. }) => self.format_version().await.map(|_| ()),
            Err(source) => Err(failed(source).into()),
        }
    }

    /// Names the file in messages.
    fn format_file(&self) -> String {
        let lake = self.storage().location();
        format!("{}/{FORMAT_FILE}", lake.trim_end_matches('/'))
    }
}
