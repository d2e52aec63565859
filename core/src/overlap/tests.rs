use super::*;
use crate::names::market::Interval;
use crate::schema::Schemas;

fn date(text: &str) -> NaiveDate {
    text.parse::<Period>().unwrap().start()
}

/// Measures a copy of 2024-02-03: an id and a time of day in minutes for each row.
fn evidence(measure: Continuity, rows: impl IntoIterator<Item = (i64, i64)>) -> DayEvidence {
    let start = date("2024-02-03").and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
    let mut meter = DayMeter::new(measure);
    rows.into_iter().for_each(|(id, minute)| meter.push(start + minute * 60_000_000, Some(id)));
    meter.evidence()
}

fn decided(owner: Frequency, current: DayEvidence, incoming: DayEvidence) -> (bool, String) {
    let decision = decide_day(date("2024-02-03"), owner, current, incoming);
    (decision.incoming_wins(), explain(&[decision]))
}

#[test]
fn the_measure_follows_from_the_schema_and_the_interval() {
    let schemas = Schemas::builtin().unwrap();
    let measure = |table: &str, interval: Option<&str>| {
        let interval = interval.map(|text| text.parse::<Interval>().unwrap());
        Continuity::of(schemas.get(table).unwrap(), interval)
    };
    assert_eq!(measure("klines", Some("1m")), Continuity::Bars(60));
    assert_eq!(measure("mark_price_klines", Some("1d")), Continuity::Bars(86_400));
    assert_eq!(measure("klines", Some("1w")), Continuity::Span, "a day holds no part of a week");
    assert_eq!(
        (measure("trades", None), measure("agg_trades", None)),
        (Continuity::Ids, Continuity::Ids)
    );
    assert_eq!(
        (measure("metrics", None), measure("book_depth", None)),
        (Continuity::Span, Continuity::Span)
    );
    assert_eq!(measure("liquidation_snapshot", None), Continuity::Span);
}

#[test]
fn bars_that_are_missing_or_said_twice_are_counted_in_any_order() {
    let hourly = Continuity::Bars(3_600);
    let all = evidence(hourly, (0..24).map(|hour| (0, hour * 60)));
    assert_eq!((all.rows, all.repeated, all.gaps), (24, 0, Some(0)));
    let holes = evidence(hourly, [5, 3, 3, 23, 0].map(|hour| (0, hour * 60)));
    assert_eq!((holes.rows, holes.repeated, holes.gaps, holes.distinct()), (5, 1, Some(20), 4));
    assert_eq!(holes.span(), chrono::TimeDelta::hours(23));
}

#[test]
fn interleaved_streams_of_ids_are_one_gap_and_not_one_at_every_line() {
    let interleaved = (0..100).flat_map(|at| [(1_000 + at, at), (5_000 + at, at)]);
    let both = evidence(Continuity::Ids, interleaved);
    assert_eq!((both.rows, both.repeated, both.gaps), (200, 0, Some(1)));
    let shuffled = evidence(Continuity::Ids, (0..99).map(|at| (at * 50 % 99, at)));
    assert_eq!(
        (shuffled.repeated, shuffled.gaps),
        (0, Some(0)),
        "any order of one stream is whole"
    );
    let twice = evidence(Continuity::Ids, [1, 2, 2, 3, 1].map(|id| (id, 0)));
    assert_eq!((twice.rows, twice.repeated, twice.gaps), (5, 2, Some(0)));
}

#[test]
fn ids_that_never_follow_each_other_are_not_measured_by_gaps() {
    let sparse = evidence(Continuity::Ids, (0..100_000).map(|at| (at * 7, 0)));
    assert_eq!((sparse.rows, sparse.repeated, sparse.gaps), (100_000, 0, None));
}

#[test]
fn more_rows_win_then_fewer_gaps_and_a_copy_that_is_no_better_changes_nothing() {
    let minute = Continuity::Bars(60);
    let bars = |count: i64| evidence(minute, (0..count).map(|at| (0, at)));
    let (wins, text) = decided(Frequency::Daily, bars(1_439), bars(1_440));
    let expected = "2024-02-03: monthly 1440 rows, daily 1439 rows and 1 gap: monthly owns the day";
    assert_eq!((wins, text.as_str()), (true, expected));
    let (wins, text) = decided(Frequency::Monthly, bars(1_440), bars(1_440));
    let expected = "2024-02-03: monthly 1440 rows, daily 1440 rows: as complete as each other, \
    monthly keeps the day";
    assert_eq!((wins, text.as_str()), (false, expected));
    let ids = |ids: [i64; 4]| evidence(Continuity::Ids, ids.map(|id| (id, 0)));
    let (wins, text) = decided(Frequency::Daily, ids([1, 2, 8, 9]), ids([1, 2, 3, 4]));
    let expected = "2024-02-03: monthly 4 rows, daily 4 rows and 1 gap: monthly owns the day";
    assert_eq!((wins, text.as_str()), (true, expected));
}

#[test]
fn rows_that_are_repeated_make_a_copy_no_more_complete() {
    let ids = |ids: &[i64]| evidence(Continuity::Ids, ids.iter().map(|id| (*id, 0)));
    let (wins, text) = decided(Frequency::Daily, ids(&[1, 2, 3]), ids(&[1, 1, 2, 2, 3]));
    assert!(!wins && text.contains("monthly 5 rows (2 of them repeated), daily 3 rows"), "{text}");
}

#[test]
fn where_gaps_mean_nothing_the_copy_that_reaches_further_wins() {
    let rows = |minutes: [i64; 2]| evidence(Continuity::Span, minutes.map(|minute| (0, minute)));
    let (wins, text) = decided(Frequency::Monthly, rows([0, 700]), rows([0, 1_400]));
    assert!(
        wins && text.ends_with("the rows of daily reach further, daily owns the day"),
        "{text}"
    );
}

#[test]
fn neighbouring_days_of_one_outcome_are_told_as_one() {
    let hours =
        |count: i64| evidence(Continuity::Bars(3_600), (0..count).map(|hour| (0, hour * 60)));
    let day = |day: u32, monthly: i64| {
        let day = NaiveDate::from_ymd_opt(2024, 2, day).unwrap();
        decide_day(day, Frequency::Daily, hours(23), hours(monthly))
    };
    let text = explain(&[day(1, 24), day(2, 24), day(3, 12), day(5, 23)]);
    let expected = "2024-02-01 to 2024-02-02: monthly 48 rows, daily 46 rows and 2 gaps: monthly \
    owns the 2 days; \
                    2024-02-03: monthly 12 rows and 12 gaps, daily 23 rows and 1 gap: daily owns \
                    the day; \
                    2024-02-05: monthly 23 rows and 1 gap, daily 23 rows and 1 gap: as complete \
                    as each other, daily keeps the day";
    assert_eq!(text, expected);
}

#[test]
fn rows_with_other_values_are_counted_where_both_copies_have_the_same_rows() {
    let copy = |rows: &[(i64, u64)]| {
        let mut meter = DayMeter::new(Continuity::Ids);
        for (id, values) in rows {
            meter.push(*id, Some(*id));
            meter.push_values(*id, Some(*id), values << 32);
        }
        meter.evidence()
    };
    let rows = [(1, 11), (2, 12), (3, 13), (4, 14)];
    let differing = |incoming: &[(i64, u64)]| {
        let (day, current) = (date("2024-02-03"), copy(&rows));
        decide_day(day, Frequency::Daily, current, copy(incoming)).differing()
    };
    assert_eq!(differing(&[(4, 14), (2, 12), (1, 11), (3, 13)]), 0, "whatever their order");
    assert_eq!(differing(&[(1, 11), (2, 99), (3, 13), (4, 14)]), 1);
    assert_eq!(differing(&[(1, 11), (2, 99), (3, 98), (4, 14)]), 2);
    assert_eq!(differing(&rows[..3]), 0, "a row less says enough");
    let (monthly, daily) = (copy(&[(1, 11), (2, 99)]), copy(&rows[..2]));
    let (_, text) = decided(Frequency::Daily, daily, monthly);
    assert_eq!(
        text,
        "2024-02-03: monthly 2 rows, daily 2 rows, 1 row or more with other values: as complete as \
         each other, daily keeps the day"
    );
}
