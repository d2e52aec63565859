use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::DateTime;
use proptest::prelude::*;

use super::*;
use crate::ledger::{ArchiveStatus, ChecksumState};
use crate::names::days::DaySet;
use crate::names::market::Symbol;
use crate::names::period::Period;

static MATRIX: LazyLock<Matrix> = LazyLock::new(|| Matrix::builtin().unwrap());

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn entry(key: &str, status: ArchiveStatus) -> LedgerEntry {
    let held = matches!(status, ArchiveStatus::Ingested | ArchiveStatus::Superseded);
    LedgerEntry {
        key: MATRIX.identify(key).unwrap_or_else(|error| panic!("{error}")),
        status,
        checksum: ChecksumState::Match,
        size: Some(1_000),
        etag: None,
        last_modified: None,
        checksum_tag: None,
        sha256: Some("00".into()),
        rows: if held { 10 } else { 0 },
        rejected_rows: 0,
        min_time: None,
        max_time: None,
        silver_version: held.then_some(1),
        run: Arc::from("run"),
        recorded_at: DateTime::UNIX_EPOCH,
        reason: (!held).then(|| format!("why {key} is not there")),
        days: None,
        competing_version: None,
    }
}

/// Names spot trades of a symbol and period.
fn trades(symbol: &str, period: &str) -> String {
    let frequency = if period.len() == 7 { "monthly" } else { "daily" };
    format!("data/spot/{frequency}/trades/{symbol}/{symbol}-trades-{period}.zip")
}

fn ingested(period: &str, days: Option<&str>) -> LedgerEntry {
    let days = days.map(|days| days.parse().unwrap());
    LedgerEntry { days, ..entry(&trades("BTCUSDT", period), ArchiveStatus::Ingested) }
}

/// Collects the series of a ledger in reverse, because their order must not count.
fn coverage(
    ledger: &Ledger,
    options: CoverageOptions,
    wanted: impl Fn(&Series) -> bool,
) -> Vec<SeriesCoverage> {
    let mut by_series: BTreeMap<&Series, Vec<LedgerEntry>> = BTreeMap::new();
    for entry in ledger.entries() {
        by_series.entry(entry.key.series()).or_default().push(entry.clone());
    }
    let mut collector = CoverageCollector::new(&MATRIX, options);
    for (series, entries) in by_series.into_iter().rev() {
        collector.add(series, &entries.into(), wanted(series));
    }
    collector.finish()
}

fn covered(entries: Vec<LedgerEntry>, dates: &str) -> Vec<SeriesCoverage> {
    let mut ledger = Ledger::default();
    entries.into_iter().for_each(|entry| ledger.insert(entry));
    let (start, end) = dates.split_once("..").unwrap();
    let day = |text: &str| (!text.is_empty()).then(|| date(text));
    let dates = DateRange { start: day(start), end: day(end) };
    coverage(&ledger, CoverageOptions { dates, today: date("2026-05-20") }, |_| true)
}

fn word(state: DayState) -> &'static str {
    match state {
        DayState::Held => "held",
        DayState::HeldInPart => "in part",
        DayState::Missing(reason) => reason.as_str(),
    }
}

/// Prints runs as `2024-01-03..2024-01-05 held`.
fn days_of(series: &SeriesCoverage) -> Vec<String> {
    series
        .runs
        .iter()
        .map(|run| format!("{}..{} {}", run.start, run.end, word(run.state)))
        .collect()
}

#[test]
fn days_and_months_add_up_and_what_nobody_asked_for_has_no_reason() {
    let entries =
        vec![ingested("2026-01", None), ingested("2026-02-03", None), ingested("2026-02-01", None)];
    let found = covered(entries, "..");
    assert_eq!(
        days_of(&found[0]),
        [
            "2026-01-01..2026-02-01 held",
            "2026-02-02..2026-02-02 unknown",
            "2026-02-03..2026-02-03 held"
        ]
    );
    assert_eq!((found[0].held_days(), found[0].missing_days(), found[0].behind), (33, 1, 105));
    assert_eq!((found[0].archives, found[0].rows, found[0].bytes), (3, 30, 3_000));
}

#[test]
fn every_status_gives_its_reason_and_a_failure_its_words() {
    let day = |day: &str, status| entry(&trades("BTCUSDT", day), status);
    let mut rejects = ingested("2026-03-07", Some("none"));
    (rejects.rows, rejects.rejected_rows) = (0, 5);
    let entries = vec![
        ingested("2026-03-01", None),
        day("2026-03-02", ArchiveStatus::Failed),
        day("2026-03-03", ArchiveStatus::Quarantined),
        day("2026-03-04", ArchiveStatus::Rejected),
        day("2026-03-05", ArchiveStatus::NotPublished),
        LedgerEntry { days: Some(DaySet::NONE), ..day("2026-03-06", ArchiveStatus::Yielded) },
        rejects,
        ingested("2026-03-08", Some("none")),
        LedgerEntry { rejected_rows: 1, ..ingested("2026-03-09", None) },
    ];
    let found = covered(entries, "..");
    let expected = [
        "01 held",
        "02 failed",
        "03 quarantined",
        "04 rejected",
        "05 not_published",
        "06 yielded",
        "07 rows_rejected",
        "08 no_rows",
        "09 in part",
    ];
    let days: Vec<String> = days_of(&found[0]).iter().map(|run| run[20..].to_owned()).collect();
    assert_eq!(days, expected);
    let details = found[0].runs.iter().filter_map(|run| run.detail.as_deref());
    let details: Vec<&str> = details.collect();
    assert_eq!(details.len(), 3, "{details:?}");
    assert!(details[0].ends_with("BTCUSDT-trades-2026-03-02.zip is not there"), "{details:?}");
    assert_eq!((found[0].failed, found[0].rejected_rows), (3, 6));
}

#[test]
fn a_version_that_could_not_be_had_leaves_the_days_of_the_one_before() {
    let failed = entry(&trades("BTCUSDT", "2026-03-02"), ArchiveStatus::Failed);
    let found = covered(vec![LedgerEntry { silver_version: Some(3), ..failed }], "..");
    assert_eq!(days_of(&found[0]), ["2026-03-02..2026-03-02 held"]);
    assert_eq!(found[0].failed, 1);
}

#[test]
fn a_day_that_one_copy_lacks_is_held_when_the_other_has_it() {
    let yielded = entry(&trades("BTCUSDT", "2026-03-03"), ArchiveStatus::Yielded);
    let entries =
        vec![ingested("2026-03", Some("1-9,11-31")), ingested("2026-03-10", None), yielded];
    assert_eq!(days_of(&covered(entries, "..")[0]), ["2026-03-01..2026-03-31 held"]);
}

#[test]
fn a_symbol_is_listed_and_delisted_where_its_first_and_last_month_begin_and_end() {
    let months = || {
        vec![
            ingested("2026-01", Some("17-31")),
            ingested("2026-02", None),
            ingested("2026-03", Some("1-5")),
        ]
    };
    let found = covered(months(), "2025-12-30..2026-04-02");
    assert_eq!(
        days_of(&found[0]),
        [
            "2025-12-30..2026-01-16 before_listing",
            "2026-01-17..2026-03-05 held",
            "2026-03-06..2026-04-02 after_delisting"
        ]
    );
    assert_eq!(
        (found[0].missing_days(), found[0].behind),
        (0, 0),
        "no day that never was is missing"
    );
    assert_eq!(days_of(&covered(months(), "..")[0]), ["2026-01-17..2026-03-05 held"]);

    // Another data type of the symbol goes on, so the month just lacks days.
    let quotes = "data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2026-04-01.zip";
    let entries = [months(), vec![entry(quotes, ArchiveStatus::Ingested)]].concat();
    let found = covered(entries, "2026-03-05..2026-04-02");
    let runs =
        days_of(found.iter().find(|found| found.series.data_type.as_str() == "trades").unwrap());
    assert_eq!(
        runs,
        [
            "2026-03-05..2026-03-05 held",
            "2026-03-06..2026-03-31 no_rows",
            "2026-04-01..2026-04-02 unknown"
        ]
    );
}

#[test]
fn what_the_matrix_knows_explains_days_that_no_archive_does() {
    let quotes = "data/futures/um/daily/bookTicker/BTCUSDT/BTCUSDT-bookTicker-2024-04-29.zip";
    let found = covered(vec![entry(quotes, ArchiveStatus::Ingested)], "2024-04-29..2024-05-02");
    assert_eq!(
        days_of(&found[0]),
        [
            "2024-04-29..2024-04-29 held",
            "2024-04-30..2024-04-30 unknown",
            "2024-05-01..2024-05-02 ended"
        ]
    );
    assert_eq!((found[0].missing_days(), found[0].behind), (1, 0));
    let found = covered(vec![ingested("2017-08-17", None)], "2017-07-13..2017-07-15");
    assert_eq!(
        days_of(&found[0]),
        ["2017-07-13..2017-07-13 before_start", "2017-07-14..2017-07-15 unknown"]
    );
    let withdrawn = concat!(
        "data/futures/um/daily/liquidationSnapshot/BTCUSDT/",
        "BTCUSDT-liquidationSnapshot-2024-01-01.zip",
    );
    let found =
        covered(vec![entry(withdrawn, ArchiveStatus::NotPublished)], "2024-01-01..2024-01-02");
    assert_eq!(days_of(&found[0]), ["2024-01-01..2024-01-02 withdrawn"]);
}

#[test]
fn a_day_that_is_not_over_is_not_missing() {
    let found = covered(vec![ingested("2026-05-18", None)], "2026-05-18..2026-05-31");
    assert_eq!(
        days_of(&found[0]),
        ["2026-05-18..2026-05-18 held", "2026-05-19..2026-05-19 unknown"]
    );
}

#[test]
fn archives_that_are_not_published_before_the_first_and_after_the_last_are_no_gap() {
    let absent = |day| entry(&trades("BTCUSDT", day), ArchiveStatus::NotPublished);
    let entries = || vec![absent("2026-01"), ingested("2026-02-10", None), absent("2026-02-11")];
    assert_eq!(days_of(&covered(entries(), "..")[0]), ["2026-02-10..2026-02-10 held"]);
    assert_eq!(
        days_of(&covered(entries(), "2026-01-31..2026-02-11")[0]),
        [
            "2026-01-31..2026-01-31 not_published",
            "2026-02-01..2026-02-09 unknown",
            "2026-02-10..2026-02-10 held",
            "2026-02-11..2026-02-11 not_published"
        ]
    );
}

#[test]
fn bars_that_are_longer_than_a_day_stand_for_all_days_of_their_archive() {
    let weeks = "data/spot/monthly/klines/BTCUSDT/1w/BTCUSDT-1w-2026-03.zip";
    let days = Some("2,9,16,23,30".parse().unwrap());
    let found = covered(vec![LedgerEntry { days, ..entry(weeks, ArchiveStatus::Ingested) }], "..");
    assert_eq!(days_of(&found[0]), ["2026-03-01..2026-03-31 held"]);
}

#[test]
fn series_come_in_order_and_only_those_that_are_wanted() {
    let mut ledger = Ledger::default();
    for symbol in ["ETHUSDT", "BTCUSDT"] {
        ledger.insert(entry(&trades(symbol, "2026-03-01"), ArchiveStatus::Ingested));
    }
    let symbol: Symbol = "ETHUSDT".parse().unwrap();
    let options = CoverageOptions { dates: DateRange::default(), today: date("2026-05-20") };
    let names = |found: Vec<SeriesCoverage>| {
        found.iter().map(|one| one.series.to_string()).collect::<Vec<_>>()
    };
    let all = coverage(&ledger, options, |_| true);
    assert_eq!(names(all), ["spot/trades/BTCUSDT", "spot/trades/ETHUSDT"]);
    let one = coverage(&ledger, options, |series| series.symbol == symbol);
    assert_eq!(names(one), ["spot/trades/ETHUSDT"]);
}

/// One archive: its day of 120, whether it is the month's, its status, and the days of 32 bits that
/// it owns.
type Made = (u64, bool, ArchiveStatus, Option<u32>, bool);

fn made() -> impl Strategy<Value = Vec<Made>> {
    let status = prop::sample::select(vec![
        ArchiveStatus::Ingested,
        ArchiveStatus::Ingested,
        ArchiveStatus::Ingested,
        ArchiveStatus::Yielded,
        ArchiveStatus::NotPublished,
        ArchiveStatus::Quarantined,
        ArchiveStatus::Rejected,
        ArchiveStatus::Failed,
    ]);
    let days = prop::option::weighted(0.3, any::<u32>());
    prop::collection::vec(
        (0_u64..120, prop::bool::weighted(0.1), status, days, prop::bool::weighted(0.1)),
        0..60,
    )
}

fn make((at, monthly, status, days, rejects): Made) -> LedgerEntry {
    let day = date("2025-11-01") + Days::new(at);
    let period = if monthly { Period::month_of(day) } else { Period::day(day) };
    let all = period.days().periods(crate::names::market::Frequency::Daily).map(Period::start);
    let days = days.map(|bits| {
        all.filter(|date| {
            bits & 1 << (date.format("%d").to_string().parse::<u32>().unwrap() - 1) != 0
        })
        .collect()
    });
    let key = trades("BTCUSDT", &period.to_string());
    LedgerEntry { days, rejected_rows: u64::from(rejects), ..entry(&key, status) }
}

/// Finds each day from the archives alone, one at a time: is any of them its owner, and if not,
/// which status comes first.
fn oracle(entries: &BTreeMap<String, LedgerEntry>, day: NaiveDate) -> &'static str {
    let covering: Vec<_> =
        entries.values().filter(|entry| entry.key.period().days().contains(day)).collect();
    let owners: Vec<_> = covering.iter().filter(|entry| entry.owned_days().contains(day)).collect();
    if !owners.is_empty() {
        return if owners.iter().any(|entry| entry.rejected_rows > 0) { "in part" } else { "held" };
    }
    let has = |wanted: ArchiveStatus| covering.iter().any(|entry| entry.status == wanted);
    let with_rejects = covering
        .iter()
        .any(|entry| entry.status == ArchiveStatus::Ingested && entry.rejected_rows > 0);
    match () {
        () if has(ArchiveStatus::Failed) => "failed",
        () if has(ArchiveStatus::Quarantined) => "quarantined",
        () if has(ArchiveStatus::Rejected) => "rejected",
        () if with_rejects => "rows_rejected",
        () if has(ArchiveStatus::Yielded) => "yielded",
        () if has(ArchiveStatus::Ingested) => "no_rows",
        () if has(ArchiveStatus::NotPublished) => "not_published",
        () => "unknown",
    }
}

proptest! {
    #![proptest_config(crate::tests::cases(300))]

    #[test]
    fn runs_say_of_every_day_what_its_archives_say(
        made in made(),
        from in 0_u64..105,
        length in 0_u64..105,
    ) {
        let entries: BTreeMap<String, LedgerEntry> =
            made.into_iter().map(make).map(|entry| (entry.key.path().to_owned(), entry)).collect();
        let start = date("2025-10-20") + Days::new(from);
        let end = start + Days::new(length);
        let found = covered(entries.values().cloned().collect(), &format!("{start}..{end}"));
        let range = DateRange { start: Some(start), end: Some(end) };
        let is_met = entries.values().any(|entry| range.overlaps(entry.key.period()));
        prop_assert!(found.len() == 1 || found.is_empty() && !is_met, "{} series", found.len());
        for series in found {
            let mut next = start;
            let (mut held, mut missing) = (0, 0);
            for run in &series.runs {
                prop_assert_eq!(run.start, next, "runs follow each other");
                prop_assert!(run.start <= run.end);
                for day in run.start.iter_days().take_while(|day| *day <= run.end) {
                    let expected = oracle(&entries, day);
                    let found = word(run.state);
                    // Listing and delisting say why the month's own archive, and no other, has no
                    // rows at its ends.
                    let is_end = matches!(found, "before_listing" | "after_delisting");
                    let is_unsure = ["no_rows", "not_published", "unknown"].contains(&expected);
                    prop_assert!(found == expected || is_end && is_unsure,
                        "{}: {} is not {}", day, found, expected);
                    held += u64::from(run.state.is_held());
                    missing += u64::from(run.state.is_missing());
                }
                next = run.end.succ_opt().unwrap();
            }
            prop_assert_eq!(next, end.succ_opt().unwrap(), "no day is left out");
            prop_assert!(series.runs.windows(2).all(|pair| pair[0].state != pair[1].state));
            prop_assert_eq!((series.held_days(), series.missing_days()), (held, missing));
        }
    }

    #[test]
    fn without_dates_the_ends_are_days_that_are_held_or_failed(made in made()) {
        let entries: Vec<LedgerEntry> = made.into_iter().map(make).collect();
        for series in covered(entries, "..") {
            for run in series.runs.first().into_iter().chain(series.runs.last()) {
                let failed = matches!(run.state, DayState::Missing(reason) if reason.is_failure());
                prop_assert!(run.state.is_held() || failed, "{:?}", run);
            }
        }
    }
}
