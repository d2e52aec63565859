use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use chrono::{DateTime, Datelike, Days, Utc};
use proptest::prelude::*;

use super::*;
use crate::ledger::{ArchiveStatus, ChecksumState, LedgerEntry};
use crate::listing::{Listed, inventory};
use crate::matrix::Matrix;
use crate::names::archive::ArchiveKey;
use crate::names::market::{Market, Symbol};
use crate::names::period::{DateRange, Period};
use crate::overlap::model;
use crate::selection::{FrequencyPolicy, IntervalFilter, Selection, SymbolFilter, join};

mod arrivals;

fn matrix() -> &'static Matrix {
    static MATRIX: OnceLock<Matrix> = OnceLock::new();
    MATRIX.get_or_init(|| Matrix::builtin().unwrap())
}

fn date(text: &str) -> NaiveDate {
    text.parse::<Period>().unwrap().start()
}

fn time(text: &str) -> DateTime<Utc> {
    date(text).and_time(chrono::NaiveTime::MIN).and_utc()
}

fn selection(data_types: &str, symbols: &str, dates: &str) -> Selection {
    let (start, end) = dates.split_once("..").unwrap();
    let end_of = |text: &str| (!text.is_empty()).then(|| text.parse::<Period>().unwrap().end());
    Selection {
        markets: vec![Market::FuturesUm],
        data_types: data_types.split(',').map(|name| matrix().data_type(name).unwrap()).collect(),
        symbols: SymbolFilter::parse(&symbols.split(',').collect::<Vec<_>>()).unwrap(),
        dates: DateRange { start: (!start.is_empty()).then(|| date(start)), end: end_of(end) },
        ..Selection::default()
    }
}

/// Makes archives out of words such as `trades/BTCUSDT/2024-01` and `klines/BTCUSDT/1h/2024-01-02`.
fn published(words: &[impl AsRef<str>]) -> Vec<Published> {
    let archive = |word: &str| {
        let parts: Vec<&str> = word.split('/').collect();
        let row = matrix().get(Market::FuturesUm, &matrix().data_type(parts[0]).unwrap()).unwrap();
        let interval = (parts.len() == 4).then(|| parts[2].parse().unwrap());
        let path = row.pattern.render(
            &parts[1].parse().unwrap(),
            interval,
            parts[parts.len() - 1].parse().unwrap(),
        );
        let key = matrix().identify(&path).unwrap();
        let etag = Some(format!("etag of {word}"));
        let last_modified = Some(time("2024-06-01"));
        Published {
            key,
            size: Some(100),
            etag,
            last_modified,
            checksum_tag: Some(format!("tag of {word}")),
            has_checksum: Some(true),
        }
    };
    words.iter().map(|word| archive(word.as_ref())).collect()
}

fn entry(published: &Published, status: ArchiveStatus) -> LedgerEntry {
    LedgerEntry {
        key: published.key.clone(),
        status,
        checksum: ChecksumState::Match,
        size: published.size,
        etag: published.etag.clone(),
        last_modified: published.last_modified,
        checksum_tag: published.checksum_tag.clone(),
        sha256: None,
        rows: 1,
        rejected_rows: 0,
        min_time: None,
        max_time: None,
        silver_version: (status == ArchiveStatus::Ingested).then_some(1),
        run: "run".into(),
        recorded_at: time("2024-06-02"),
        reason: None,
        days: None,
        competing_version: None,
    }
}

fn ledger(words: &[&str], status: ArchiveStatus) -> Ledger {
    let mut ledger = Ledger::default();
    for archive in published(words) {
        ledger.insert(entry(&archive, status));
    }
    ledger
}

/// A plan, and the archives that it leaves alone.
struct Decided {
    plan: Plan,
    skipped: Vec<(ArchiveKey, SkipReason)>,
}

/// Plans series by series, as listings come, with the ledger's rows of one series at a time.
fn decide(
    targets: &Targets,
    archives: Vec<Published>,
    ledger: &Ledger,
    options: PlanOptions,
) -> Decided {
    let mut skipped = Vec::new();
    let mut planner = Planner::new(targets, options)
        .on_skip(|it| skipped.push((it.published.key.clone(), it.reason)));
    for archives in by_series(archives) {
        let mut rows = Ledger::default();
        let is_of_series = |entry: &&LedgerEntry| entry.key.series() == archives[0].key.series();
        ledger.entries().filter(is_of_series).for_each(|entry| rows.insert(entry.clone()));
        planner.add(&archives, &rows);
    }
    let plan = planner.finish(Vec::new());
    Decided { plan, skipped }
}

fn plan_of(selection: &Selection, archives: Vec<Published>, ledger: &Ledger) -> Plan {
    decided_of(selection, archives, ledger).plan
}

fn decided_of(selection: &Selection, archives: Vec<Published>, ledger: &Ledger) -> Decided {
    let targets = selection.targets(matrix()).unwrap();
    let options = PlanOptions {
        force: false,
        today: date("2024-06-15"),
        restore: false,
        shard: Shard::default(),
    };
    decide(&targets, archives, ledger, options)
}

/// Returns each archive's period with its decision, in the order of periods.
fn decisions(decided: &Decided) -> Vec<String> {
    let Decided { plan, skipped } = decided;
    let fetched = plan
        .fetch
        .iter()
        .map(|planned| (planned.published.key.period(), planned.reason.to_string()));
    let skipped = skipped.iter().map(|(key, reason)| (key.period(), reason.to_string()));
    let all: BTreeMap<Period, String> = fetched.chain(skipped).collect();
    all.into_iter().map(|(period, reason)| format!("{period} {reason}")).collect()
}

fn keys(plan: &Plan) -> Vec<String> {
    plan.fetch.iter().map(|planned| planned.published.key.file_name().to_owned()).collect()
}

fn decided(dates: &str, words: &[&str], ledger: &Ledger) -> Vec<String> {
    let words: Vec<String> =
        words.iter().map(|period| format!("trades/BTCUSDT/{period}")).collect();
    decisions(&decided_of(&selection("trades", "BTCUSDT", dates), published(&words), ledger))
}

#[test]
fn a_month_is_taken_whole_if_it_is_closed_and_all_of_it_is_wanted() {
    let none = Ledger::default();
    let table: &[(&str, &[&str], &[&str])] = &[
        (
            "..",
            &["2024-01", "2024-01-05"],
            &["2024-01 new", "2024-01-05 covered by the monthly archive"],
        ),
        (
            "2024-01..2024-01",
            &["2024-01", "2024-01-05"],
            &["2024-01 new", "2024-01-05 covered by the monthly archive"],
        ),
        (
            "2024-01-02..2024-01-31",
            &["2024-01", "2024-01-05"],
            &["2024-01 covered by dailies", "2024-01-05 new"],
        ),
        (
            "2024-01-05..2024-01-05",
            &["2024-01", "2024-01-04"],
            &["2024-01 new", "2024-01-04 outside the dates"],
        ),
        (
            "2024-02..",
            &["2024-01", "2024-01-31"],
            &["2024-01 outside the dates", "2024-01-31 outside the dates"],
        ),
        ("..", &["2024-06", "2024-06-01"], &["2024-06 month not closed", "2024-06-01 new"]),
        ("..", &["2024-01-05", "2024-01-06"], &["2024-01-05 new", "2024-01-06 new"]),
    ];
    for (dates, words, expected) in table {
        let mut expected = expected.to_vec();
        expected.sort_by_key(|line| line.split(' ').next().unwrap().parse::<Period>().unwrap());
        assert_eq!(decided(dates, words, &none), expected, "{dates} {words:?}");
    }
}

#[test]
fn what_the_ledger_holds_owns_its_days() {
    let dailies = ledger(&["trades/BTCUSDT/2024-01-05"], ArchiveStatus::Ingested);
    let words = ["2024-01", "2024-01-05", "2024-01-06"];
    let expected = ["2024-01 covered by dailies", "2024-01-05 already ingested", "2024-01-06 new"];
    assert_eq!(decided("2024-01-02..2024-01-31", &words, &dailies), expected);

    let monthly = ledger(&["trades/BTCUSDT/2024-01"], ArchiveStatus::Ingested);
    let expected = ["2024-01 already ingested", "2024-01-05 covered by the monthly archive"];
    assert_eq!(decided("2024-01-02..2024-01-09", &["2024-01", "2024-01-05"], &monthly), expected);
    let unlisted = decided("..", &["2024-01-05"], &monthly);
    assert_eq!(
        unlisted,
        ["2024-01-05 covered by the monthly archive"],
        "also if the monthly is listed no longer"
    );
}

#[test]
fn rows_of_an_older_version_still_own_their_days_when_the_newer_version_failed() {
    let mut held = Ledger::default();
    let monthly = published(&["trades/BTCUSDT/2024-01"]).remove(0);
    held.insert(LedgerEntry {
        silver_version: Some(7),
        ..entry(&monthly, ArchiveStatus::Quarantined)
    });
    let expected =
        ["2024-01 quarantined and unchanged", "2024-01-05 covered by the monthly archive"];
    assert_eq!(decided("..", &["2024-01", "2024-01-05"], &held), expected);
}

#[test]
fn days_are_taken_one_by_one_where_the_monthly_archive_is_known_to_be_bad() {
    for (status, reason) in
        [(ArchiveStatus::Quarantined, "quarantined"), (ArchiveStatus::Rejected, "rejected")]
    {
        let bad = ledger(&["trades/BTCUSDT/2024-01"], status);
        let expected = [format!("2024-01 {reason} and unchanged"), "2024-01-05 new".to_owned()];
        assert_eq!(decided("..", &["2024-01", "2024-01-05"], &bad), expected);
    }
    let failed = ledger(&["trades/BTCUSDT/2024-01"], ArchiveStatus::Failed);
    let expected = ["2024-01 retry after failure", "2024-01-05 covered by the monthly archive"];
    assert_eq!(decided("..", &["2024-01", "2024-01-05"], &failed), expected);
}

#[test]
fn a_frequency_that_was_not_asked_for_is_left_alone() {
    let mut wish = selection("trades", "BTCUSDT", "2024-01-02..2024-01-31");
    let archives = published(&["trades/BTCUSDT/2024-01", "trades/BTCUSDT/2024-01-05"]);
    wish.frequency = FrequencyPolicy::Daily;
    let daily = decisions(&decided_of(&wish, archives.clone(), &Ledger::default()));
    assert_eq!(daily, ["2024-01 not at the requested frequency", "2024-01-05 new"]);
    wish.frequency = FrequencyPolicy::Monthly;
    let monthly = decisions(&decided_of(&wish, archives, &Ledger::default()));
    assert_eq!(monthly, ["2024-01 new", "2024-01-05 not at the requested frequency"]);
}

#[test]
fn intervals_without_a_daily_folder_use_months_that_overlap_the_dates() {
    let wish = selection("klines,fundingRate", "BTCUSDT", "2024-01-05..2024-01-06");
    let words = [
        "klines/BTCUSDT/1w/2024-01",
        "fundingRate/BTCUSDT/2024-01",
        "klines/BTCUSDT/1w/2024-01-05",
    ];
    let plan = plan_of(&wish, published(&words), &Ledger::default());
    assert_eq!(keys(&plan), ["BTCUSDT-fundingRate-2024-01.zip", "BTCUSDT-1w-2024-01.zip"]);
    assert_eq!(plan.skipped.of(SkipReason::CoveredByMonthly), 1, "a stray daily archive of a week");
}

/// Plans one archive that the ledger knows, after the listing and the ledger were changed.
fn known(change: impl Fn(&mut Published, &mut LedgerEntry), force: bool) -> String {
    let mut archive = published(&["trades/BTCUSDT/2024-01"]).remove(0);
    let mut known = entry(&archive, ArchiveStatus::Ingested);
    change(&mut archive, &mut known);
    let mut ledger = Ledger::default();
    ledger.insert(known);
    let targets = selection("trades", "BTCUSDT", "..").targets(matrix()).unwrap();
    let options =
        PlanOptions { force, today: date("2024-06-15"), restore: false, shard: Shard::default() };
    let decided = decide(&targets, vec![archive], &ledger, options);
    decisions(&decided).remove(0).trim_start_matches("2024-01 ").to_owned()
}

#[test]
fn an_archive_is_fetched_again_only_if_the_source_says_something_else() {
    type Change = fn(&mut Published, &mut LedgerEntry);
    let table: [(&str, Change); 12] = [
        ("already ingested", |_, _| {}),
        ("changed at the source", |archive, _| archive.size = Some(101)),
        ("changed at the source", |archive, _| archive.etag = Some("other".to_owned())),
        ("already ingested", |archive, _| archive.last_modified = Some(time("2024-06-03"))),
        ("changed at the source", |archive, entry| {
            (archive.last_modified, entry.etag) = (Some(time("2024-06-03")), None);
        }),
        ("already ingested", |archive, _| {
            (archive.size, archive.etag, archive.last_modified) = (None, None, None);
        }),
        ("changed at the source", |archive, entry| {
            (archive.size, entry.status) = (Some(101), ArchiveStatus::Rejected);
        }),
        ("rejected and unchanged", |_, entry| entry.status = ArchiveStatus::Rejected),
        ("already ingested", |archive, _| archive.checksum_tag = Some("other".to_owned())),
        ("checksum changed", |_, entry| entry.checksum = ChecksumState::Absent),
        ("new", |_, entry| entry.status = ArchiveStatus::NotPublished),
        ("retry after failure", |_, entry| entry.status = ArchiveStatus::Failed),
    ];
    for (at, (expected, change)) in table.into_iter().enumerate() {
        assert_eq!(known(change, false), expected, "row {at}");
    }
    assert_eq!(known(|_, _| {}, true), "forced");
}

/// Plans an archive that was quarantined at a time, after the listing and the ledger were changed.
fn quarantined(at: &str, change: impl Fn(&mut Published, &mut LedgerEntry)) -> String {
    let change = |archive: &mut Published, entry: &mut LedgerEntry| {
        (entry.status, entry.checksum) = (ArchiveStatus::Quarantined, ChecksumState::Mismatch);
        entry.recorded_at = time(at);
        change(archive, entry);
    };
    known(change, false)
}

#[test]
fn bytes_that_did_not_match_are_fetched_again_at_once_only_if_the_source_says_something_else() {
    let unchanged = "quarantined and unchanged";
    assert_eq!(quarantined("2024-06-15", |_, _| {}), unchanged);
    let changed = quarantined("2024-06-15", |archive, _| archive.etag = Some("new".to_owned()));
    assert_eq!(changed, "changed at the source");
    let unknown = |archive: &mut Published, _: &mut LedgerEntry| archive.checksum_tag = None;
    assert_eq!(quarantined("2024-06-15", unknown), unchanged, "nothing is known of the checksum");
    let older = |_: &mut Published, entry: &mut LedgerEntry| entry.checksum_tag = None;
    assert_eq!(quarantined("2024-06-15", older), "checksum changed", "a row of an older program");
    let corrected = |archive: &mut Published, _: &mut LedgerEntry| {
        archive.checksum_tag = Some("new".to_owned());
    };
    for clock in ["2024-06-15", "2024-06-14", "2031-01-01"] {
        assert_eq!(quarantined(clock, corrected), "checksum changed", "recorded on {clock}");
    }
}

#[test]
fn bytes_that_may_have_been_damaged_on_the_way_are_fetched_again_on_another_day() {
    let again = "retry of bytes that may have been damaged on the way";
    for day in ["2024-06-14", "2024-06-16", "2031-01-01", "1970-01-01"] {
        assert_eq!(quarantined(day, |_, _| {}), again, "last tried on {day}");
    }
    let rejected = |checksum: ChecksumState, at: &str| {
        quarantined(at, move |archive, entry| {
            (entry.status, entry.checksum) = (ArchiveStatus::Rejected, checksum);
            archive.has_checksum = Some(false);
        })
    };
    for checksum in [ChecksumState::Absent, ChecksumState::Unchecked] {
        assert_eq!(rejected(checksum, "2024-06-14"), again);
        assert_eq!(rejected(checksum, "2024-06-15"), "rejected and unchanged");
    }
    let as_published = rejected(ChecksumState::Match, "2024-06-14");
    assert_eq!(as_published, "rejected and unchanged", "its bytes are as published");
}

#[test]
fn days_are_taken_one_by_one_while_the_bytes_of_the_month_are_bad_day_after_day() {
    let mut bad = Ledger::default();
    for archive in published(&["trades/BTCUSDT/2024-01"]) {
        let checksum = ChecksumState::Mismatch;
        bad.insert(LedgerEntry { checksum, ..entry(&archive, ArchiveStatus::Quarantined) });
    }
    let again = "2024-01 retry of bytes that may have been damaged on the way";
    assert_eq!(decided("..", &["2024-01", "2024-01-05"], &bad), [again, "2024-01-05 new"]);
}

#[test]
fn archives_of_other_symbols_intervals_and_data_types_are_passed_over() {
    let mut wish = selection("klines", "BTC*", "..");
    wish.intervals = IntervalFilter::Everywhere(vec!["1h".to_owned()]);
    let words = [
        "klines/BTCUSDT/1h/2024-01",
        "klines/BTCUSDT/1m/2024-01",
        "klines/ETHUSDT/1h/2024-01",
        "trades/BTCUSDT/2024-01",
    ];
    let plan = plan_of(&wish, published(&words), &Ledger::default());
    assert_eq!((keys(&plan), plan.skipped.len()), (vec!["BTCUSDT-1h-2024-01.zip".to_owned()], 0));
}

#[test]
fn an_archive_that_is_listed_twice_is_planned_once() {
    let wish = selection("trades", "BTCUSDT", "..");
    let plan = plan_of(
        &wish,
        published(&["trades/BTCUSDT/2024-01", "trades/BTCUSDT/2024-01"]),
        &Ledger::default(),
    );
    assert_eq!((plan.fetch.len(), plan.skipped.len()), (1, 0));
}

#[test]
fn a_name_of_which_nothing_is_published_is_told() {
    let wish = selection("trades,aggTrades", "BTCUSDT,BTCUSD_PERP", "..");
    let plan = plan_of(
        &wish,
        published(&["trades/BTCUSDT/2024-01", "aggTrades/BTCUSDT/2024-01"]),
        &Ledger::default(),
    );
    let notes: Vec<_> = plan.notes.iter().map(ToString::to_string).collect();
    assert_eq!(notes, ["futures_um trades, aggTrades: no archive is published for BTCUSD_PERP"]);
}

#[test]
fn a_name_is_absent_if_nothing_is_published_of_it_in_any_data_type() {
    let wish = selection("trades,aggTrades", "BTCUSDT,ETHUSDT,btcusdt", "..");
    let plan = plan_of(
        &wish,
        published(&["trades/BTCUSDT/2024-01", "aggTrades/ETHUSDT/2024-01"]),
        &Ledger::default(),
    );
    assert_eq!(plan.absent, ["btcusdt"]);
    let wish = selection("trades,aggTrades", "BTC*,eth*,ETHUSDT,btcusdt,!XRP*", "..");
    let plan = plan_of(&wish, published(&["trades/BTCUSDT/2024-01"]), &Ledger::default());
    assert_eq!(plan.absent, ["ETHUSDT", "btcusdt", "eth*"]);
}

#[test]
fn what_bounded_dates_expect_and_nobody_published_is_missing_in_ranges() {
    let wish = selection("trades", "BTCUSDT", "2024-05-28..2024-12-31");
    let days = ["2024-05-28", "2024-05-31", "2024-06-01", "2024-06-10"]
        .map(|day| format!("trades/BTCUSDT/{day}"));
    let plan = plan_of(&wish, published(&days), &Ledger::default());
    let ranges: Vec<_> = plan.missing[0].ranges.iter().map(ToString::to_string).collect();
    assert_eq!(
        ranges,
        ["2024-05-29 to 2024-05-30", "2024-06-02 to 2024-06-09", "2024-06-11 to 2024-06-14"]
    );
    assert_eq!(plan.missing[0].archives, 2 + 8 + 4);

    let open = selection("trades", "BTCUSDT", "2024-05-28..");
    assert!(plan_of(&open, published(&days), &Ledger::default()).missing.is_empty());
}

#[test]
fn days_of_a_published_month_and_months_that_are_not_over_are_not_missing() {
    let wish = selection("trades,fundingRate", "BTCUSDT", "2024-03..2024-06");
    let words = ["trades/BTCUSDT/2024-03", "trades/BTCUSDT/2024-05", "fundingRate/BTCUSDT/2024-03"];
    let plan = plan_of(&wish, published(&words), &Ledger::default());
    let ranges: Vec<_> = plan
        .missing
        .iter()
        .map(|missing| (missing.series.data_type.as_str(), join(&missing.ranges)))
        .collect();
    assert_eq!(ranges[0], ("fundingRate", "2024-04-01 to 2024-05-31".to_owned()));
    assert_eq!(
        ranges[1],
        ("trades", "2024-04-01 to 2024-04-30, 2024-06-01 to 2024-06-14".to_owned())
    );
}

#[test]
fn an_interval_that_was_asked_for_and_has_nothing_is_missing() {
    let mut wish = selection("klines", "BTCUSDT,ETHUSDT", "2024-03-01..2024-03-02");
    wish.intervals = IntervalFilter::Everywhere(vec!["1h".to_owned(), "4h".to_owned()]);
    let words = ["klines/BTCUSDT/1h/2024-03-01", "klines/BTCUSDT/1h/2024-03-02"];
    let plan = plan_of(&wish, published(&words), &Ledger::default());
    let missing: Vec<_> =
        plan.missing.iter().map(|missing| (missing.series.to_string(), missing.archives)).collect();
    assert_eq!(missing, [("futures_um/klines/BTCUSDT/4h".to_owned(), 2)]);
    assert!(plan.notes.iter().any(|note| note.text.contains("ETHUSDT")), "{:?}", plan.notes);
}

#[test]
fn batches_hold_one_table_and_near_dates() {
    let wish = selection("trades,aggTrades", "*", "..");
    let mut words = Vec::new();
    for day in 1..=3 {
        for name in ["BTCUSDT", "ETHUSDT", "ADAUSDT"] {
            words.extend(
                ["trades", "aggTrades"]
                    .map(|data_type| format!("{data_type}/{name}/2024-06-0{day}")),
            );
        }
    }
    let plan = plan_of(&wish, published(&words), &Ledger::default());
    let batches: Vec<Batch> = plan.batches(BatchLimits::of_archives(3)).collect();
    let days: Vec<BTreeSet<_>> = batches
        .iter()
        .map(|batch| batch.archives.iter().map(|planned| planned.published.key.period()).collect())
        .collect();
    assert!(days.iter().all(|days| days.len() == 1), "three symbols of one day each: {days:?}");
    let tables: Vec<_> = batches.iter().map(|batch| batch.table.as_ref()).collect();
    assert_eq!(tables, ["agg_trades", "agg_trades", "agg_trades", "trades", "trades", "trades"]);
    let of_none = BatchLimits::of_archives(0);
    assert_eq!(plan.batches(of_none).count(), 18, "a size of zero is one");
}

#[test]
fn batches_hold_as_many_bytes_as_they_may_and_never_none() {
    let wish = selection("trades", "*", "..");
    let days: Vec<String> = (1..=6).map(|day| format!("trades/BTCUSDT/2024-06-0{day}")).collect();
    let mut inventory = published(&days);
    for (archive, size) in inventory.iter_mut().zip([60, 40, 1, 500, 100, 30]) {
        archive.size = Some(size);
    }
    let plan = plan_of(&wish, inventory, &Ledger::default());
    let limits = BatchLimits { archives: 2_000, bytes: 100 };
    let batches: Vec<usize> = plan.batches(limits).map(|batch| batch.archives.len()).collect();
    assert_eq!(batches, [2, 1, 1, 1, 1]);
    assert_eq!(plan.batches(BatchLimits::default()).count(), 1);
}

#[test]
fn the_summary_counts_archives_and_bytes_by_reason() {
    let held = ledger(&["trades/BTCUSDT/2024-01"], ArchiveStatus::Ingested);
    let wish = selection("trades", "BTCUSDT", "..");
    let words = ["2024-01", "2024-02", "2024-03", "2024-03-01"]
        .map(|period| format!("trades/BTCUSDT/{period}"));
    let plan = plan_of(&wish, published(&words), &held);
    let rows: Vec<_> = plan
        .summary()
        .into_iter()
        .map(|row| (row.action, row.reason, row.archives, row.bytes))
        .collect();
    let row =
        |action, reason: &str, archives| (action, reason.to_owned(), archives, archives * 100);
    let expected = [
        row("fetch", "new", 2),
        row("skip", "already ingested", 1),
        row("skip", "covered by the monthly archive", 1),
    ];
    assert_eq!(rows, expected);
    assert_eq!(plan.bytes(), 200);
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["summary"][0]["market"], "futures_um");
    assert_eq!(json["fetch"][0]["reason"], "new");
    assert_eq!(json["summary"][2]["reason"], "covered by the monthly archive");
    assert!(json.get("skip").is_none(), "what is left alone is only counted");
}

#[test]
fn a_month_that_comes_beside_dailies_is_compared_with_them() {
    let dailies = ledger(&["trades/BTCUSDT/2024-01-05"], ArchiveStatus::Ingested);
    let expected = [
        "2024-01 compare with the other copy",
        "2024-01-05 already ingested",
        "2024-01-06 covered by the monthly archive",
    ];
    assert_eq!(decided("..", &["2024-01", "2024-01-05", "2024-01-06"], &dailies), expected);
}

/// Plans a daily archive whose day a monthly one holds, after listing and ledger were changed.
fn next_to_month(
    frequency: FrequencyPolicy,
    change: impl Fn(&mut Published, &mut LedgerEntry),
) -> String {
    let mut archives = published(&["klines/BTCUSDT/1h/2024-01", "klines/BTCUSDT/1h/2024-01-05"]);
    let (start, end) = (time("2024-01-01"), time("2024-02-01") - chrono::TimeDelta::hours(1));
    let (min_time, max_time, rows) = (Some(start), Some(end), 31 * 24);
    let mut month =
        LedgerEntry { min_time, max_time, rows, ..entry(&archives[0], ArchiveStatus::Ingested) };
    change(&mut archives[1], &mut month);
    let mut ledger = Ledger::default();
    ledger.insert(month);
    let wish = Selection { frequency, ..selection("klines", "BTCUSDT", "..") };
    let daily = archives.remove(1);
    decisions(&decided_of(&wish, vec![daily], &ledger))
        .remove(0)
        .trim_start_matches("2024-01-05 ")
        .to_owned()
}

#[test]
fn a_day_that_a_month_holds_is_fetched_only_if_something_speaks_for_it() {
    let (covered, compare) = ("covered by the monthly archive", "compare with the other copy");
    let auto = FrequencyPolicy::Auto;
    assert_eq!(next_to_month(auto, |_, _| {}), covered);
    assert_eq!(next_to_month(FrequencyPolicy::Daily, |_, _| {}), compare, "it was requested");
    assert_eq!(
        next_to_month(auto, |daily, _| daily.last_modified = Some(time("2024-06-02"))),
        compare,
        "it is newer"
    );
    assert_eq!(
        next_to_month(auto, |_, month| month.rows -= 1),
        compare,
        "the month lacks a bar, on whichever day"
    );
    let early = |_: &mut Published, month: &mut LedgerEntry| {
        month.max_time = Some(time("2024-01-05") + chrono::TimeDelta::hours(9));
        month.rows = 4 * 24 + 10;
        month.days = Some("1-5".parse().unwrap());
    };
    assert_eq!(next_to_month(auto, early), compare, "the month ends on this day, hours early");
    let unheld =
        |_: &mut Published, month: &mut LedgerEntry| month.days = Some("1-4,6-31".parse().unwrap());
    assert_eq!(next_to_month(auto, unheld), "new", "the month has no rows of the day");
}

/// Records a plan as done: everything that was to be fetched has a row of each of its days.
fn apply(ledger: &mut Ledger, plan: &Plan) {
    for planned in plan.fetch.iter() {
        let known = entry(&planned.published, ArchiveStatus::Ingested);
        model::land(ledger, LedgerEntry { sha256: Some("1".into()), ..known }, &|_, _, _| 1);
    }
}

/// Returns the days of every ingested archive of a series, each as often as it is held.
fn held_days(ledger: &Ledger) -> BTreeMap<(String, NaiveDate), usize> {
    let mut days = BTreeMap::new();
    for entry in ledger.entries() {
        let owned = entry.owned_days().dates(entry.key.period());
        owned.for_each(|day| *days.entry((entry.key.series().to_string(), day)).or_default() += 1);
    }
    days
}

#[derive(Clone, Debug)]
struct World {
    archives: Vec<String>,
    bad: Vec<(usize, bool)>,
    selections: Vec<(u64, u64, FrequencyPolicy, bool)>,
}

/// Makes archives of two series over four months, some of them bad, and selections that follow each
/// other.
fn world() -> impl Strategy<Value = World> {
    let day = |at: u64| date("2024-03-01") + Days::new(at);
    let period = (0_u64..120, prop::bool::weighted(0.1)).prop_map(move |(at, monthly)| {
        let day = day(at);
        if monthly { Period::month_of(day) } else { Period::day(day) }
    });
    let series =
        prop::sample::select(vec!["trades/BTCUSDT", "klines/BTCUSDT/1h", "klines/ETHUSDT/1w"]);
    let archives = prop::collection::btree_set((series, period), 1..120);
    let words = archives.prop_map(|set| {
        set.into_iter().map(|(series, period)| format!("{series}/{period}")).collect()
    });
    let policies = vec![FrequencyPolicy::Auto, FrequencyPolicy::Daily, FrequencyPolicy::Monthly];
    let selection =
        (0_u64..120, 0_u64..120, prop::sample::select(policies), prop::bool::weighted(0.1));
    let bad = prop::collection::vec((0_usize..120, any::<bool>()), 0..10);
    (words, bad, prop::collection::vec(selection, 1..5))
        .prop_map(|(archives, bad, selections)| World { archives, bad, selections })
}

proptest! {
    #![proptest_config(crate::tests::cases(200))]

    #[test]
    fn no_day_is_ever_owned_twice_and_a_plan_that_was_done_leaves_nothing_to_do(world in world()) {
        let archives = published(&world.archives);
        let mut ledger = Ledger::default();
        for (at, rejected) in &world.bad {
            if let Some(archive) = archives.get(*at) {
                let status = match *rejected {
                    true => ArchiveStatus::Rejected,
                    false => ArchiveStatus::Quarantined,
                };
                ledger.insert(entry(archive, status));
            }
        }
        for (from, days, frequency, force) in &world.selections {
            let mut wish = selection("trades,klines", "BTCUSDT,ETHUSDT", "..");
            let start = date("2024-03-01") + Days::new(*from);
            wish.dates = DateRange { start: Some(start), end: Some(start + Days::new(*days)) };
            wish.frequency = *frequency;
            let targets = wish.targets(matrix()).unwrap();
            let today = date("2024-06-15");
            let shard = Shard::default();
            let options = PlanOptions { force: *force, today, restore: false, shard };
            let inventory = || Inventory { archives: archives.clone(), unknown: Vec::new() };
            let Decided { plan: planned, skipped } =
                decide(&targets, archives.clone(), &ledger, options);
            let at_once = plan(&targets, inventory(), &ledger, options);
            prop_assert!(planned.fetch.iter().eq(at_once.fetch.iter()));
            prop_assert_eq!(&planned.skipped, &at_once.skipped);

            let fetched = planned.fetch.iter().map(|planned| planned.published.key);
            let skipped = skipped.into_iter().map(|(key, _)| key);
            let decided: Vec<ArchiveKey> = fetched.chain(skipped).collect();
            prop_assert_eq!(decided.len(), archives.len());
            prop_assert_eq!(decided.into_iter().collect::<BTreeSet<_>>().len(), archives.len());

            apply(&mut ledger, &planned);
            for ((series, day), owners) in held_days(&ledger) {
                prop_assert_eq!(owners, 1, "{} {}", series, day);
            }
            let unforced = PlanOptions { force: false, ..options };
            let again = plan(&targets, inventory(), &ledger, unforced);
            apply(&mut ledger, &again);
            let third = plan(&targets, inventory(), &ledger, unforced);
            prop_assert!(third.is_empty(), "{:?}", keys(&third));
        }
    }

    #[test]
    fn every_day_of_the_dates_that_somebody_published_is_held_in_the_end(world in world()) {
        let archives = published(&world.archives);
        let wish = selection("trades,klines", "BTCUSDT,ETHUSDT", "2024-03..2024-05");
        let planned = plan_of(&wish, archives.clone(), &Ledger::default());
        let mut ledger = Ledger::default();
        apply(&mut ledger, &planned);
        let held = held_days(&ledger);
        for archive in &archives {
            let (key, period) = (&archive.key, archive.key.period());
            if wish.dates.overlaps(period) && period.start().month() < 6 {
                let day = (key.series().to_string(), period.start());
                prop_assert!(held.contains_key(&day), "{}", key);
            }
        }
    }
}

#[test]
fn symbols_that_are_not_ascii_are_planned_like_all_others() {
    let wish = selection("trades", "币安人生USDT", "..");
    let plan = plan_of(&wish, published(&["trades/币安人生USDT/2024-01"]), &Ledger::default());
    let symbol: Symbol = "币安人生USDT".parse().unwrap();
    assert_eq!(plan.fetch.iter().next().unwrap().published.key.symbol(), &symbol);
}

#[test]
fn what_is_planned_comes_back_with_all_that_the_listing_said() {
    let mut archives = published(&["trades/BTCUSDT/2024-01", "trades/ETHUSDT/2024-02-01"]);
    let etags = [Some("0123456789abcdef0123456789abcdef"), Some("\"W/7\""), None];
    archives.extend(published(&["klines/BTCUSDT/1mo/2024-03"]));
    for (archive, etag) in archives.iter_mut().zip(etags) {
        archive.etag = etag.map(str::to_owned);
        (archive.size, archive.last_modified) = (None, Some(time("2024-06-03")));
    }
    let wish = selection("trades,klines", "*", "..");
    let mut planned: Vec<Published> = plan_of(&wish, archives.clone(), &Ledger::default())
        .fetch
        .iter()
        .map(|planned| Published { has_checksum: Some(true), ..planned.published })
        .collect();
    planned.sort_by(|a, b| a.key.cmp(&b.key));
    archives.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(planned, archives);
}

/// Lists the files below a folder with their keys.
fn listed(root: &Path, folder: &Path, found: &mut Vec<Listed>) {
    for file in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = file.path();
        if path.is_dir() {
            listed(root, &path, found);
        } else {
            let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push(Listed {
                key,
                size: file.metadata().unwrap().len(),
                etag: None,
                last_modified: None,
            });
        }
    }
}

#[test]
#[cfg_attr(not(real_archives), ignore = "there is no ../shared/archives")]
fn a_selection_of_everything_takes_each_of_the_real_archives() {
    let mut objects = Vec::new();
    for root in crate::tests::archive_folders() {
        listed(&root, &root.join("data"), &mut objects);
    }
    let zips = objects.iter().filter(|object| object.key.ends_with(".zip")).count();
    let targets = Selection::default().targets(matrix()).unwrap();
    let options = PlanOptions {
        force: false,
        today: date("2026-11-20"),
        restore: false,
        shard: Shard::default(),
    };
    let plan = plan(&targets, inventory(objects, matrix()), &Ledger::default(), options);
    let skipped = usize::try_from(plan.skipped.len()).unwrap();
    assert_eq!((plan.fetch.len() + skipped, plan.unknown.len()), (zips, 0));
    assert_eq!(plan.skipped.of(SkipReason::CoveredByMonthly), plan.skipped.len());
    assert!(plan.fetch.len() > skipped);
}
