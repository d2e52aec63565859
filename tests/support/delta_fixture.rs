//! Small Delta tables in a temporary folder, made without the program's own writer.
//!
//! Each appended batch becomes one Parquet file and one commit, with exact statistics of every
//! column.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{SortOptions, cast, sort};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::array_value_to_string;
use deltalake::DeltaTable;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, Add, DataType as DeltaType, PrimitiveType, Remove, StructField};
use deltalake::operations::create::CreateBuilder;
use deltalake::protocol::{DeltaOperation, SaveMode};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Value, json};

/// A Delta table that tests append to.
pub(crate) struct FixtureTable {
    folder: std::path::PathBuf,
    table: DeltaTable,
    files: usize,
    adds: Vec<Add>,
}

impl FixtureTable {
    /// Creates `lake/<name>` with text partition columns `market` and DATE `date`, then these
    /// columns.
    pub(crate) async fn create(
        lake: &Path,
        name: &str,
        columns: &[(&str, DataType)],
        sort_columns: &str,
    ) -> Self {
        let folder = lake.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let partitions = [("market", DataType::Utf8), ("date", DataType::Date32)];
        let fields =
            partitions.iter().chain(columns).map(|(name, data_type)| delta_field(name, data_type));
        let sorted =
            (!sort_columns.is_empty()).then_some(("lakehouse.sortColumns", Some(sort_columns)));
        let table = CreateBuilder::new()
            .with_location(url::Url::from_directory_path(&folder).unwrap().as_str())
            .with_columns(fields)
            .with_partition_columns(["market", "date"])
            .with_configuration(sorted)
            .with_raise_if_key_not_exists(false)
            .with_save_mode(SaveMode::Ignore)
            .await
            .unwrap();
        Self { folder, table, files: 0, adds: Vec::new() }
    }

    /// Commits one file that holds the batch.
    pub(crate) async fn append(&mut self, market: &str, date: &str, batch: &RecordBatch) {
        let stats = statistics(batch);
        self.append_with(market, date, batch, &stats).await;
    }

    /// Commits one file with these statistics, whatever the batch holds.
    pub(crate) async fn append_with(
        &mut self,
        market: &str,
        date: &str,
        batch: &RecordBatch,
        stats: &str,
    ) {
        self.files += 1;
        let path = format!("market={market}/date={date}/part-{:03}.parquet", self.files);
        let add = Add {
            size: i64::try_from(write_parquet(&self.folder.join(&path), batch)).unwrap(),
            path,
            partition_values: HashMap::from([
                ("market".to_owned(), Some(market.to_owned())),
                ("date".to_owned(), Some(date.to_owned())),
            ]),
            data_change: true,
            stats: (!stats.is_empty()).then(|| stats.to_owned()),
            ..Add::default()
        };
        self.adds.push(add.clone());
        self.commit(vec![Action::Add(add)]).await;
    }

    /// Returns the number of files that were ever appended.
    pub(crate) const fn files(&self) -> usize {
        self.files
    }

    /// Commits that a file, by its place among those appended, is no longer part of the table.
    pub(crate) async fn remove(&mut self, file: usize) {
        let Add { path, partition_values, size, .. } = self.adds[file].clone();
        let remove = Remove {
            path,
            data_change: true,
            deletion_timestamp: Some(0),
            extended_file_metadata: Some(true),
            partition_values: Some(partition_values),
            size: Some(size),
            ..Remove::default()
        };
        self.commit(vec![Action::Remove(remove)]).await;
    }

    /// Commits a file that was appended once more.
    pub(crate) async fn add_again(&mut self, file: usize) {
        self.commit(vec![Action::Add(self.adds[file].clone())]).await;
    }

    /// Commits files that do not exist, all on one date and with the same statistics.
    pub(crate) async fn make_up(&mut self, files: usize, date: &str, stats: &str) {
        let made_up = |number| Add {
            path: format!("market=spot/date={date}/made-up-{number:06}.parquet"),
            size: 1,
            partition_values: HashMap::from([
                ("market".to_owned(), Some("spot".to_owned())),
                ("date".to_owned(), Some(date.to_owned())),
            ]),
            data_change: true,
            stats: Some(stats.to_owned()),
            ..Add::default()
        };
        self.commit((0..files).map(made_up).map(Action::Add).collect()).await;
    }

    /// Changes a property of the table.
    pub(crate) async fn set_property(&mut self, key: &str, value: &str) {
        self.table.update_state().await.unwrap();
        let properties = HashMap::from([(key.to_owned(), value.to_owned())]);
        let changed = self.table.clone().set_tbl_properties().with_properties(properties);
        self.table = changed.with_raise_if_not_exists(false).await.unwrap();
    }

    /// Adds a column that files written before do not have.
    pub(crate) async fn add_column(&mut self, name: &str, data_type: &DataType) {
        let table =
            self.table.clone().add_columns().with_fields([delta_field(name, data_type)]).await;
        self.table = table.unwrap();
    }

    async fn commit(&mut self, actions: Vec<Action>) {
        let operation =
            DeltaOperation::Write { mode: SaveMode::Append, partition_by: None, predicate: None };
        self.table.update_state().await.unwrap();
        let snapshot = self.table.snapshot().unwrap();
        CommitBuilder::from(CommitProperties::default())
            .with_actions(actions)
            .build(Some(snapshot as &dyn TableReference), self.table.log_store(), operation)
            .await
            .unwrap();
    }
}

fn write_parquet(file: &Path, batch: &RecordBatch) -> u64 {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(file).unwrap(), batch.schema(), None).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    std::fs::metadata(file).unwrap().len()
}

/// Returns exact statistics of every column, as the log has them.
pub(crate) fn statistics(batch: &RecordBatch) -> String {
    let (mut minimum, mut maximum, mut nulls) = (Vec::new(), Vec::new(), Map::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        nulls.insert(field.name().clone(), json!(column.null_count()));
        if let Some([least, greatest]) = bounds(column) {
            minimum.push(format!("{:?}:{least}", field.name()));
            maximum.push(format!("{:?}:{greatest}", field.name()));
        }
    }
    let (minimum, maximum, rows) = (minimum.join(","), maximum.join(","), batch.num_rows());
    let nulls = Value::Object(nulls);
    format!(
        r#"{{"numRecords":{rows},"minValues":{{{minimum}}},
            "maxValues":{{{maximum}}},"nullCount":{nulls}}}"#
    )
}

/// The least and the greatest value as JSON with all their digits.
fn bounds(column: &ArrayRef) -> Option<[String; 2]> {
    let plain = match column.data_type() {
        DataType::Dictionary(_, values) => cast(column, values).unwrap(),
        _ => Arc::clone(column),
    };
    if plain.null_count() == plain.len() {
        return None;
    }
    let sorted = sort(&plain, Some(SortOptions { descending: false, nulls_first: false })).unwrap();
    let text = |row| array_value_to_string(&sorted, row).unwrap();
    let as_json = |text: String| match plain.data_type() {
        DataType::Decimal128(..) | DataType::Int64 | DataType::Int16 | DataType::Boolean => text,
        _ => json!(text).to_string(),
    };
    Some([as_json(text(0)), as_json(text(sorted.len() - plain.null_count() - 1))])
}

fn delta_field(name: &str, data_type: &DataType) -> StructField {
    let primitive = match data_type {
        DataType::Utf8 | DataType::Dictionary(..) => PrimitiveType::String,
        DataType::Date32 => PrimitiveType::Date,
        DataType::Int16 => PrimitiveType::Short,
        DataType::Int64 => PrimitiveType::Long,
        DataType::Boolean => PrimitiveType::Boolean,
        DataType::Timestamp(..) => PrimitiveType::Timestamp,
        DataType::Decimal128(precision, scale) => {
            PrimitiveType::decimal(*precision, u8::try_from(*scale).unwrap()).unwrap()
        }
        other => panic!("the fixture has no Delta type for {other}"),
    };
    StructField::new(name, DeltaType::Primitive(primitive), true)
}

/// Makes a batch from columns, whose types are the columns' own.
pub(crate) fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns.into_iter().map(|(_, column)| column).collect())
        .unwrap()
}
