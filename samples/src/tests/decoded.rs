//! Samples are what the decoder takes for published archives: every row of every combination and
//! era.

use lakehouse_core::decode::{DecodeOptions, Decoder};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::schema::Schemas;

use super::*;

#[test]
fn every_row_of_every_sample_is_decoded_in_every_era() {
    let (matrix, schemas) = (Matrix::builtin().unwrap(), Schemas::builtin().unwrap());
    for combination in EVERY_COMBINATION {
        for period in ["2021-03-04", "2022-08-10", "2023-10-02", "2024-12-31", "2026-05-07"] {
            let key = any_archive(combination, period);
            let row = matrix.get(key.market(), key.data_type()).unwrap();
            let schema = schemas.get(&row.schema).unwrap();
            let mut decoder =
                Decoder::new(schema, key.market(), key.symbol(), DecodeOptions::default()).unwrap();
            decoder.push(csv(&key).as_bytes()).unwrap();
            decoder.finish().unwrap();
            let decoded: usize =
                std::iter::from_fn(|| decoder.next_batch()).map(|batch| batch.num_rows()).sum();
            assert_eq!(decoder.take_rejects(), [], "{combination:?} {period}");
            assert_eq!(decoded, table(&key).len(), "{combination:?} {period}");
        }
    }
}
