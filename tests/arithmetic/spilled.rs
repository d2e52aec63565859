//! Sums of many groups, in memory and through files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use lakehouse::query::{Session, SessionOptions};
use num_bigint::BigInt;

use super::exact::{Fraction, power_of_ten};
use super::{answer, open};
use crate::support::delta_fixture::{FixtureTable, batch};
use crate::support::random::Random;

const ROWS: usize = 60_000;
const GROUPS: usize = 20_000;
const PLACES: u32 = 8;

const SQL: &str = "SELECT part, sum(amount), sum(id), avg(amount), avg(id) FROM silver.amounts \
                   GROUP BY part ORDER BY part";

const COLUMNS: [(&str, DataType); 4] = [
    ("symbol", DataType::Utf8),
    ("part", DataType::Int64),
    ("amount", DataType::Decimal128(38, 8)),
    ("id", DataType::Int64),
];

/// Rows of random groups, whose amounts add up to more than their type holds on the way.
fn rows(random: &mut Random) -> Vec<(i64, i128, i64)> {
    let limit = 10_u128.pow(37);
    let row = |place: usize| {
        let amount = (u128::from(random.next()) << 60 | u128::from(random.next())) % limit;
        // Every second one takes away what the one before it gave, but for the last digits.
        let sign = if place.is_multiple_of(2) { 1 } else { -1 };
        let part = i64::try_from(random.below(GROUPS)).unwrap();
        (part, amount.cast_signed() * sign, random.next().cast_signed() >> 20)
    };
    (0..ROWS).map(row).collect()
}

#[tokio::test]
async fn sums_and_means_are_the_same_in_memory_and_through_files() {
    let lake = tempfile::tempdir().unwrap();
    let spill = tempfile::tempdir().unwrap();
    let rows = rows(&mut Random::new(7));
    let mut table = FixtureTable::create(lake.path(), "silver/amounts", &COLUMNS, "").await;
    for part in rows.chunks(ROWS / 4) {
        let amounts = Decimal128Array::from_iter_values(part.iter().map(|row| row.1));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("symbol", Arc::new(StringArray::from(vec!["BTCUSDT"; part.len()]))),
            ("part", Arc::new(Int64Array::from_iter_values(part.iter().map(|row| row.0)))),
            ("amount", Arc::new(amounts.with_precision_and_scale(38, 8).unwrap())),
            ("id", Arc::new(Int64Array::from_iter_values(part.iter().map(|row| row.2)))),
        ];
        table.append("spot", "2024-01-01", &batch(columns)).await;
    }
    let mut expected: BTreeMap<i64, (BigInt, BigInt, u32)> = BTreeMap::new();
    for (part, amount, id) in &rows {
        let group = expected.entry(*part).or_default();
        group.0 += *amount;
        group.1 += *id;
        group.2 += 1;
    }
    let options = |memory_limit, partitions| SessionOptions {
        memory_limit,
        spill_folder: Some(spill.path().to_owned()),
        target_partitions: Some(partitions),
        ..SessionOptions::default()
    };
    for partitions in [1, 4] {
        let session = open(lake.path(), options(None, partitions));
        assert_equal(&answer(&session, SQL).await.unwrap(), &expected);
        let (session, lines) =
            with_little_memory(|limit| open(lake.path(), options(Some(limit), partitions))).await;
        assert_equal(&lines, &expected);
        // How several partitions share the memory depends on chance, so that only one is sure to
        // spill and to find enough a second time.
        if partitions == 1 {
            let plan = answer(&session, &format!("EXPLAIN ANALYZE {SQL}")).await.unwrap().join(" ");
            let mut counts = plan.split("spill_count=").skip(1);
            assert!(counts.any(|count| !count.starts_with('0')), "{plan}");
        }
    }
}

/// Answers with the least memory that is enough.
async fn with_little_memory(open: impl Fn(usize) -> Session) -> (Session, Vec<String>) {
    for mebibytes in [6, 8, 11, 15, 20, 27, 36, 48] {
        let session = open(mebibytes << 20);
        if let Ok(lines) = answer(&session, SQL).await {
            return (session, lines);
        }
    }
    panic!("no limit was enough");
}

fn assert_equal(lines: &[String], expected: &BTreeMap<i64, (BigInt, BigInt, u32)>) {
    assert_eq!(lines.len(), expected.len());
    for (line, (part, (amount, id, count))) in lines.iter().zip(expected) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[0], part.to_string(), "{line}");
        let amount = Fraction::new(amount.clone(), power_of_ten(PLACES));
        let id = Fraction::new(id.clone(), BigInt::from(1));
        assert!(Fraction::parse(cells[1]).equals(&amount), "{line}");
        assert!(Fraction::parse(cells[2]).equals(&id), "{line}");
        let count = Fraction::new(BigInt::from(*count), BigInt::from(1));
        assert!(amount.over(&count).rounds_to(cells[3].parse().unwrap()), "{line}");
        assert!(id.over(&count).rounds_to(cells[4].parse().unwrap()), "{line}");
    }
}
