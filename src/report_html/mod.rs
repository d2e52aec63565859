//! The status of a lake as one web page: data as JSON, and the style and script that draw them.
//!
//! The page loads nothing: no font, no library, no server. Its script decides what is drawn. Here
//! the data are read, limited and put into the page so that no text in them can become markup.

mod charts;
pub(crate) mod document;
mod records;
pub(crate) mod template;

use chrono::{DateTime, Utc};
use lakehouse_core::matrix::Matrix;
use thiserror::Error;

use self::charts::Charts;
use self::document::Document;
use self::records::Records;
use crate::delta::TableError;
use crate::meta::scope::Scope;
use crate::query::{QueryError, Session, SessionOptions};
use crate::status::LakeStatus;
use crate::storage::lake::Lake;

/// Why a page could not be made.
#[derive(Debug, Error)]
pub(crate) enum PageError {
    #[error(transparent)]
    Query(#[from] QueryError),
    /// `meta.changes` could not be read.
    #[error(transparent)]
    Changes(#[from] TableError),
    #[error("the page's data cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// Title, time and size of a page.
#[derive(Clone, Debug)]
pub(crate) struct PageOptions {
    /// The lake's folder or URL, as the user names it.
    pub(crate) location: String,
    pub(crate) made_at: DateTime<Utc>,
    /// Bars of each chart at most: the latest ones.
    pub(crate) bars: usize,
}

/// Everything that a page shows.
#[derive(Debug)]
pub(crate) struct Page {
    options: PageOptions,
    status: LakeStatus,
    records: Records,
    charts: Charts,
}

impl Page {
    /// Reads what the page shows besides a status: bars, rejected rows, corrections.
    ///
    /// # Errors
    /// When a table cannot be read; one that does not exist is empty.
    pub(crate) async fn read(
        lake: &Lake,
        matrix: &Matrix,
        scope: &Scope,
        mut status: LakeStatus,
        options: PageOptions,
    ) -> Result<Self, PageError> {
        let session = Session::open(lake, SessionOptions::default())?;
        status.find_provisional_days(&session, scope).await?;
        let records = Records::read(lake, &session, matrix, scope).await?;
        let charts = Charts::read(&session, &status.series, options.bars).await?;
        Ok(Self { options, status, records, charts })
    }

    /// Writes the page.
    ///
    /// # Errors
    /// When the data cannot be written as JSON.
    pub(crate) fn html(&self) -> Result<String, PageError> {
        let document = Document::new(&self.options, &self.status, &self.records, &self.charts);
        Ok(template::fill(&self.options.location, &serde_json::to_string(&document)?))
    }
}
