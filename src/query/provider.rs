//! A table of the lake as DataFusion sees it: plain Parquet scans over the files that filters
//! leave.
//!
//! The library's own scan hides the sort order and cannot be sent to another process; this one is
//! made of stock operators only. Which files may be skipped is decided in `statistics`.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{SortOptions, sort_to_indices};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::config::TableParquetOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNode;
use datafusion::common::{ColumnStatistics, Result, ScalarValue, Statistics, ToDFSchema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::parquet::{
    CachedParquetFileReaderFactory, ParquetFileReaderFactory,
};
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType, cast};
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;
use url::Position;

use super::files::{ScanFile, partition_schema};
use super::opened::{NotingReaders, OpenedFiles};
use super::snapshot::TableSnapshot;
use crate::storage::lake::TableName;

/// Above so many files, looking for an order in which they follow one another costs more than the
/// order is worth.
const MAX_SORTED_FILES: usize = 1024;

/// Above so many, over all files and columns, statistics of files cost more memory than they are
/// worth.
const MAX_COLUMN_STATISTICS: usize = 64 << 10;

/// Files whose ranges overlap are merged as they are read, each open at once; beyond this many,
/// sorting the rows that are read is cheaper than keeping all of them open.
const MAX_MERGED_FILES: usize = 64;

/// One version of a table, ready to be scanned.
#[derive(Clone, Debug)]
pub struct TableScan {
    name: TableName,
    snapshot: Arc<TableSnapshot>,
    /// For each file of the snapshot whether it is scanned; every file by default.
    only: Option<Arc<[bool]>>,
}

impl TableScan {
    /// Wraps a snapshot.
    #[must_use]
    pub const fn new(name: TableName, snapshot: Arc<TableSnapshot>) -> Self {
        Self { name, snapshot, only: None }
    }

    /// Returns the table as if it had no other files than those that are to be kept.
    #[must_use]
    pub(crate) fn cut(self, keep: impl Fn(ScanFile<'_>) -> bool) -> Self {
        let files = self.snapshot.files().iter().enumerate();
        let was_kept = |at: usize| self.only.as_ref().is_none_or(|only| only[at]);
        let only = Some(files.map(|(at, file)| was_kept(at) && keep(file)).collect());
        Self { only, ..self }
    }

    /// Returns whether there is no file to scan.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.only {
            Some(only) => !only.contains(&true),
            None => self.snapshot.files().is_empty(),
        }
    }

    /// Returns the table's name.
    #[must_use]
    pub const fn name(&self) -> &TableName {
        &self.name
    }

    /// Returns the version that is scanned, with its files.
    #[must_use]
    pub const fn snapshot(&self) -> &Arc<TableSnapshot> {
        &self.snapshot
    }

    /// Returns whether a filter is decided by a file's partition values. One without columns is
    /// too: the optimizer makes NULL of `market IN (NULL)` after it was promised to be applied.
    fn on_partitions(&self, filter: &Expr) -> bool {
        let columns = filter.column_refs();
        let partition_columns = self.snapshot.partition_columns();
        columns.iter().all(|column| partition_columns.contains(&column.name)) && decidable(filter)
    }

    fn prune(&self, session: &dyn Session, filters: &[Expr]) -> Result<Vec<usize>> {
        let (on_partitions, others): (Vec<_>, Vec<_>) = filters
            .iter()
            .filter(|filter| decidable(filter))
            .cloned()
            .partition(|filter| self.on_partitions(filter));
        let physical = |filters: Vec<Expr>, schema: SchemaRef| {
            // NULL by itself has no type. A cast of a condition is the condition.
            let conditions = filters.into_iter().map(|filter| cast(filter, DataType::Boolean));
            let Some(filter) = conjunction(conditions) else { return Ok(None) };
            session.create_physical_expr(filter, &schema.to_dfschema()?).map(Some)
        };
        let partitions = partition_schema(self.snapshot.partition_fields());
        let on_partitions = physical(on_partitions, partitions)?;
        let others = physical(others, Arc::clone(self.snapshot.schema()))?;
        self.snapshot.prune(self.only.as_deref(), on_partitions.as_ref(), others.as_ref())
    }

    /// A scan's columns come in the order of its Parquet files, then the partition columns.
    fn scan_schema(&self) -> TableSchema {
        let partition_columns = self.snapshot.partition_columns();
        let fields = self.snapshot.schema().fields().iter().cloned();
        let (partitions, in_file): (Vec<_>, Vec<_>) =
            fields.partition(|field| partition_columns.contains(field.name()));
        // Values of partitions come in the order in which the table declares them.
        let declared =
            |name: &String| partitions.iter().find(|field| field.name() == name).cloned();
        let partitions = partition_columns.iter().filter_map(declared).collect::<Vec<_>>();
        TableSchema::builder(Arc::new(Schema::new(in_file)))
            .with_table_partition_cols(partitions)
            .build()
    }

    /// Describes files for the engine, with what is known of the values in each where these are
    /// few enough.
    fn scan_files(&self, kept: &[usize], columns: &SchemaRef) -> Result<Vec<PartitionedFile>> {
        let fields = columns.fields();
        let mut known = match kept.len() * fields.len() <= MAX_COLUMN_STATISTICS {
            true => self.snapshot.column_statistics(fields, kept),
            false => Vec::new(),
        }
        .into_iter();
        let files = self.snapshot.files().select(kept);
        files.map(|file| scan_file(file, known.next())).collect()
    }

    fn ordering(&self, columns: &SchemaRef) -> Option<LexOrdering> {
        let options = SortOptions { descending: false, nulls_first: false };
        let sort = |name: &String| Some(PhysicalSortExpr::new(col(name, columns).ok()?, options));
        LexOrdering::new(self.snapshot.sort_columns().iter().map_while(sort))
    }

    fn source(
        &self,
        session: &dyn Session,
        schema: TableSchema,
        store: &ObjectStoreUrl,
    ) -> Result<Arc<ParquetSource>> {
        let mut options = TableParquetOptions::new();
        options.global = session.config_options().execution.parquet.clone();
        let runtime = session.runtime_env();
        let metadata = runtime.cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(runtime.object_store(store)?, metadata);
        let readers: Arc<dyn ParquetFileReaderFactory> =
            match session.config().get_extension::<OpenedFiles>() {
                Some(opened) => Arc::new(NotingReaders { readers, opened: (*opened).clone() }),
                None => Arc::new(readers),
            };
        let source = ParquetSource::new(schema).with_table_parquet_options(options);
        Ok(Arc::new(source.with_parquet_file_reader_factory(readers)))
    }
}

#[async_trait]
impl TableProvider for TableScan {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.snapshot.schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match self.on_partitions(filter) {
            true => TableProviderFilterPushDown::Exact,
            false => TableProviderFilterPushDown::Inexact,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut kept = self.prune(session, filters)?;
        if filters.iter().all(|filter| self.on_partitions(filter)) {
            self.cut_to_limit(&mut kept, limit);
        }
        let declared = self.snapshot.schema();
        if kept.is_empty() {
            let columns = projection
                .map_or_else(|| Ok(Arc::clone(declared)), |p| declared.project(p).map(Arc::new))?;
            return Ok(Arc::new(EmptyExec::new(columns)));
        }
        if filters.iter().all(|filter| self.on_partitions(filter))
            && let Some(rows) = self.rows_without_columns(projection, &kept)
        {
            return rows;
        }
        let schema = self.scan_schema();
        let columns = Arc::clone(schema.table_schema());
        let files = self.scan_files(&kept, &columns)?;
        let partitions = session.config().target_partitions();
        let ordering = self.ordering(&columns).filter(|_| files.len() <= MAX_SORTED_FILES);
        let (groups, ordering) = match ordering {
            Some(ordering) => {
                group_sorted(files, &columns, ordering, self.bounds_order(&kept), partitions)
            }
            None => (FileGroup::new(files).split_files(partitions), Vec::new()),
        };
        let store = ObjectStoreUrl::parse(&self.snapshot.url()[..Position::BeforePath])?;
        let scan = FileScanConfigBuilder::new(store.clone(), self.source(session, schema, &store)?)
            .with_file_groups(groups)
            .with_limit(limit)
            .with_statistics(self.statistics(&kept, &columns)?)
            .with_output_ordering(ordering)
            .with_projection_indices(Some(scan_projection(declared, &columns, projection)?))?;
        Ok(DataSourceExec::from_data_source(scan.build()))
    }
}

impl TableScan {
    /// Without filters on rows, the first files that hold enough rows are all that a limit needs.
    fn cut_to_limit(&self, kept: &mut Vec<usize>, limit: Option<usize>) {
        let Some(limit) = limit else { return };
        let mut rows = 0;
        let enough = self.snapshot.files().select(kept).position(|file| {
            rows += file.rows().unwrap_or(0);
            rows >= limit
        });
        kept.truncate(enough.map_or(kept.len(), |last| last + 1));
    }

    /// Returns so many rows as the log says that files have, where no column of them is read: this
    /// is how rows are counted.
    fn rows_without_columns(
        &self,
        projection: Option<&Vec<usize>>,
        kept: &[usize],
    ) -> Option<Result<Arc<dyn ExecutionPlan>>> {
        if projection.is_none_or(|columns| !columns.is_empty()) {
            return None;
        }
        let rows: usize =
            self.snapshot.files().select(kept).map(|file| file.rows()).sum::<Option<_>>()?;
        let schema = Arc::new(Schema::empty());
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&schema), Vec::new(), &options);
        let rows = batch
            .map_err(Into::into)
            .and_then(|batch| MemorySourceConfig::try_new_exec(&[vec![batch]], schema, None));
        Some(rows.map(|rows| rows as Arc<dyn ExecutionPlan>))
    }

    /// NULLs come last but are in no bound, so only files known to have none can follow one
    /// another.
    fn bounds_order(&self, kept: &[usize]) -> bool {
        self.snapshot.have_no_nulls(self.snapshot.sort_columns(), kept)
    }

    fn statistics(&self, kept: &[usize], columns: &SchemaRef) -> Result<Statistics> {
        let files = || self.snapshot.files().select(kept);
        let rows: Option<usize> = files().map(|file| file.rows()).sum();
        let bytes: u64 = files().map(|file| file.size()).sum();
        let may_be_empty = files().any(|file| file.rows().unwrap_or(0) == 0);
        let column_statistics = columns.fields().iter().map(|column| match may_be_empty {
            true => Ok(ColumnStatistics::new_unknown()),
            false => self.partition_range(column.name(), kept),
        });
        Ok(Statistics {
            num_rows: rows.map_or(Precision::Absent, Precision::Exact),
            total_byte_size: usize::try_from(bytes).map_or(Precision::Absent, Precision::Inexact),
            column_statistics: column_statistics.collect::<Result<_>>()?,
        })
    }

    /// A partition column's least and greatest value are known without reading, where no file is
    /// empty.
    fn partition_range(&self, column: &str, kept: &[usize]) -> Result<ColumnStatistics> {
        let unknown = ColumnStatistics::new_unknown();
        let Some(index) = self.snapshot.partition_columns().iter().position(|name| name == column)
        else {
            return Ok(unknown);
        };
        let values = self.snapshot.partition_values(index, kept)?;
        if values.is_empty() || values.null_count() > 0 {
            return Ok(unknown);
        }
        let end = |descending| -> Result<Precision<ScalarValue>> {
            let options = SortOptions { descending, nulls_first: false };
            let first = sort_to_indices(&values, Some(options), Some(1))?.value(0);
            Ok(Precision::Exact(ScalarValue::try_from_array(&values, first as usize)?))
        };
        let (least, greatest) = (end(false)?, end(true)?);
        Ok(unknown
            .with_min_value(least)
            .with_max_value(greatest)
            .with_null_count(Precision::Exact(0)))
    }
}

/// Describes a file for the engine.
fn scan_file(
    file: ScanFile<'_>,
    column_statistics: Option<Vec<ColumnStatistics>>,
) -> Result<PartitionedFile> {
    let mut scanned = PartitionedFile::new_from_meta(ObjectMeta {
        location: file.path(),
        last_modified: chrono::DateTime::UNIX_EPOCH,
        size: file.size(),
        e_tag: None,
        version: None,
    });
    scanned.partition_values = file.partition_values()?;
    scanned.statistics = column_statistics.map(|column_statistics| {
        let num_rows = file.rows().map_or(Precision::Absent, Precision::Exact);
        Arc::new(Statistics { num_rows, total_byte_size: Precision::Absent, column_statistics })
    });
    Ok(scanned)
}

/// Returns whether planning can already evaluate a filter: not one that waits for a sub-query or
/// differs by call.
fn decidable(filter: &Expr) -> bool {
    let waits = |part: &Expr| {
        matches!(
            part,
            Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::Placeholder(_)
        )
    };
    !filter.is_volatile() && !filter.exists(|part| Ok(waits(part))).unwrap_or(true)
}

/// Groups sorted files for parallel reading, so that in a group each file follows the one before.
///
/// Without `by_bounds` no two files may follow each other. Gives up the order when it costs too
/// many groups.
fn group_sorted(
    files: Vec<PartitionedFile>,
    columns: &SchemaRef,
    ordering: LexOrdering,
    by_bounds: bool,
    partitions: usize,
) -> (Vec<FileGroup>, Vec<LexOrdering>) {
    let files = FileGroup::new(files);
    let one_each = || files.iter().map(|file| FileGroup::new(vec![file.clone()])).collect();
    let all = [files.clone()];
    let groups = match by_bounds {
        true => FileScanConfig::split_groups_by_statistics_with_target_partitions(
            columns, &all, &ordering, partitions,
        )
        .unwrap_or_else(|_| one_each()),
        false => one_each(),
    };
    match groups.len() <= MAX_MERGED_FILES.max(partitions) {
        true => (groups, vec![ordering]),
        false => (files.split_files(partitions), Vec::new()),
    }
}

fn scan_projection(
    declared: &Schema,
    columns: &Schema,
    projection: Option<&Vec<usize>>,
) -> Result<Vec<usize>> {
    let wanted = projection.cloned().unwrap_or_else(|| (0..declared.fields().len()).collect());
    let place = |index: usize| Ok(columns.index_of(declared.field(index).name())?);
    wanted.into_iter().map(place).collect()
}
