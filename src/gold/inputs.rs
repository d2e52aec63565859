//! The inputs of a model, pinned to a version: what they hold, what changed in them, and a view of
//! some of their days.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{Date32Type, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::empty::EmptyTable;
use lakehouse_core::gold::{Changed, InputState, Partitioning, Recompute};
use lakehouse_core::names::partition::Partition;

use super::error::BuildError;
use super::history::changed_between;
use crate::delta::log::BuiltOn;
use crate::delta::table::WritableTable;
use crate::query::{At, ScanFile, TableScan, TableSnapshot, with_provisional};
use crate::storage::lake::{Lake, TableName};

/// One input at the version at which it is read; a table that is not there has no rows.
#[derive(Debug)]
pub(crate) struct InputTable {
    pub(crate) name: TableName,
    snapshot: Option<Arc<TableSnapshot>>,
    declared: SchemaRef,
    /// In a run that only plans: what a build would have done to it before.
    pending: Option<Recompute>,
}

impl InputTable {
    /// Opens an input at its newest version; `declared` are its columns if it is not there.
    pub(crate) async fn open(
        lake: &Lake,
        name: TableName,
        declared: SchemaRef,
        pending: Option<Recompute>,
    ) -> Result<Self, BuildError> {
        let snapshot = TableSnapshot::open(&lake.table_url(&name)?, At::Newest).await?;
        Ok(Self { name, snapshot, declared, pending })
    }

    /// Returns whether there is such a table, or would be.
    pub(crate) fn exists(&self) -> bool {
        self.snapshot.is_some()
            || self.pending.as_ref().is_some_and(|pending| !pending.is_nothing())
    }

    /// Returns what a build on this version records of it; nothing where there is no table.
    pub(crate) fn built_on(&self) -> Option<BuiltOn> {
        let snapshot = self.snapshot.as_ref()?;
        Some(BuiltOn { id: snapshot.id().to_owned(), version: snapshot.version() })
    }

    /// Returns what it holds, and what changed in it since a table was built on it.
    pub(crate) async fn state(
        &self,
        lake: &Lake,
        built: Option<&BuiltOn>,
    ) -> Result<InputState, BuildError> {
        let mut state = self.changes(lake, built).await?;
        self.add_present(&mut state);
        Ok(state)
    }

    /// Adds what it holds, which is found by reading the list of its files.
    pub(crate) fn add_present(&self, state: &mut InputState) {
        state.present.extend(self.present());
    }

    /// Returns what changed in it since a table was built on it, and not what it holds otherwise.
    pub(crate) async fn changes(
        &self,
        lake: &Lake,
        built: Option<&BuiltOn>,
    ) -> Result<InputState, BuildError> {
        let changed = self.changed_since(lake, built).await?;
        let mut state = InputState { changed, present: BTreeSet::new() };
        // The log does not have what is only planned, so it is added here as if it had happened.
        match &self.pending {
            None | Some(Recompute::Nothing) => {}
            Some(Recompute::Whole) => state.changed = Changed::Everything,
            Some(Recompute::Partitions(pending)) => {
                state.present.extend(pending);
                match &mut state.changed {
                    Changed::Nothing => state.changed = Changed::Partitions(pending.clone()),
                    Changed::Partitions(changed) => changed.extend(pending),
                    Changed::Everything => {}
                }
            }
        }
        Ok(state)
    }

    async fn changed_since(
        &self,
        lake: &Lake,
        built: Option<&BuiltOn>,
    ) -> Result<Changed, BuildError> {
        let Some(built) = built else {
            // It was not there when the table was built, so all that it holds counts as changed.
            return Ok(match &self.snapshot {
                None => Changed::Nothing,
                Some(_) if self.is_partitioned() => Changed::Partitions(self.present()),
                Some(_) => Changed::Everything,
            });
        };
        // Of another table in the place of the one that was read, the log says nothing about what
        // was built.
        let known = self.snapshot.as_ref().filter(|snapshot| snapshot.id() == built.id);
        let known = known.map(|snapshot| snapshot.version());
        if known == Some(built.version) {
            return Ok(Changed::Nothing);
        }
        // Opened at its newest version, which may be newer than the snapshot; only commits up to
        // the snapshot are read.
        let Some(table) = WritableTable::open_as_is(lake, &self.name).await? else {
            return Ok(Changed::Everything);
        };
        if let Some(version) = known.filter(|version| *version > built.version) {
            return Ok(changed_between(&table, built.version, version).await?);
        }
        // The build read a version that this input does not have. Either another process made both
        // since it was opened, or the table is an older state of the one that was read, or another.
        let is_there = u64::try_from(table.version()).is_ok_and(|newest| newest >= built.version);
        if is_there && table.id()? == built.id {
            return Err(BuildError::Overtaken);
        }
        Ok(Changed::Everything)
    }

    fn is_partitioned(&self) -> bool {
        let columns = Partitioning::MarketAndDate.columns();
        self.snapshot.as_ref().is_none_or(|snapshot| snapshot.partition_columns() == columns)
    }

    fn present(&self) -> BTreeSet<Partition> {
        self.sizes().into_keys().collect()
    }

    /// Returns the bytes of each partition; none for a table without partitions.
    pub(crate) fn sizes(&self) -> BTreeMap<Partition, u64> {
        let mut sizes = BTreeMap::new();
        for file in self.snapshot.iter().flat_map(|snapshot| snapshot.files().iter()) {
            if let Some(partition) = self.partition_of(file) {
                *sizes.entry(partition).or_default() += file.size();
            }
        }
        sizes
    }

    /// Returns whether the table has rows that do not belong to any partition.
    pub(crate) fn has_more_than_partitions(&self) -> bool {
        self.snapshot.is_some() && !self.is_partitioned()
    }

    /// Returns the table as SQL sees it: all of it, or these partitions of it if it has any.
    pub(crate) fn provider(&self, only: Option<&BTreeSet<Partition>>) -> Arc<dyn TableProvider> {
        match self.scan(only) {
            Some(table) => Arc::new(table),
            None => self.empty(),
        }
    }

    /// Returns this table of silver with the provisional rows that it does not have, cut likewise.
    ///
    /// # Errors
    /// When the two tables cannot be read as one.
    pub(super) fn with_provisional(
        &self,
        recent: &Self,
        only: Option<&BTreeSet<Partition>>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let both = with_provisional(self.scan(only), recent.scan(only))?;
        Ok(both.unwrap_or_else(|| self.empty()))
    }

    fn scan(&self, only: Option<&BTreeSet<Partition>>) -> Option<TableScan> {
        let table = TableScan::new(self.name.clone(), Arc::clone(self.snapshot.as_ref()?));
        // An input without partitions is read whole for every chunk: any row may be needed.
        let Some(only) = only.filter(|_| self.is_partitioned()) else { return Some(table) };
        Some(table.cut(|file: ScanFile<'_>| {
            self.partition_of(file).is_some_and(|partition| only.contains(&partition))
        }))
    }

    fn empty(&self) -> Arc<dyn TableProvider> {
        Arc::new(EmptyTable::new(Arc::clone(&self.declared)))
    }

    fn partition_of(&self, file: ScanFile<'_>) -> Option<Partition> {
        let columns = self.snapshot.as_ref()?.partition_columns();
        let values = file.partition_values().ok()?;
        let value = |name: &str| values.get(columns.iter().position(|column| column == name)?);
        let ScalarValue::Date32(Some(days)) = value("date")? else { return None };
        let market = value("market")?.to_string().parse().ok()?;
        Some(Partition { market, date: Date32Type::to_naive_date_opt(*days)? })
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Schema;
    use chrono::DateTime;
    use lakehouse_core::schema::Schemas;

    use super::*;
    use crate::clock::Clock;
    use crate::delta::TableError;
    use crate::delta::commit::{Change, CommitContext, commit};
    use crate::shutdown::Shutdown;
    use crate::silver::table_spec;

    async fn commit_nothing(table: &mut WritableTable) {
        let clock = Clock::new(|| DateTime::UNIX_EPOCH);
        let context = CommitContext { run: "run".into(), clock, shutdown: Shutdown::default() };
        let change = async |_: &WritableTable| Ok::<_, TableError>(Some(Change::default()));
        commit(table, &context, change).await.unwrap();
    }

    #[tokio::test]
    async fn a_build_on_a_later_version_was_overtaken_and_one_on_a_lost_version_is_stale() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(folder.path().to_str().unwrap()).unwrap();
        let spec = table_spec(Schemas::builtin().unwrap().get("trades").unwrap());
        let name = spec.name.clone();
        let mut table = WritableTable::open_or_create(&lake, spec).await.unwrap();
        let declared = Arc::new(Schema::empty());
        let input = InputTable::open(&lake, name, declared, None).await.unwrap();
        commit_nothing(&mut table).await;

        let now = input.built_on().unwrap();
        let later = BuiltOn { version: now.version + 1, ..now.clone() };
        let lost = BuiltOn { version: now.version + 2, ..now.clone() };
        let other = BuiltOn { id: "another table".to_owned(), ..now.clone() };
        let overtaken = input.changes(&lake, Some(&later)).await;
        assert!(matches!(overtaken, Err(BuildError::Overtaken)), "{overtaken:?}");
        for (built, expected) in
            [(now, Changed::Nothing), (lost, Changed::Everything), (other, Changed::Everything)]
        {
            let state = input.changes(&lake, Some(&built)).await.unwrap();
            assert_eq!(state.changed, expected, "{built:?}");
        }
    }
}
