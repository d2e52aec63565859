//! Sums of many groups, in memory and through files.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, StringArray};
use arrow::datatypes::DataType;
use lakehouse::query::SessionOptions;
use num_bigint::BigInt;

use super::exact::{Fraction, power_of_ten};
use super::{answer, open};
use crate::support::delta_fixture::{FixtureTable, batch};
use crate::support::random::Random;

const ROWS: usize = 60_000;
const GROUPS: usize = 20_000;
const PLACES: u32 = 8;

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
        let sign = if place % 2 == 0 { 1 } else { -1 };
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
    let sql = "SELECT part, sum(amount), sum(id), avg(amount), avg(id) FROM silver.amounts \
               GROUP BY part ORDER BY part";
    for (memory_limit, partitions) in [(None, 4), (Some(6 << 20), 1), (Some(10 << 20), 2)] {
        let options = SessionOptions {
            memory_limit,
            spill_folder: Some(spill.path().to_owned()),
            target_partitions: Some(partitions),
            ..SessionOptions::default()
        };
        let session = open(lake.path(), options);
        let answer = answer(&session, sql).await.unwrap();
        assert_eq!(answer.len(), expected.len());
        for (line, (part, (amount, id, count))) in answer.iter().zip(&expected) {
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
}
