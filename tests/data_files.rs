//! Data files are written by encoders of the program; whatever they write, the general reader of
//! the parquet crate reads the same values back, by pages too, and the statistics are exact. Those
//! for the log have no bounds of decimals.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Decimal128Array, DictionaryArray, Int32Array, RecordBatch, StringArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int32Type, Schema, SchemaRef};
use lakehouse::parquet::write_data_file;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::statistics::Statistics;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Values, each with the number of rows that have it, one after the other.
type Runs<T> = Vec<(T, usize)>;
/// Row groups of batches of runs.
type Groups<T> = Vec<Vec<Runs<T>>>;

fn groups<T: std::fmt::Debug>(
    value: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = Groups<T>> {
    // More rows than a page has, now and then.
    let rows = prop_oneof![8 => 0..4_usize, 4 => 0..300_usize, 1 => 15_000..45_000_usize];
    vec(vec(vec((value, rows), 0..12), 0..4), 1..4)
}

fn expanded<T: Clone>(runs: &Runs<T>) -> Vec<T> {
    runs.iter().flat_map(|(value, rows)| std::iter::repeat_n(value.clone(), *rows)).collect()
}

/// Returns the rows of each row group that has any.
fn rows_of_groups<T: Clone>(groups: &Groups<T>) -> Vec<Vec<T>> {
    let rows = groups.iter().map(|batches| batches.iter().flat_map(expanded).collect::<Vec<T>>());
    rows.filter(|rows| !rows.is_empty()).collect()
}

struct Written {
    _folder: TempDir,
    path: std::path::PathBuf,
    delta_statistics: String,
}

fn write(schema: &SchemaRef, groups: &[Vec<ArrayRef>]) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let batch = |column: &ArrayRef| {
        RecordBatch::try_new(Arc::clone(schema), vec![Arc::clone(column)]).unwrap()
    };
    let groups: Vec<Vec<RecordBatch>> =
        groups.iter().map(|batches| batches.iter().map(batch).collect()).collect();
    let (path, delta_statistics) =
        write_data_file(folder.path(), Arc::clone(schema), &groups).unwrap();
    Written { _folder: folder, path, delta_statistics }
}

/// Reads a file's only column: all rows, or a range of them, of which only the pages are read.
fn read(path: &Path, range: Option<(usize, usize)>) -> (ArrayRef, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
    let file = File::open(path).unwrap();
    let mut builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let metadata = Arc::clone(builder.metadata());
    assert_eq!(metadata.offset_index().is_some(), metadata.num_row_groups() > 0);
    let schema = Arc::clone(builder.schema());
    if let Some((start, end)) = range {
        let selectors = vec![RowSelector::skip(start), RowSelector::select(end - start)];
        builder = builder.with_row_selection(RowSelection::from(selectors));
    }
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let rows = concat_batches(&schema, &batches).unwrap();
    (Arc::clone(rows.column(0)), metadata)
}

/// Turns two fractions into a range of rows.
fn range_of(rows: usize, (one, other): (f64, f64)) -> (usize, usize) {
    let place = |fraction: f64| (fraction * rows as f64) as usize;
    (place(one.min(other)), place(one.max(other)))
}

/// Returns the bounds in the footer as unscaled decimals, and whether they are exact.
fn decimal_bounds(statistics: &Statistics) -> Option<(i128, i128)> {
    let of_bytes = |bytes: &[u8]| {
        let mut extended = if bytes[0] & 0x80 == 0 { [0; 16] } else { [0xff; 16] };
        extended[16 - bytes.len()..].copy_from_slice(bytes);
        i128::from_be_bytes(extended)
    };
    assert!(statistics.min_bytes_opt().is_none() || statistics.min_is_exact());
    assert!(statistics.max_bytes_opt().is_none() || statistics.max_is_exact());
    match statistics {
        Statistics::Int32(values) => {
            Some((i128::from(*values.min_opt()?), i128::from(*values.max_opt()?)))
        }
        Statistics::Int64(values) => {
            Some((i128::from(*values.min_opt()?), i128::from(*values.max_opt()?)))
        }
        _ => Some((of_bytes(statistics.min_bytes_opt()?), of_bytes(statistics.max_bytes_opt()?))),
    }
}

#[derive(Clone, Debug)]
struct DecimalColumn {
    precision: u8,
    scale: i8,
    nullable: bool,
    groups: Groups<Option<i128>>,
}

fn decimal_columns() -> impl Strategy<Value = DecimalColumn> {
    // The precisions whose values are twelve bytes have an encoder of their own.
    let precision = prop_oneof![2 => 1..=38_u8, 3 => 27..=28_u8];
    (precision, any::<bool>(), any::<bool>()).prop_flat_map(|(precision, nullable, few)| {
        let limit = 10_i128.pow(u32::from(precision)) - 1;
        let any_value = any::<i128>().prop_map(move |value| value % (limit + 1));
        let value = match few {
            // So few values that a dictionary pays.
            true => (-3..=3_i128).prop_map(move |value| value.clamp(-limit, limit)).boxed(),
            false => prop_oneof![
                8 => any_value,
                2 => prop_oneof![Just(limit), Just(-limit), Just(0), Just(-1), Just(1)],
            ]
            .boxed(),
        };
        let value = match nullable {
            true => prop_oneof![1 => Just(None), 4 => value.prop_map(Some)].boxed(),
            false => value.prop_map(Some).boxed(),
        };
        (0..=precision, groups(value)).prop_map(move |(scale, groups)| DecimalColumn {
            precision,
            scale: scale as i8,
            nullable,
            groups,
        })
    })
}

impl DecimalColumn {
    fn array(&self, values: Vec<Option<i128>>) -> Decimal128Array {
        let array = Decimal128Array::from(values);
        array.with_precision_and_scale(self.precision, self.scale).unwrap()
    }

    fn write(&self) -> Written {
        let data_type = DataType::Decimal128(self.precision, self.scale);
        let field = Field::new("value", data_type, self.nullable);
        let column = |runs| Arc::new(self.array(expanded(runs))) as ArrayRef;
        let groups: Vec<Vec<ArrayRef>> =
            self.groups.iter().map(|batches| batches.iter().map(column).collect()).collect();
        write(&Arc::new(Schema::new(vec![field])), &groups)
    }
}

fn check_decimals(column: &DecimalColumn, range: (f64, f64)) {
    let written = column.write();
    let rows_of_groups = rows_of_groups(&column.groups);
    let all: Vec<Option<i128>> = rows_of_groups.concat();
    let (found, metadata) = read(&written.path, None);
    assert_eq!(found.as_primitive::<Decimal128Type>(), &column.array(all.clone()));
    let (start, end) = range_of(all.len(), range);
    let (found, _) = read(&written.path, Some((start, end)));
    assert_eq!(found.as_primitive::<Decimal128Type>(), &column.array(all[start..end].to_vec()));
    assert_eq!(metadata.num_row_groups(), rows_of_groups.len());
    for (group, rows) in metadata.row_groups().iter().zip(&rows_of_groups) {
        let statistics = group.column(0).statistics().unwrap();
        let values = || rows.iter().flatten().copied();
        let nulls = rows.iter().filter(|row| row.is_none()).count() as u64;
        assert_eq!(statistics.null_count_opt(), Some(nulls));
        assert_eq!(decimal_bounds(statistics), values().min().zip(values().max()));
    }
    let nulls = all.iter().filter(|row| row.is_none()).count();
    let in_log: Value = serde_json::from_str(&written.delta_statistics).unwrap();
    let without_bounds = json!({
        "numRecords": all.len(),
        "minValues": {},
        "maxValues": {},
        "nullCount": {"value": nulls},
    });
    assert_eq!(in_log, without_bounds);
}

/// Texts that archives, symbols and intervals have, and others.
const TEXTS: [&str; 6] = ["BTCUSDT", "", "1000SHIBUSDT", "比特币", "BTC", "\u{10ffff}"];

/// Encodes rows as a dictionary: of their own values only, or of all texts.
fn dictionary(texts: &[&str], own: bool) -> ArrayRef {
    let mut values: Vec<&str> = match own {
        true => texts.to_vec(),
        false => TEXTS.iter().rev().copied().collect(),
    };
    if own {
        values.sort_unstable();
        values.dedup();
    }
    let key = |text: &&str| values.iter().position(|value| value == text).unwrap() as i32;
    let keys = Int32Array::from_iter_values(texts.iter().map(key));
    let values = Arc::new(StringArray::from(values));
    Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values).unwrap())
}

fn check_runs(groups: &Groups<usize>, own: bool, range: (f64, f64)) {
    let data_type = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let schema = Arc::new(Schema::new(vec![Field::new("value", data_type, false)]));
    let texts = |rows: Vec<usize>| rows.into_iter().map(|row| TEXTS[row]).collect::<Vec<&str>>();
    let column = |runs: &Runs<usize>| dictionary(&texts(expanded(runs)), own);
    let columns: Vec<Vec<ArrayRef>> =
        groups.iter().map(|batches| batches.iter().map(column).collect()).collect();
    let written = write(&schema, &columns);
    let rows_of_groups: Vec<Vec<&str>> = rows_of_groups(groups).into_iter().map(texts).collect();
    let all: Vec<&str> = rows_of_groups.concat();
    let (found, metadata) = read(&written.path, None);
    assert_eq!(found.as_string::<i32>(), &StringArray::from(all.clone()));
    let (start, end) = range_of(all.len(), range);
    let (found, _) = read(&written.path, Some((start, end)));
    assert_eq!(found.as_string::<i32>(), &StringArray::from(all[start..end].to_vec()));
    assert_eq!(metadata.num_row_groups(), rows_of_groups.len());
    for (group, rows) in metadata.row_groups().iter().zip(&rows_of_groups) {
        let statistics = group.column(0).statistics().unwrap();
        assert_eq!(statistics.null_count_opt(), Some(0));
        assert_eq!(statistics.min_bytes_opt(), rows.iter().min().map(|text| text.as_bytes()));
        assert_eq!(statistics.max_bytes_opt(), rows.iter().max().map(|text| text.as_bytes()));
        assert!(statistics.min_is_exact() && statistics.max_is_exact());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn decimals_of_any_precision_are_read_back_as_they_were_written(
        column in decimal_columns(),
        range in (0.0..=1.0, 0.0..=1.0),
    ) {
        check_decimals(&column, range);
    }

    #[test]
    fn runs_of_texts_are_read_back_as_they_were_written(
        groups in groups(0..TEXTS.len()),
        own in any::<bool>(),
        range in (0.0..=1.0, 0.0..=1.0),
    ) {
        check_runs(&groups, own, range);
    }
}
