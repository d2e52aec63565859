//! `meta.rejects`: every row that could not be kept, with the place where it stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use lakehouse_core::decode::Reject;

use crate::delta::TableError;
use crate::delta::commit::{CommitContext, commit};
use crate::delta::table::{TableSpec, WritableTable};
use crate::parquet::rewrite::without_archives;
use crate::parquet::writer::{DataFileWriter, FileTarget};
use crate::storage::lake::{Lake, Layer, TableName};

/// The rows of one archive that could not be kept, if there are any.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveRejects<'a> {
    pub(crate) archive: &'a str,
    pub(crate) rows: &'a [Reject],
}

/// The table of rejected rows.
#[derive(Debug)]
pub(crate) struct RejectsTable {
    table: WritableTable,
    target: Arc<FileTarget>,
}

impl RejectsTable {
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        let table = WritableTable::open_or_create(lake, table_spec()).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { table, target })
    }

    /// Replaces the recorded rejects of archives with those that were found now.
    ///
    /// Call it before their rows land: whoever sees rows in silver finds their rejects here, and a
    /// run that died in between replaces its own.
    pub(crate) async fn replace(
        &mut self,
        found: &[ArchiveRejects<'_>],
        context: &CommitContext,
    ) -> Result<(), TableError> {
        let archives: BTreeSet<String> =
            found.iter().map(|rejects| rejects.archive.to_owned()).collect();
        let mut file = None;
        if found.iter().any(|rejects| !rejects.rows.is_empty()) {
            let mut data = DataFileWriter::create(&self.target, Vec::new())?;
            for rejects in found.iter().filter(|rejects| !rejects.rows.is_empty()) {
                let batch = to_batch(rejects, &context.run);
                data.write(&[batch.map_err(TableError::arrow(self.target.table()))?])?;
            }
            file = Some(self.target.publish(data.finish(None)?).await?);
        }
        let target = &self.target;
        commit(&mut self.table, context, async |table: &WritableTable| {
            let mut change = without_archives(table, target, &archives).await?;
            change.adds.extend(file.clone());
            Ok::<_, TableError>(
                (!change.adds.is_empty() || !change.removes.is_empty()).then_some(change),
            )
        })
        .await
        .map(|_| ())
    }
}

fn to_batch(found: &ArchiveRejects<'_>, run: &str) -> Result<RecordBatch, ArrowError> {
    let rejects = found.rows;
    let text = |value: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rejects.len()).map(value)))
    };
    let lines = rejects.iter().map(|reject| i64::try_from(reject.line).unwrap_or(i64::MAX));
    let columns: Vec<ArrayRef> = vec![
        text(&|_| found.archive.to_owned()),
        Arc::new(Int64Array::from_iter_values(lines)),
        text(&|row| rejects[row].column.clone()),
        text(&|row| rejects[row].value.clone()),
        text(&|row| rejects[row].reason.clone()),
        text(&|row| rejects[row].raw.clone()),
        text(&|_| run.to_owned()),
    ];
    RecordBatch::try_new(schema(), columns)
}

fn table_spec() -> TableSpec {
    TableSpec {
        name: TableName::new(Layer::Meta, "rejects"),
        schema: schema(),
        partition_columns: Vec::new(),
        sort_columns: Vec::new(),
    }
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    Arc::new(Schema::new(vec![
        text("archive"),
        Field::new("line", DataType::Int64, false),
        text("column"),
        text("value"),
        text("reason"),
        text("raw"),
        text("run"),
    ]))
}
