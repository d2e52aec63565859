//! Whether bytes are those that the source publishes: by the published checksum, or by the listed
//! size where there is none.

use bytes::Bytes;
use lakehouse_core::ledger::ChecksumState;
use lakehouse_core::listing::Published;
use lakehouse_core::listing::checksum::{Sha256Hex, parse_checksum};

use super::download::Complete;
use super::fetcher::Fetcher;
use super::outcome::FetchError;
use crate::events::Event;
use crate::source::SourceError;

impl Fetcher {
    /// Reads the published checksum; nothing if there is none, or none is wanted.
    pub(super) async fn checksum(
        &self,
        wanted: &Published,
    ) -> Result<Option<PublishedChecksum>, FetchError> {
        if !self.options.checksum {
            return Ok(None);
        }
        let mut retry_budget = self.retries.budget(wanted.key.shared_path());
        let key = wanted.key.checksum_path();
        loop {
            self.outage.check(&key)?;
            self.reporter.report(Event::Requested { what: key.as_str().into() });
            let round = self.permits.round();
            let text = match self.source.get_small(&key).await {
                Ok(Some(text)) => text,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.permits.on_failure(round, &error);
                    let waited = retry_budget.wait(error).await;
                    self.outage.note(&waited);
                    waited?;
                    continue;
                }
            };
            self.outage.end();
            match parse_checksum(&text, wanted.key.file_name()) {
                Ok(sum) => return Ok(Some(PublishedChecksum { text, sum })),
                Err(source) => {
                    let again =
                        retry_budget.wait(SourceError::transient(&key, source.to_string())).await;
                    again.map_err(|_| FetchError::Checksum {
                        archive: wanted.key.shared_path(),
                        source,
                    })?;
                }
            }
        }
    }

    /// Compares bytes with checksum; without one, their number with the listing.
    pub(super) fn judge(
        &self,
        wanted: &Published,
        checksum: Option<&PublishedChecksum>,
        complete: &Complete,
    ) -> Result<ChecksumState, Doubt> {
        if let Some(published) = checksum {
            let sums = (published.sum, complete.sha256);
            return if sums.0 == sums.1 {
                Ok(ChecksumState::Match)
            } else {
                Err(Doubt::Mismatch(sums))
            };
        }
        match wanted.size {
            Some(listed) if listed != complete.size => {
                let reason = format!("{} bytes came, and {listed} are listed", complete.size);
                Err(Doubt::Size(SourceError::transient(wanted.key.path(), reason)))
            }
            _ if complete.continued => {
                let reason = "continued from an earlier run, and there is no checksum that could \
                              show whether it is whole";
                Err(Doubt::Size(SourceError::transient(wanted.key.path(), reason)))
            }
            _ if self.options.checksum => Ok(ChecksumState::Absent),
            _ => Ok(ChecksumState::Unchecked),
        }
    }
}

/// What an archive's checksum file says, and its bytes.
#[derive(Debug)]
pub(super) struct PublishedChecksum {
    pub(super) text: Bytes,
    pub(super) sum: Sha256Hex,
}

/// The published sum and the bytes' own.
pub(super) type Sums = (Sha256Hex, Sha256Hex);

/// Why bytes are not taken yet.
pub(super) enum Doubt {
    Mismatch(Sums),
    Size(SourceError),
}
