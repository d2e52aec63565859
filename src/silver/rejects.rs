//! `meta.rejects`: every row that could not be kept, with the place where it stands.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::Writer;
use super::unit::{DecodedArchive, UnitResult};
use crate::delta::TableError;
use crate::delta::commit::commit;
use crate::delta::file::{DataFileWriter, FileTarget};
use crate::delta::rewrite::without_archives;
use crate::delta::table::{LakeTable, TableSpec};
use crate::lake::{Lake, Layer, TableName};

/// The table of rejected rows.
#[derive(Debug)]
pub(crate) struct RejectsTable {
    table: LakeTable,
    target: Arc<FileTarget>,
}

impl RejectsTable {
    pub(crate) async fn open(lake: &Lake) -> Result<Self, TableError> {
        let table = LakeTable::open_or_create(lake, table_spec()).await?;
        let target = Arc::new(FileTarget::new(&table));
        Ok(Self { table, target })
    }

    /// Replaces what is recorded of a unit's archives with what was found now.
    ///
    /// Runs before the unit lands: whoever sees rows in silver finds their rejects here, and a run that
    /// died in between replaces its own.
    pub(super) async fn replace(&mut self, unit: &UnitResult, writer: &Writer) -> Result<(), TableError> {
        let rejected: Vec<&DecodedArchive> =
            unit.archives.iter().filter(|archive| !archive.rejects.is_empty()).collect();
        let archives: BTreeSet<String> =
            unit.archives.iter().map(|archive| archive.bronze.key.path().to_owned()).collect();
        let mut file = None;
        if !rejected.is_empty() {
            let mut data = DataFileWriter::create(&self.target, Vec::new())?;
            for archive in &rejected {
                data.write(&[rows(archive, &writer.run).map_err(TableError::arrow(self.target.table()))?])?;
            }
            file = Some(self.target.publish(data.finish(None)?).await?);
        }
        let target = &self.target;
        commit(&mut self.table, &writer.run, &writer.clock, async |table: &LakeTable| {
            let mut change = without_archives(table, target, &archives).await?;
            change.adds.extend(file.clone());
            Ok::<_, TableError>((!change.adds.is_empty() || !change.removes.is_empty()).then_some(change))
        })
        .await
        .map(|_| ())
    }
}

fn rows(archive: &DecodedArchive, run: &str) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rejects = &archive.rejects;
    let text = |value: &dyn Fn(usize) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rejects.len()).map(value)))
    };
    let lines = rejects.iter().map(|reject| i64::try_from(reject.line).unwrap_or(i64::MAX));
    let columns: Vec<ArrayRef> = vec![
        text(&|_| archive.bronze.key.path().to_owned()),
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
