//! The rows against what is known of the archive, keys there and back, and files that are refused.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

const SHORT: &str = "1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d";
const LONG: &str = "1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1mo";
const SPOT_SHORT: &str = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d";
const SPOT_LONG: &str = "1s 1m 3m 5m 15m 30m 1h 2h 4h 6h 8h 12h 1d 3d 1w 1mo";
/// Published at this frequency, without a folder for intervals.
const PLAIN: &str = "";
/// Not published at this frequency.
const NONE: &str = "-";

/// Market, data type, schema, folder, daily intervals, monthly intervals, status.
const FACTS: [(&str, &str, &str, &str, &str, &str, &str); 29] = [
    ("spot", "klines", "klines", "spot/daily/klines", SPOT_SHORT, SPOT_LONG, "active"),
    ("spot", "trades", "trades", "spot/daily/trades", PLAIN, PLAIN, "active"),
    ("spot", "aggTrades", "agg_trades", "spot/daily/aggTrades", PLAIN, PLAIN, "active"),
    ("spot", "bookDepth", "book_depth", "spot/daily/bookDepth", PLAIN, NONE, "never"),
    ("spot", "bookTicker", "book_ticker", "spot/daily/bookTicker", PLAIN, PLAIN, "never"),
    ("futures_um", "klines", "klines", "futures/um/daily/klines", SHORT, LONG, "active"),
    ("futures_um", "trades", "trades", "futures/um/daily/trades", PLAIN, PLAIN, "active"),
    ("futures_um", "aggTrades", "agg_trades", "futures/um/daily/aggTrades", PLAIN, PLAIN, "active"),
    ("futures_um", "bookDepth", "book_depth", "futures/um/daily/bookDepth", PLAIN, NONE, "active"),
    (
        "futures_um",
        "bookTicker",
        "book_ticker",
        "futures/um/daily/bookTicker",
        PLAIN,
        PLAIN,
        "ended 2024-04-30",
    ),
    (
        "futures_um",
        "fundingRate",
        "funding_rate",
        "futures/um/daily/fundingRate",
        NONE,
        PLAIN,
        "active",
    ),
    (
        "futures_um",
        "premiumIndex",
        "premium_index_klines",
        "futures/um/daily/premiumIndexKlines",
        SHORT,
        LONG,
        "active",
    ),
    ("futures_um", "metrics", "metrics", "futures/um/daily/metrics", PLAIN, NONE, "active"),
    (
        "futures_um",
        "indexPriceKlines",
        "index_price_klines",
        "futures/um/daily/indexPriceKlines",
        SHORT,
        LONG,
        "active",
    ),
    (
        "futures_um",
        "markPriceKlines",
        "mark_price_klines",
        "futures/um/daily/markPriceKlines",
        SHORT,
        LONG,
        "active",
    ),
    (
        "futures_um",
        "liquidationSnapshot",
        "liquidation_snapshot",
        "futures/um/daily/liquidationSnapshot",
        PLAIN,
        NONE,
        "withdrawn",
    ),
    ("futures_cm", "klines", "klines", "futures/cm/daily/klines", SHORT, LONG, "active"),
    ("futures_cm", "trades", "trades", "futures/cm/daily/trades", PLAIN, PLAIN, "active"),
    ("futures_cm", "aggTrades", "agg_trades", "futures/cm/daily/aggTrades", PLAIN, PLAIN, "active"),
    ("futures_cm", "bookDepth", "book_depth", "futures/cm/daily/bookDepth", PLAIN, NONE, "active"),
    (
        "futures_cm",
        "bookTicker",
        "book_ticker",
        "futures/cm/daily/bookTicker",
        PLAIN,
        PLAIN,
        "ended 2024-10-15",
    ),
    (
        "futures_cm",
        "fundingRate",
        "funding_rate",
        "futures/cm/daily/fundingRate",
        NONE,
        PLAIN,
        "active",
    ),
    (
        "futures_cm",
        "premiumIndex",
        "premium_index_klines",
        "futures/cm/daily/premiumIndexKlines",
        SHORT,
        LONG,
        "active",
    ),
    ("futures_cm", "metrics", "metrics", "futures/cm/daily/metrics", PLAIN, NONE, "active"),
    (
        "futures_cm",
        "indexPriceKlines",
        "index_price_klines",
        "futures/cm/daily/indexPriceKlines",
        SHORT,
        LONG,
        "active",
    ),
    (
        "futures_cm",
        "markPriceKlines",
        "mark_price_klines",
        "futures/cm/daily/markPriceKlines",
        SHORT,
        LONG,
        "active",
    ),
    (
        "futures_cm",
        "liquidationSnapshot",
        "liquidation_snapshot",
        "futures/cm/daily/liquidationSnapshot",
        PLAIN,
        NONE,
        "ended 2024-10-14",
    ),
    ("options", "BVOLIndex", "bvol_index", "option/daily/BVOLIndex", PLAIN, NONE, "active"),
    (
        "options",
        "EOHSummary",
        "eoh_summary",
        "option/daily/EOHSummary",
        PLAIN,
        NONE,
        "ended 2023-10-23",
    ),
];

fn matrix() -> &'static Matrix {
    static MATRIX: LazyLock<Matrix> = LazyLock::new(|| Matrix::builtin().unwrap());
    &MATRIX
}

fn intervals(text: &str) -> Option<Vec<Interval>> {
    (text != NONE)
        .then(|| text.split_whitespace().map(|interval| interval.parse().unwrap()).collect())
}

#[test]
fn every_combination_is_as_the_archive_is_known_to_be() {
    let matrix = matrix();
    assert_eq!(matrix.combinations().len(), FACTS.len());
    for (market, data_type, schema, folder, daily, monthly, status) in FACTS {
        let data_type = matrix.data_type(data_type).unwrap();
        let row = matrix.get(market.parse().unwrap(), &data_type).unwrap();
        assert_eq!(row.schema, schema, "{market} {data_type}");
        assert_eq!(row.symbols_prefix(Frequency::Daily), format!("data/{folder}/"));
        let monthly_folder = folder.replace("/daily/", "/monthly/");
        assert_eq!(row.symbols_prefix(Frequency::Monthly), format!("data/{monthly_folder}/"));
        assert_eq!(
            row.intervals(Frequency::Daily).map(<[_]>::to_vec),
            intervals(daily),
            "{market} {data_type}"
        );
        assert_eq!(
            row.intervals(Frequency::Monthly).map(<[_]>::to_vec),
            intervals(monthly),
            "{market} {data_type}"
        );
        assert_eq!(row.has_intervals(), [daily, monthly].iter().any(|text| text.contains("1m")));
        assert_eq!(row.status.to_string(), status, "{market} {data_type}");
        assert!(row.evidence.len() > 10, "{market} {data_type}");
    }
}

#[test]
fn the_thirteen_data_types_are_known_by_their_own_and_their_folders_name() {
    let matrix = matrix();
    assert_eq!(matrix.data_type("premiumIndexKlines").unwrap(), DataType::new("premiumIndex"));
    let error = matrix.data_type("kline").unwrap_err().to_string();
    assert!(
        error.starts_with(
            "unknown data type `kline`; expected klines, trades, aggTrades, bookDepth"
        ),
        "{error}"
    );
    assert_eq!(error.matches(", ").count() + 1, 13, "{error}");
}

#[test]
fn options_are_found_by_their_underlying() {
    let matrix = matrix();
    let alias = |data_type, name: &str| {
        let row = matrix.get(Market::Options, &DataType::new(data_type)).unwrap();
        row.symbol_aliases.get(name).map(ToString::to_string)
    };
    assert_eq!(alias("BVOLIndex", "BTC").as_deref(), Some("BTCBVOLUSDT"));
    assert_eq!(alias("BVOLIndex", "DOGE"), None);
    assert_eq!(alias("EOHSummary", "DOGE").as_deref(), Some("DOGEUSDT"));
}

#[test]
fn an_archive_exists_only_at_the_frequencies_of_its_row() {
    let matrix = matrix();
    let funding = matrix.get(Market::FuturesUm, &DataType::new("fundingRate")).unwrap();
    let symbol = "BTCUSDT".parse().unwrap();
    assert!(funding.archive(&symbol, None, "2026-04-01".parse().unwrap()).is_none());
    let archive = funding.archive(&symbol, None, "2026-04".parse().unwrap()).unwrap();
    assert_eq!(
        archive.path(),
        "data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-04.zip"
    );
    let klines = matrix.get(Market::Spot, &DataType::new("klines")).unwrap();
    assert!(klines.archive(&symbol, None, "2026-04".parse().unwrap()).is_none());
    assert!(funding.archive(&symbol, "1h".parse().ok(), "2026-04".parse().unwrap()).is_none());
}

#[test]
fn what_is_not_expected_is_identified_all_the_same() {
    let matrix = matrix();
    for key in [
        "data/futures/um/daily/klines/BTCUSDT/3d/BTCUSDT-3d-2023-06-26.zip",
        "data/futures/um/daily/klines/BTCUSDT/1mo/BTCUSDT-1mo-2023-06-01.zip",
        "data/spot/daily/bookDepth/BTCUSDT/BTCUSDT-bookDepth-2024-01-01.zip",
        concat!(
            "data/futures/um/daily/liquidationSnapshot/BTCUSDT/",
            "BTCUSDT-liquidationSnapshot-2023-07-31.zip",
        ),
        "data/futures/cm/daily/indexPriceKlines/BTCUSD_PERP/3d/BTCUSD_PERP-3d-2023-06-26.zip",
        "data/spot/daily/klines/币安人生USDT/1m/币安人生USDT-1m-2026-01-01.zip",
        concat!(
            "data/futures/cm/daily/trades/BTCUSD_PERP_SETTLED2/",
            "BTCUSD_PERP_SETTLED2-trades-2023-01-01.zip",
        ),
    ] {
        assert_eq!(matrix.identify(key).unwrap().path(), key);
    }
}

#[test]
fn keys_with_the_same_file_name_are_different_archives() {
    let matrix = matrix();
    let keys =
        ["klines", "markPriceKlines", "indexPriceKlines", "premiumIndexKlines"].map(|folder| {
            format!("data/futures/um/daily/{folder}/BTCUSDT/1h/BTCUSDT-1h-2024-01-01.zip")
        });
    let found: BTreeSet<ArchiveKey> =
        keys.iter().map(|key| matrix.identify(key).unwrap()).collect();
    assert_eq!(found.len(), keys.len());
    let places: BTreeSet<String> = found.iter().map(ArchiveKey::bronze_path).collect();
    assert_eq!(places.len(), keys.len());
}

#[test]
fn a_key_off_every_pattern_is_unknown_with_a_reason() {
    let cases = [
        (
            "data/spot/monthly/trades/BTCUSDT/BTCUSDT-trades-2020-8.zip",
            "`2020-8` is not the date of a monthly archive",
        ),
        (
            "data/futures/um/monthly/aggTrades/BTCUSDT/part-00000-1f.zip",
            "the file name disagrees with its folders",
        ),
        (
            "data/spot/daily/trades/BTCUSDT/ETHUSDT-trades-2020-08-01.zip",
            "the file name disagrees with its folders",
        ),
        ("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2020-08-01.csv", "not a zip"),
        ("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2020-08-01.zip.CHECKSUM", "not a zip"),
        ("data/spot/daily/trades/BTCUSDT/", "not a zip"),
        ("data/spot/daily/klines/BTCUSDT/1q/BTCUSDT-1q-2020-08-01.zip", "`1q` is no interval"),
        ("/data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2020-08-01.zip", "outside the folders"),
        ("data2/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2020-08-01.zip", "outside the folders"),
        (
            "data3/liquidationSnapshot/BTCUSDT/BTCUSDT-liquidationSnapshot-2023-07-31.zip",
            "outside the folders",
        ),
        ("data/spot/daily/newType/BTCUSDT/BTCUSDT-newType-2020-08-01.zip", "outside the folders"),
        ("", "outside the folders"),
    ];
    for (key, reason) in cases {
        let unknown = matrix().identify(key).unwrap_err();
        assert_eq!(unknown.key, key);
        let message = unknown.to_string();
        assert!(message.starts_with(&format!("unknown key `{key}`: {reason}")), "{message}");
    }
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn the_keys_of_real_archives_are_identified() {
    let matrix = matrix();
    let folders = crate::tests::archive_folders();
    let keys: Vec<String> = folders.iter().flat_map(|folder| zips(folder, folder)).collect();
    assert!(!keys.is_empty(), "no zips in {folders:?}");
    for key in keys {
        let archive = matrix.identify(&key).unwrap();
        let row = matrix.get(archive.market(), archive.data_type()).unwrap();
        let again = row.archive(archive.symbol(), archive.interval(), archive.period());
        assert_eq!(again.as_ref(), Some(&archive));
    }
}

fn zips(root: &Path, folder: &Path) -> Vec<String> {
    let mut keys = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            keys.extend(zips(root, &path));
        } else if path.extension().is_some_and(|extension| extension == "zip") {
            keys.push(path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"));
        }
    }
    keys
}

proptest! {
    #[test]
    fn a_key_that_a_row_renders_names_the_same_archive(
        row in 0..FACTS.len(),
        symbol in "[A-Z0-9币安]{1,12}(_PERP|_26[0-9]{4}|_SETTLED[0-9]|-[0-9])?",
        interval in "[1-9][0-9]{0,2}(s|m|h|d|w|mo)",
        day in 0i64..20_000,
        frequency in prop::sample::select(Frequency::ALL.to_vec()),
    ) {
        let matrix = matrix();
        let row = &matrix.combinations()[row];
        let date = NaiveDate::default() + chrono::TimeDelta::days(day);
        let period = Period::containing(date, frequency);
        let interval = row.has_intervals().then(|| interval.parse().unwrap());
        let archive = row.archive(&symbol.parse().unwrap(), interval, period);
        prop_assert_eq!(archive.is_some(), row.intervals(frequency).is_some());
        if let Some(archive) = archive {
            prop_assert_eq!(matrix.identify(archive.path()), Ok(archive.clone()));
            prop_assert!(matrix.identify(&archive.checksum_path()).is_err());
        }
    }

    #[test]
    fn no_text_makes_identification_panic(key in ".*", tail in ".*") {
        let matrix = matrix();
        let _ = matrix.identify(&key);
        let _ = matrix.identify(&format!("data/spot/daily/klines/{key}/{tail}.zip"));
    }
}

const ROW: &str = "[[combination]]
market = 'spot'
data_type = 'klines'
schema = 'klines'
pattern = 'data/{frequency}/{symbol}/{interval}/{symbol}-{period}.zip'
daily = ['1m']
status = 'active'
evidence = 'seen'
";

fn refuse(text: &str) -> DataFileError {
    Matrix::parse("rows.toml", text).unwrap_err()
}

#[test]
fn a_row_that_contradicts_itself_is_refused_with_line_and_key() {
    assert_eq!(Matrix::parse("rows.toml", ROW).unwrap().combinations().len(), 1);
    let cases = [
        ("'spot'", "'spto'", 2, "market", "unknown market `spto`; expected spot, futures_um"),
        ("'klines'\nschema", "''\nschema", 3, "data_type", "empty"),
        ("{period}", "{date}", 5, "pattern", "unknown placeholder `{date}`"),
        ("['1m']", "['1m', '1x']", 6, "daily", "unknown interval `1x`"),
        ("['1m']", "['1m', '1m']", 6, "daily", "interval `1m` is there twice"),
        ("['1m']", "[]", 6, "daily", "no intervals, but the pattern has {interval}"),
        ("{interval}/", "", 6, "daily", "intervals, but the pattern has no {interval}"),
        ("daily = ['1m']\n", "", 3, "daily", "neither `daily` nor `monthly` archives"),
        (
            "'active'",
            "'ended'",
            7,
            "status",
            "unknown status `ended`; expected active, ended YYYY-MM-DD",
        ),
        ("'active'", "'ended 2024-3-1'", 7, "status", "unknown status `ended 2024-3-1`"),
        (
            "evidence",
            "since = '2024-02'\nevidence",
            8,
            "since",
            "`2024-02` is no date; expected YYYY-MM-DD",
        ),
        ("evidence", "symbol_aliases = { X = 'A/B' }\nevidence", 8, "X", "unknown symbol `A/B`"),
        ("status", "stauts", 7, "stauts", "unknown field `stauts`"),
        ("evidence = 'seen'\n", "", 1, "evidence", "missing field `evidence`"),
    ];
    for (from, to, line, key, message) in cases {
        let error = refuse(&ROW.replacen(from, to, 1));
        assert_eq!((error.line, error.key.as_str()), (line, key), "{error}");
        assert!(error.message.starts_with(message), "{error}");
        assert_eq!(error.file, "rows.toml");
    }
}

#[test]
fn rows_that_contradict_each_other_are_refused() {
    let twice = refuse(&format!("{ROW}{}", ROW.replace("data/", "other/")));
    assert_eq!(twice.to_string(), "rows.toml, line 11, `data_type`: spot klines is there twice");
    let same_folders = refuse(&format!("{ROW}{}", ROW.replace("'spot'", "'options'")));
    assert_eq!((same_folders.line, same_folders.key.as_str()), (13, "pattern"));
    let other =
        ROW.replace("data/", "other/").replace("data_type = 'klines'", "data_type = 'bars'");
    let alias = refuse(&format!("{ROW}{other}aliases = ['klines']\n"));
    assert_eq!((alias.line, alias.key.as_str()), (17, "aliases"));
    let taken = refuse(&format!("{ROW}aliases = ['bars']\n{other}"));
    assert_eq!((taken.line, taken.key.as_str()), (12, "data_type"));
}
