//! How fast CSVs become batches, in bytes of CSV per second, for each data type.
//!
//! `cargo bench -p lakehouse-core --bench decode` runs all of it, `-- agg_trades` one. Inflating is measured beside it,
//! on the same rows, because an archive costs both.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run says why best by stopping")]

use std::io::{Cursor, Write};

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use lakehouse_core::decode::{DecodeOptions, Decoder};
use lakehouse_core::market::Market;
use lakehouse_core::schema::Schemas;
use lakehouse_core::unzip::{UnzipLimits, open_archive};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const ROWS: u64 = 100_000;
const READ_SIZE: usize = 64 * 1024;

const FILES: [&str; 13] = [
    "klines",
    "klines_futures_cm",
    "trades",
    "agg_trades",
    "agg_trades_futures_um",
    "book_depth",
    "book_ticker",
    "funding_rate",
    "metrics",
    "mark_price_klines",
    "liquidation_snapshot",
    "bvol_index",
    "eoh_summary",
];

fn main() {
    divan::main();
}

#[divan::bench(args = FILES)]
fn decode(bencher: Bencher<'_, '_>, file: &str) {
    let csv = rows(file);
    let (table, market) = table_and_market(file);
    let schemas = Schemas::builtin().unwrap();
    let schema = schemas.get(table).unwrap();
    let symbol = "BTCUSDT".parse().unwrap();
    bencher.counter(BytesCount::of_slice(csv.as_slice())).bench_local(|| {
        let mut decoder = Decoder::new(schema, market, &symbol, DecodeOptions::default()).unwrap();
        let mut rows = 0;
        for piece in csv.chunks(READ_SIZE) {
            decoder.push(piece).unwrap();
            while let Some(batch) = decoder.next_batch() {
                rows += black_box(batch).num_rows();
            }
        }
        decoder.finish().unwrap();
        rows += decoder.next_batch().map_or(0, |batch| batch.num_rows());
        assert_eq!(rows as u64, ROWS);
    });
}

#[divan::bench(args = ["klines", "agg_trades"])]
fn inflate(bencher: Bencher<'_, '_>, file: &str) {
    let csv = rows(file);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("rows.csv", SimpleFileOptions::default()).unwrap();
    writer.write_all(&csv).unwrap();
    let zip = writer.finish().unwrap().into_inner();
    let mut buffer = vec![0; READ_SIZE];
    bencher.counter(BytesCount::of_slice(csv.as_slice())).bench_local(|| {
        let mut member = open_archive(Cursor::new(zip.as_slice()), UnzipLimits::default()).unwrap();
        while member.fill(black_box(&mut buffer)).unwrap() > 0 {}
    });
}

fn table_and_market(file: &str) -> (&str, Market) {
    match file {
        "klines_futures_cm" => ("klines", Market::FuturesCm),
        "agg_trades_futures_um" => ("agg_trades", Market::FuturesUm),
        "bvol_index" | "eoh_summary" => (file, Market::Options),
        "klines" | "trades" | "agg_trades" => (file, Market::Spot),
        _ => (file, Market::FuturesUm),
    }
}

/// Writes a file of made-up rows whose fields are as long as those of real ones.
fn rows(file: &str) -> Vec<u8> {
    let mut csv = Vec::new();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for row in 0..ROWS {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write_row(&mut csv, file, row, state >> 24);
        csv.push(b'\n');
    }
    csv
}

fn write_row(csv: &mut Vec<u8>, file: &str, row: u64, random: u64) {
    let (cents, units, more) = (random % 100, random % 1_000_000, random % 90_000_000 + 10_000_000);
    let (price, flag) = (40_000 + random % 3_000, random.is_multiple_of(2));
    let (ms, minute) = (1_700_000_000_000 + row * 37, 1_700_000_000_000 + row * 60_000);
    let end = minute + 59_999;
    match file {
        "klines" => write!(csv, "{minute}000,{price}.{cents:02}000000,{price}.99000000,{price}.01000000,{price}.{cents:02}000000,{cents}.{more:08},{end}999,{more}.{more:08},{units},{cents}.{more:08},{more}.{more:08},0"),
        "klines_futures_cm" => write!(csv, "{minute},{price}.1,{price}.9,{price}.0,{price}.5,{units},{end},{cents}.{more:08},{cents},{units},{cents}.{more:08},0"),
        "mark_price_klines" => write!(csv, "{minute},{price}.1,{price}.{more:08},{price}.0,{price}.5,0,{end},0,60,0,0,0"),
        "trades" => write!(csv, "{},{price}.{cents:02}000000,0.{more:08},{units}.{more:08},{ms}123,{},True", 3_000_000_000 + row, if flag { "True" } else { "False" }),
        "agg_trades" => write!(csv, "{},{price}.{cents:02}000000,0.{more:08},{},{},{ms}123,{},True", 3_000_000_000 + row, 6_000_000_000 + row, 6_000_000_003 + row, if flag { "True" } else { "False" }),
        "agg_trades_futures_um" => write!(csv, "{},{price}.{cents:02},0.{units:06},{},{},{ms},{flag}", 2_000_000_000 + row, 5_000_000_000 + row, 5_000_000_003 + row),
        "book_depth" => write!(csv, "2026-01-{:02} {:02}:{:02}:{:02},-{}.00,{units}.{more:08},{more}.{more:08}", row % 28 + 1, row % 24, row % 60, row % 59, row % 5 + 1),
        "book_ticker" => write!(csv, "{},{price}.{cents:02}000000,{cents}.{units:06}00,{price}.99000000,{cents}.{units:06}00,{ms},{}", 3_800_000_000_000 + row, ms + 5),
        "funding_rate" => write!(csv, "{minute},8,-0.00{units:06}"),
        "metrics" => write!(csv, "2026-01-{:02} {:02}:{:02}:00,BTCUSDT,{units}.1910000000000000,{more}.{more:08}00000000,2.{more:08},1.{more:08},0.{more:08},0E-8", row % 28 + 1, row % 24, row % 60),
        "liquidation_snapshot" => write!(csv, "{ms},SELL,LIMIT,IOC,{cents},{price}.5,{price}.{cents:02},FILLED,{cents},{cents}"),
        "bvol_index" => write!(csv, "{ms},BTCUSDT,BTCBVOL,USDT,{cents}.{:04}", units % 10_000),
        _ => write!(csv, "2023-10-{:02},{:02},BTC-231229-{price}-C,BTCUSDT,C,231229-{price},0E-8,0E-8,0E-8,0E-8,{cents}.00000000,{cents}.00000000,{cents}.50000000,{cents}.90000000,17.50000000,2.50000000,\"\",0.{more:08},649.90000000,0.{more:08},0.{more:08},1.7E-7,36.{more:08},-11.{more:08},{cents}.00000000,{units}.{more:08}", row % 23 + 1, row % 24),
    }
    .unwrap();
}
