//! Where units of work run: in this process, until there are other places.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use lakehouse_core::schema::TableSchema;

use super::batch_files::BatchContext;
use super::decode_batch::decode_batch;
use super::decode_request::{DecodeRequest, DecodeResult};
use super::table_spec;
use crate::bronze::BronzeArchive;
use crate::delta::{TableError, Verb};
use crate::memory::MemoryBudget;
use crate::meta::rejects::{RejectsTarget, rejects_files};
use crate::parquet::writer::FileTarget;
use crate::storage::StorageError;
use crate::storage::lake::{Lake, Layer, TableName};

/// Runs units of work; none of them commits anything.
#[async_trait]
pub(crate) trait Runner: fmt::Debug + Send + Sync {
    /// Decodes archives into durable files that no commit names yet; `at_hand` are the same
    /// archives, in the same order, as this machine has them.
    ///
    /// # Errors
    /// When files cannot be written; what is wrong with a single archive is in its result.
    async fn decode(
        &self,
        request: DecodeRequest,
        at_hand: Vec<BronzeArchive>,
    ) -> Result<DecodeResult, TableError>;
}

/// Runs units on threads of this process.
#[derive(Debug)]
pub(crate) struct LocalRunner {
    schema: Arc<TableSchema>,
    target: Arc<FileTarget>,
    rejects: Arc<FileTarget>,
    /// Archives that are decoded at a time.
    threads: usize,
    memory: MemoryBudget,
}

impl LocalRunner {
    /// Makes a runner for the table of a schema, which need not exist.
    ///
    /// # Errors
    /// When the lake's location cannot be joined with the names of its tables.
    pub(crate) fn new(
        lake: &Lake,
        schema: Arc<TableSchema>,
        threads: usize,
        memory: MemoryBudget,
    ) -> Result<Self, StorageError> {
        let spec = table_spec(&schema);
        let name = TableName::new(Layer::Silver, schema.table());
        let target = Arc::new(FileTarget::of(&spec, lake.table_storage(&name)?));
        let rejects = rejects_files(lake)?;
        Ok(Self { schema, target, rejects, threads, memory })
    }
}

#[async_trait]
impl Runner for LocalRunner {
    async fn decode(
        &self,
        request: DecodeRequest,
        at_hand: Vec<BronzeArchive>,
    ) -> Result<DecodeResult, TableError> {
        let run = request.run.as_str();
        let context = BatchContext {
            schema: Arc::clone(&self.schema),
            target: Arc::clone(&self.target),
            rejects: RejectsTarget { target: Arc::clone(&self.rejects), run: run.into() },
            threads: self.threads,
            memory: self.memory.clone(),
        };
        let span = tracing::Span::current();
        let decode = move || span.in_scope(|| decode_batch(&request, &at_hand, &context));
        let work = tokio::task::spawn_blocking(decode).await;
        let failed = TableError::cannot(Verb::Decode, self.target.table(), "archives");
        let decoded = work.map_err(failed)??;
        // Files are durable before a commit names them. Those of a commit that never happens belong
        // to no table, and maintenance deletes them.
        let files = self.target.publish_all(decoded.files).await?;
        let rejects = self.rejects.publish_all(decoded.rejects).await?;
        Ok(DecodeResult { archives: decoded.archives, files, rejects })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use lakehouse_core::ledger::ChecksumState;
    use lakehouse_core::listing::checksum::Sha256Hex;
    use lakehouse_core::matrix::Matrix;
    use lakehouse_core::overlap::outside::OutsideDays;
    use lakehouse_core::overlap::{Continuity, DayEvidence, HeldArchive, OverlapClaim};
    use lakehouse_core::schema::Schemas;
    use lakehouse_samples::{SampleOptions, sample_zip};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use sha2::{Digest, Sha256};

    use super::super::decode_request::{ArchiveRequest, LandingRules, OutsideRules};
    use super::*;

    /// Writes an hour-bar archive of a day, and describes it as bronze would.
    fn archive(folder: &Path, symbol: &str, day: &str) -> BronzeArchive {
        let key = format!("data/spot/daily/klines/{symbol}/1h/{symbol}-1h-{day}.zip");
        let key = Matrix::builtin().unwrap().identify(&key).unwrap();
        let zip = sample_zip(&key, &SampleOptions::small(7)).unwrap();
        let file = folder.join(key.file_name());
        fs::write(&file, &zip).unwrap();
        let sha256 = Sha256Hex::from_bytes(Sha256::digest(&zip).into());
        BronzeArchive::at_rest(key, file, None, None, sha256, ChecksumState::Match)
    }

    /// Requests an archive whose day another copy holds, with no row or with more than it has.
    fn wanted(archive: &BronzeArchive, held_rows: u64) -> ArchiveRequest {
        let period = archive.key.period();
        let sha256 = archive.sha256.to_string();
        let month = HeldArchive {
            sha256: "0".repeat(64).into(),
            rows: held_rows,
            days: None,
            competing_version: None,
            yielded: false,
            outside: OutsideDays::known(&[]),
        };
        let claim = OverlapClaim::of(period, &sha256, None, &[(period.month(), &month)]);
        let held = DayEvidence { rows: held_rows, ..DayEvidence::default() };
        let rules = LandingRules {
            claim,
            held: [(period.start(), held)].into(),
            continuity: Continuity::Bars(3_600),
            outside: OutsideRules {
                owned: period.end().succ_opt().into_iter().collect(),
                ..OutsideRules::default()
            },
        };
        ArchiveRequest { archive: archive.key.path().to_owned(), sha256, rules }
    }

    fn through_json<T: Serialize + DeserializeOwned>(value: &T) -> T {
        serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
    }

    /// Files have names that nothing else uses.
    fn without_names(mut result: DecodeResult) -> DecodeResult {
        for file in result.files.iter_mut().chain(&mut result.rejects) {
            file.path.clear();
        }
        result
    }

    #[tokio::test]
    async fn a_unit_that_travels_as_text_and_runs_twice_gives_the_same_twice() {
        let folder = tempfile::tempdir().unwrap();
        let days = ["2024-03-01", "2024-03-02"];
        let mut archives: Vec<BronzeArchive> =
            days.iter().map(|day| archive(folder.path(), "BTCUSDT", day)).collect();
        let damaged = archive(folder.path(), "ETHUSDT", days[0]);
        fs::write(&damaged.file, "no archive").unwrap();
        archives.push(damaged);
        let request = DecodeRequest {
            table: "klines".to_owned(),
            run: "a run".to_owned(),
            archives: archives
                .iter()
                .zip([0, 99, 0])
                .map(|(one, rows)| wanted(one, rows))
                .collect(),
        };
        assert_eq!(through_json(&request), request);

        let lake = Lake::open(folder.path().join("lake").to_str().unwrap()).unwrap();
        let schema = Arc::new(Schemas::builtin().unwrap().get("klines").unwrap().clone());
        let runner = LocalRunner::new(&lake, schema, 2, MemoryBudget::default()).unwrap();
        let first = runner.decode(request.clone(), archives.clone()).await.unwrap();
        let second = runner.decode(through_json(&request), archives).await.unwrap();
        assert_eq!(through_json(&first), first);
        assert_ne!(first.files[0].path, second.files[0].path);
        assert_eq!(without_names(second), without_names(first.clone()));

        let landed: Vec<u64> = first.archives.iter().map(|archive| archive.rows).collect();
        assert_eq!(landed, [24, 0, 0], "the second day stays with the month, which has more rows");
        assert!(first.archives[2].fault.is_some());
        assert_eq!(first.files.iter().map(|file| file.rows).sum::<u64>(), 24);
    }
}
