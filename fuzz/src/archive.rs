//! Archives: the zip, and the CSV in it.

use std::io::Cursor;
use std::sync::LazyLock;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use lakehouse_core::decode::unzip::{UnzipError, UnzipLimits, open_archive};
use lakehouse_core::decode::{DecodeError, DecodeOptions, Decoder, Reject};
use lakehouse_core::names::market::{Market, Symbol};
use lakehouse_core::schema::{Schemas, TableSchema};

/// Bytes that an archive may unpack to: few, so that a bomb shows without taking time.
const LIMITS: UnzipLimits = UnzipLimits { size: 1 << 20, ratio: 500 };

/// Bytes that the decoder parses at a time; longer files are cut there.
const BLOCK: usize = 32 * 1024;

static SCHEMAS: LazyLock<Schemas> =
    LazyLock::new(|| Schemas::builtin().expect("the built-in schemas are valid"));

/// A zip: content that is accepted has the size that the directory states, within the limits.
pub fn zip(bytes: &[u8]) {
    let Ok(mut member) = open_archive(Cursor::new(bytes), LIMITS) else { return };
    let mut buffer = [0; 1000];
    let mut total = 0;
    loop {
        match member.fill(&mut buffer) {
            Ok(0) => break assert_eq!(total, member.size()),
            Ok(count) => total += count as u64,
            Err(error) => break assert!(!matches!(error, UnzipError::Io(_)), "{error}"),
        }
        assert!(total <= LIMITS.size);
    }
}

/// A CSV of any data type, after three bytes that choose how it is decoded.
///
/// The first byte chooses data type and market, the second the sizes of pieces and batches. If the
/// third is odd, the rest is repeated until it is longer than a block. Pieces make no difference,
/// and every line is accounted for.
pub fn csv(bytes: &[u8]) {
    let [layout, sizes, repeat, csv @ ..] = bytes else { return };
    let layouts: Vec<(&TableSchema, Market)> = SCHEMAS.iter().flat_map(markets).collect();
    let (schema, market) = layouts[usize::from(*layout) % layouts.len()];
    let is_long = repeat % 2 == 1;
    let csv = if is_long { repeated(csv) } else { csv.to_vec() };
    // Many small batches take long to make.
    let batch_rows = usize::from(sizes / 16) + if is_long { 1000 } else { 1 };
    let options = DecodeOptions { batch_rows, line_limit: 4096, ..DecodeOptions::default() };
    let piece = 1 + usize::from(sizes % 16) * 777;
    let whole = decode(schema, market, [csv.as_slice()].into_iter(), options);
    let pieces = decode(schema, market, csv.chunks(piece), options);
    match (whole, pieces) {
        (Ok(whole), Ok(pieces)) => {
            assert_eq!(whole, pieces);
            assert_eq!(whole.lines(), lines_with_content(&csv));
        }
        (whole, pieces) => assert_eq!(whole.is_err(), pieces.is_err()),
    }
}

fn markets(schema: &TableSchema) -> impl Iterator<Item = (&TableSchema, Market)> {
    let known = Market::ALL.into_iter().filter(|market| schema.layouts(*market).next().is_some());
    known.map(move |market| (schema, market))
}

/// Repeats the bytes until they fill more than one block.
fn repeated(bytes: &[u8]) -> Vec<u8> {
    let times = (BLOCK + BLOCK / 4) / bytes.len().max(1) + 1;
    bytes.repeat(times)
}

/// What a decoder made of a file.
#[derive(Debug, PartialEq)]
struct Decoded {
    rows: Option<RecordBatch>,
    rejects: Vec<Reject>,
    has_header: bool,
}

impl Decoded {
    /// Returns the number of lines that became a row, a reject or the header.
    fn lines(&self) -> usize {
        let rows = self.rows.as_ref().map_or(0, RecordBatch::num_rows);
        rows + self.rejects.len() + usize::from(self.has_header)
    }
}

fn decode<'a>(
    schema: &TableSchema,
    market: Market,
    pieces: impl Iterator<Item = &'a [u8]>,
    options: DecodeOptions,
) -> Result<Decoded, DecodeError> {
    let symbol: Symbol = "BTCUSDT".parse().expect("a valid symbol");
    let mut decoder = Decoder::new(schema, market, &symbol, options)?;
    let mut batches = Vec::new();
    let mut rejects = Vec::new();
    for piece in pieces {
        decoder.push(piece)?;
        batches.extend(std::iter::from_fn(|| decoder.next_batch()));
        rejects.extend(decoder.take_rejects());
    }
    decoder.finish()?;
    batches.extend(std::iter::from_fn(|| decoder.next_batch()));
    rejects.extend(decoder.take_rejects());
    assert!(batches.iter().all(|batch| (1..=options.batch_rows).contains(&batch.num_rows())));
    assert!(rejects.is_sorted_by_key(|reject| reject.line));
    let rows =
        batches.first().map(|first| concat_batches(&first.schema(), &batches)).transpose()?;
    Ok(Decoded { rows, rejects, has_header: decoder.has_header() == Some(true) })
}

/// Counts the lines that are not blank, without the decoder.
fn lines_with_content(csv: &[u8]) -> usize {
    let csv = csv.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(csv);
    csv.split(|byte| *byte == b'\n').filter(|line| !matches!(line, [] | [b'\r'])).count()
}
