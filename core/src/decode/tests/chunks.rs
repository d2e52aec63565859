//! The pieces in which bytes arrive make no difference.

use proptest::prelude::*;

use super::*;

const SMALL: DecodeOptions =
    DecodeOptions { batch_rows: 7, batch_bytes: 1 << 20, line_limit: 4096 };

/// A line of a trades file: a row, or something that archives also hold.
fn line() -> impl Strategy<Value = String> {
    let row = (0_u64..1 << 40, 0_u32..100_000_000, any::<bool>()).prop_map(|(id, price, flag)| {
        format!("{id},{price}.5,0.001,{price}.25,1502942428322,{flag},True")
    });
    prop_oneof![
        8 => row,
        1 => Just(String::new()),
        1 => Just("1,\"2.5\",\"3\",4,1502942428322,True,\"False\"".to_owned()),
        1 => "[0-9,\"a-z\u{e9}.-]{0,40}",
    ]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let ending = prop_oneof![Just("\n"), Just("\r\n")];
    (any::<bool>(), any::<bool>(), ending, any::<bool>(), prop::collection::vec(line(), 0..60))
        .prop_map(|(mark, header, ending, last, lines)| {
            let mut text = String::from(if mark { "\u{feff}" } else { "" });
            let first = if header {
                "id,price,qty,quoteQty,time,isBuyerMaker,isBestMatch"
            } else {
                "0,1,1,1,1502942428322,True,True"
            };
            text.push_str(first);
            for line in lines {
                text.push_str(ending);
                text.push_str(&line);
            }
            text.push_str(if last { ending } else { "" });
            text.into_bytes()
        })
}

proptest! {
    #[test]
    fn any_pieces_make_the_same_batches_and_rejects(
        csv in file(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let whole = try_decode("trades", Market::Spot, "BTCUSDT", &[&csv], SMALL).unwrap();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(csv.len() + 1)).collect();
        cuts.extend([0, csv.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &csv[cut[0]..cut[1]]).collect();
        let cut = try_decode("trades", Market::Spot, "BTCUSDT", &pieces, SMALL).unwrap();
        prop_assert_eq!(&cut, &whole);
        let lines = csv.split(|byte| *byte == b'\n');
        let rows = lines.filter(|line| !matches!(line, [] | [b'\r'])).count();
        let header = usize::from(whole.has_header == Some(true));
        prop_assert_eq!(whole.rows() + whole.rejects.len() + header, rows);
    }

    #[test]
    fn any_bytes_are_decoded_or_refused_and_never_crash(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let mut csv = b"0,1,1,1,1502942428322,True,True\n".to_vec();
        csv.extend(bytes);
        let decoded = try_decode("trades", Market::Spot, "BTCUSDT", &[&csv], SMALL).unwrap();
        prop_assert!(decoded.rows() >= 1);
    }
}

#[test]
fn blocks_and_batches_larger_than_the_decoders_own_are_cut_at_the_same_rows() {
    let rows: Vec<String> =
        (0..40_000).map(|id| format!("{id},1.5,2,3,1502942428322,True,False\n")).collect();
    let csv = rows.concat().into_bytes();
    let whole = decode("trades", Market::Spot, "BTCUSDT", &csv);
    let sizes: Vec<usize> = whole.batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(sizes, [16_384, 16_384, 7_232]);
    let pieces: Vec<&[u8]> = csv.chunks(1_000).collect();
    assert_eq!(
        try_decode("trades", Market::Spot, "BTCUSDT", &pieces, DecodeOptions::default()).unwrap(),
        whole
    );
}
