//! The decoder against real archives, against another CSV reader, and against everything that
//! archives do wrong.

use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, TimestampMicrosecondType};
use arrow_select::concat::concat_batches;

use super::*;
use crate::schema::Schemas;

mod chunks;
mod oracle;
mod rows;
mod traps;

pub(super) use oracle::normalised;

/// One of the real archives, as its path names it.
struct Archive {
    path: PathBuf,
    table: &'static str,
    market: Market,
    symbol: String,
}

/// Lists the real archives that can be decoded.
fn real_archives() -> Vec<Archive> {
    let mut archives = Vec::new();
    for folder in crate::tests::archive_folders() {
        let root = folder.join("data");
        let mut paths = Vec::new();
        collect_zips(&root, &mut paths);
        paths.sort();
        archives.extend(paths.into_iter().map(|path| archive(&root, path)));
    }
    archives
}

fn collect_zips(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect_zips(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "zip") {
            paths.push(path);
        }
    }
}

fn archive(root: &Path, path: PathBuf) -> Archive {
    let relative = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    let parts: Vec<&str> = relative.split('/').collect();
    let (market, rest) = match parts.as_slice() {
        ["spot", rest @ ..] => (Market::Spot, rest),
        ["futures", "um", rest @ ..] => (Market::FuturesUm, rest),
        ["futures", "cm", rest @ ..] => (Market::FuturesCm, rest),
        ["option", rest @ ..] => (Market::Options, rest),
        other => panic!("{other:?}"),
    };
    let table = match rest[1] {
        "klines" => "klines",
        "trades" => "trades",
        "aggTrades" => "agg_trades",
        "bookDepth" => "book_depth",
        "bookTicker" => "book_ticker",
        "fundingRate" => "funding_rate",
        "premiumIndexKlines" => "premium_index_klines",
        "indexPriceKlines" => "index_price_klines",
        "markPriceKlines" => "mark_price_klines",
        "metrics" => "metrics",
        "liquidationSnapshot" => "liquidation_snapshot",
        "BVOLIndex" => "bvol_index",
        "EOHSummary" => "eoh_summary",
        other => panic!("{other}"),
    };
    Archive { path, table, market, symbol: rest[2].to_owned() }
}

/// Finds the one real archive whose path ends so.
fn real_archive(end: &str) -> Archive {
    let mut found =
        real_archives().into_iter().filter(|archive| archive.path.to_str().unwrap().ends_with(end));
    let archive = found.next();
    assert!(found.next().is_none(), "{end} is there twice");
    archive.unwrap_or_else(|| panic!("{end} is missing"))
}

impl Archive {
    /// Unpacks with the zip crate's own reader, not with ours.
    fn csv(&self) -> Vec<u8> {
        let mut zip = zip::ZipArchive::new(std::fs::File::open(&self.path).unwrap()).unwrap();
        let mut csv = Vec::new();
        std::io::Read::read_to_end(&mut zip.by_index(0).unwrap(), &mut csv).unwrap();
        csv
    }

    fn decode(&self) -> Decoded {
        decode(self.table, self.market, &self.symbol, &self.csv())
    }
}

/// What the decoder made of a file.
#[derive(Debug, PartialEq)]
struct Decoded {
    batches: Vec<RecordBatch>,
    rejects: Vec<Reject>,
    has_header: Option<bool>,
}

impl Decoded {
    fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    fn table(&self) -> RecordBatch {
        concat_batches(&self.batches[0].schema(), &self.batches).unwrap()
    }

    fn times(&self, column: &str) -> Vec<i64> {
        self.table()[column].as_primitive::<TimestampMicrosecondType>().values().to_vec()
    }

    fn decimals(&self, column: &str) -> Vec<Option<i128>> {
        self.table()[column].as_primitive::<Decimal128Type>().iter().collect()
    }

    fn reasons(&self) -> Vec<(u64, &str, &str)> {
        self.rejects.iter().map(|r| (r.line, r.column.as_str(), r.value.as_str())).collect()
    }
}

fn schema(table: &str) -> TableSchema {
    Schemas::builtin().unwrap().get(table).unwrap().clone()
}

fn try_decode(
    table: &str,
    market: Market,
    symbol: &str,
    pieces: &[&[u8]],
    options: DecodeOptions,
) -> Result<Decoded, DecodeError> {
    let mut decoder = Decoder::new(&schema(table), market, &symbol.parse().unwrap(), options)?;
    for piece in pieces {
        decoder.push(piece)?;
    }
    decoder.finish()?;
    let batches = std::iter::from_fn(|| decoder.next_batch()).collect();
    Ok(Decoded { batches, rejects: decoder.take_rejects(), has_header: decoder.has_header() })
}

fn decode(table: &str, market: Market, symbol: &str, csv: &[u8]) -> Decoded {
    try_decode(table, market, symbol, &[csv], DecodeOptions::default()).unwrap()
}

fn decode_error(table: &str, market: Market, csv: &[u8]) -> String {
    try_decode(table, market, "BTCUSDT", &[csv], DecodeOptions::default()).unwrap_err().to_string()
}
