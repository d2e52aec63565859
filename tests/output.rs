//! Each format's exact bytes.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::ipc::reader::{FileReader, StreamReader};
use bytes::Bytes;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use lakehouse::output::{Format, OutputError, OutputOptions, write_stream};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use crate::support::delta_fixture::batch;

fn rows() -> RecordBatch {
    let prices = Decimal128Array::from(vec![Some(123_456_789_012_345_678), None]);
    let times = TimestampMicrosecondArray::from(vec![1_704_067_200_000_000, 1_704_067_200_123_456]);
    batch(vec![
        (
            "symbol",
            Arc::new(StringArray::from(vec![Some("BTC|USDT"), Some("a,\"b\"\nc")])) as ArrayRef,
        ),
        ("price", Arc::new(prices.with_precision_and_scale(18, 8).unwrap())),
        ("time", Arc::new(times.with_timezone("UTC"))),
        ("date", Arc::new(Date32Array::from(vec![Some(19_723), None]))),
        ("maker", Arc::new(BooleanArray::from(vec![Some(true), None]))),
    ])
}

fn stream(batches: Vec<RecordBatch>) -> SendableRecordBatchStream {
    let schema = batches[0].schema();
    Box::pin(RecordBatchStreamAdapter::new(
        schema,
        futures::stream::iter(batches.into_iter().map(Ok)),
    ))
}

async fn written(batches: Vec<RecordBatch>, format: Format, max_rows: Option<usize>) -> Vec<u8> {
    let mut out = Vec::new();
    write_stream(stream(batches), format, &mut out, OutputOptions { max_rows }).await.unwrap();
    out
}

async fn text(format: Format) -> String {
    String::from_utf8(written(vec![rows()], format, None).await).unwrap()
}

fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
    batch(vec![("n", Arc::new(Int64Array::from_iter_values(range)) as ArrayRef)])
}

#[tokio::test]
async fn csv_quotes_what_it_must_and_leaves_nulls_empty() {
    let expected = "symbol,price,time,date,maker\n\
        BTC|USDT,1234567890.12345678,2024-01-01T00:00:00Z,2024-01-01,true\n\
        \"a,\"\"b\"\"\nc\",,2024-01-01T00:00:00.123456Z,,\n";
    assert_eq!(text(Format::Csv).await, expected);
    assert_eq!(text(Format::Tsv).await.lines().next(), Some("symbol\tprice\ttime\tdate\tmaker"));
}

#[tokio::test]
async fn json_is_one_array_with_exact_numbers() {
    let first = concat!(
        r#"{"symbol":"BTC|USDT","price":1234567890.12345678,"time":"2024-01-01T00:00:00Z","#,
        r#""date":"2024-01-01","maker":true}"#
    );
    let second = concat!(
        r#"{"symbol":"a,\"b\"\nc","price":null,"time":"2024-01-01T00:00:00.123456Z","#,
        r#""date":null,"maker":null}"#
    );
    assert_eq!(text(Format::Json).await, format!("[{first},{second}]\n"));
    assert_eq!(text(Format::Ndjson).await, format!("{first}\n{second}\n"));
}

#[tokio::test]
async fn markdown_escapes_pipes_and_line_breaks() {
    let expected = "| symbol | price | time | date | maker |\n| --- | ---: | --- | --- | --- |\n\
        | BTC\\|USDT | 1234567890.12345678 | 2024-01-01T00:00:00Z | 2024-01-01 | true |\n\
        | a,\"b\"<br>c |  | 2024-01-01T00:00:00.123456Z |  |  |\n";
    assert_eq!(text(Format::Markdown).await, expected);
}

#[tokio::test]
async fn a_table_shows_types_and_nulls() {
    let expected = "\
┌──────────┬─────────────────────┬─────────────────────────────┬────────────┬─────────┐
│ symbol   │               price │ time                        │ date       │ maker   │
│ text     │       decimal(18,8) │ timestamp(6) UTC            │ date       │ boolean │
├──────────┼─────────────────────┼─────────────────────────────┼────────────┼─────────┤
│ BTC|USDT │ 1234567890.12345678 │ 2024-01-01T00:00:00Z        │ 2024-01-01 │ true    │
│ a,\"b\"    │                NULL │ 2024-01-01T00:00:00.123456Z │ NULL       │ NULL    │
│ c        │                     │                             │            │         │
└──────────┴─────────────────────┴─────────────────────────────┴────────────┴─────────┘
2 rows
";
    assert_eq!(text(Format::Table).await, expected);
}

#[tokio::test]
async fn a_table_stays_aligned_and_harmless_whatever_the_text() {
    let symbols = StringArray::from(vec!["币安人生USDT", "\u{1b}[31mred", "tab\there"]);
    let shown =
        written(vec![batch(vec![("symbol", Arc::new(symbols) as ArrayRef)])], Format::Table, None)
            .await;
    let expected = "\
┌──────────────┐
│ symbol       │
│ text         │
├──────────────┤
│ 币安人生USDT │
│ \u{fffd}[31mred     │
│ tab\u{fffd}here     │
└──────────────┘
3 rows
";
    assert_eq!(String::from_utf8(shown).unwrap(), expected);
}

#[tokio::test]
async fn a_table_says_how_many_rows_it_does_not_show() {
    let shown = written(vec![numbers(0..3), numbers(3..1000)], Format::Table, Some(5)).await;
    let shown = String::from_utf8(shown).unwrap();
    assert!(shown.ends_with("│      4 │\n└────────┘\n… 995 more rows\n"), "{shown}");
}

#[tokio::test]
async fn other_formats_end_at_the_most_rows() {
    let shown = written(vec![numbers(0..3), numbers(3..1000)], Format::Csv, Some(5)).await;
    assert_eq!(shown, b"n\n0\n1\n2\n3\n4\n");
}

#[tokio::test]
async fn an_answer_without_rows_keeps_its_columns() {
    let empty = || vec![numbers(0..0)];
    assert_eq!(written(empty(), Format::Csv, None).await, b"n\n");
    assert_eq!(written(empty(), Format::Json, None).await, b"[]\n");
    assert_eq!(written(empty(), Format::Ndjson, None).await, b"");
    assert_eq!(written(empty(), Format::Markdown, None).await, b"| n |\n| ---: |\n");
    assert!(
        String::from_utf8(written(empty(), Format::Table, None).await)
            .unwrap()
            .ends_with("0 rows\n")
    );
}

#[tokio::test]
async fn parquet_and_arrow_files_read_back_as_they_were() {
    let parquet = Bytes::from(written(vec![rows()], Format::Parquet, None).await);
    let read: Vec<_> =
        ParquetRecordBatchReader::try_new(parquet, 1024).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, [rows()]);
    let arrow = io::Cursor::new(written(vec![rows()], Format::Arrow, None).await);
    let read: Vec<_> = FileReader::try_new(arrow, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, [rows()]);
    let arrow = io::Cursor::new(written(vec![rows()], Format::ArrowStream, None).await);
    let read: Vec<_> = StreamReader::try_new(arrow, None).unwrap().map(Result::unwrap).collect();
    assert_eq!(read, [rows()]);
}

#[tokio::test]
async fn a_reader_that_has_gone_is_told_from_a_full_disk() {
    for format in [
        Format::Table,
        Format::Csv,
        Format::Tsv,
        Format::Json,
        Format::Ndjson,
        Format::Markdown,
        Format::Parquet,
        Format::Arrow,
        Format::ArrowStream,
    ] {
        let options = OutputOptions::default();
        let many = || stream(vec![numbers(0..100_000)]);
        let mut gone = Refusing(io::ErrorKind::BrokenPipe);
        let error = write_stream(many(), format, &mut gone, options).await.unwrap_err();
        assert!(matches!(error, OutputError::Closed), "{format:?}: {error:?}");
        let mut full = Refusing(io::ErrorKind::StorageFull);
        let error = write_stream(many(), format, &mut full, options).await.unwrap_err();
        assert!(matches!(error, OutputError::Write(_)), "{format:?}: {error:?}");
    }
}

#[test]
fn a_file_name_chooses_the_format() {
    assert_eq!(Format::for_path(Path::new("a/b.CSV")), Some(Format::Csv));
    assert_eq!(Format::for_path(Path::new("b.jsonl")), Some(Format::Ndjson));
    assert_eq!(Format::for_path(Path::new("b.md")), Some(Format::Markdown));
    assert_eq!(Format::for_path(Path::new("b.parquet")), Some(Format::Parquet));
    assert_eq!(Format::for_path(Path::new("b")), None);
    assert_eq!(Format::for_path(Path::new("b.xlsx")), None);
}

struct Refusing(io::ErrorKind);

impl Write for Refusing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
