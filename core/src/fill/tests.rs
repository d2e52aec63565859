use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, Utc};

use super::*;
use crate::matrix::Matrix;
use crate::names::archive::Series;
use crate::names::market::{DataType, Market};
use crate::names::period::DateRange;
use crate::schema::Schemas;

fn endpoints() -> Endpoints {
    Endpoints::builtin(&Matrix::builtin().unwrap(), &Schemas::builtin().unwrap()).unwrap()
}

fn time(text: &str) -> DateTime<Utc> {
    format!("{}Z", text.replace(' ', "T")).parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn range(from: &str, until: &str) -> TimeRange {
    TimeRange { from: time(from), until: time(until) }
}

fn series(market: Market, data_type: &str, interval: &str) -> Series {
    let interval = (!interval.is_empty()).then(|| interval.parse().unwrap());
    let data_type = DataType::new(data_type);
    Series { market, data_type, symbol: "BTCUSDT".parse().unwrap(), interval }
}

/// A series of spot bars that the archive has from 1 to 7 May 2026.
fn state(interval: &str) -> SeriesState {
    SeriesState {
        series: series(Market::Spot, "klines", interval),
        first_day: day("2026-05-01"),
        owned: (1..=7)
            .map(|of_month| NaiveDate::from_ymd_opt(2026, 5, of_month).unwrap())
            .collect(),
        recent: Vec::new(),
        gaps: Vec::new(),
    }
}

fn plan(state: SeriesState, now: &str) -> FillPlan {
    FillPlan::new(&[state], &endpoints(), DateRange::default(), time(now))
}

fn missing(state: SeriesState, now: &str) -> Vec<TimeRange> {
    plan(state, now).series.pop().map(|fill| fill.missing).unwrap_or_default()
}

#[test]
fn every_endpoint_belongs_to_a_combination_and_spells_what_it_needs() {
    let endpoints = endpoints();
    assert_eq!(endpoints.iter().count(), 13);
    for endpoint in endpoints.iter() {
        assert!(endpoint.base.starts_with("https://") && endpoint.path.starts_with('/'));
        assert!(endpoint.weight(endpoint.limit) <= endpoint.minute / 10, "{}", endpoint.path);
    }
}

#[test]
fn what_no_archive_owns_is_missing_up_to_the_last_bar_that_is_over() {
    let found = missing(state("1m"), "2026-05-09 12:34:56");
    assert_eq!(found, [range("2026-05-08 00:00:00", "2026-05-09 12:34:00")]);
    let found = missing(state("4h"), "2026-05-09 12:34:56");
    assert_eq!(found, [range("2026-05-08 00:00:00", "2026-05-09 12:00:00")]);
    let found = missing(state("1d"), "2026-05-09 23:59:59");
    assert_eq!(found, [range("2026-05-08 00:00:00", "2026-05-09 00:00:00")]);
}

#[test]
fn nothing_is_missing_before_the_first_archive_nor_where_rows_are_provisional() {
    let mut state = state("1m");
    state.owned.remove(&day("2026-05-03"));
    state.recent = vec![
        range("2026-05-08 00:00:00", "2026-05-08 06:00:00"),
        range("2026-05-08 06:01:00", "2026-05-09 00:00:00"),
    ];
    let found = missing(state, "2026-05-09 00:02:30");
    let expected = [
        range("2026-05-03 00:00:00", "2026-05-04 00:00:00"),
        range("2026-05-08 06:00:00", "2026-05-08 06:01:00"),
        range("2026-05-09 00:00:00", "2026-05-09 00:02:00"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_gap_of_the_archive_is_missing_however_old_until_it_is_filled() {
    let mut state = state("1m");
    state.gaps = vec![range("2026-05-02 10:00:00", "2026-05-02 10:03:00")];
    state.recent = vec![range("2026-05-02 10:01:00", "2026-05-02 10:02:00")];
    let found = missing(state, "2026-05-08 00:00:30");
    let expected = [
        range("2026-05-02 10:00:00", "2026-05-02 10:01:00"),
        range("2026-05-02 10:02:00", "2026-05-02 10:03:00"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_selection_of_days_bounds_what_is_missing() {
    let days = DateRange { start: Some(day("2026-05-09")), end: Some(day("2026-05-10")) };
    let now = time("2026-05-12 01:00:00");
    let plan = FillPlan::new(&[state("1h")], &endpoints(), days, now);
    assert_eq!(plan.series[0].missing, [range("2026-05-09 00:00:00", "2026-05-11 00:00:00")]);
}

#[test]
fn requests_have_no_more_rows_than_the_limit_and_follow_each_other() {
    let plan = plan(state("1m"), "2026-05-09 12:34:56");
    let ranges: Vec<TimeRange> = plan.requests.iter().map(|request| request.range).collect();
    assert_eq!(ranges.first().unwrap().from, time("2026-05-08 00:00:00"));
    assert_eq!(ranges.last().unwrap().until, time("2026-05-09 12:34:00"));
    assert!(ranges.windows(2).all(|pair| pair[0].until == pair[1].from));
    let rows: Vec<u32> = plan.requests.iter().map(|request| request.rows).collect();
    assert_eq!(rows, [1000, 1000, 194]);
    assert_eq!(plan.weight(), 6);
}

#[test]
fn a_request_names_the_first_and_the_last_millisecond_of_its_range() {
    let plan = plan(state("1h"), "2026-05-08 03:00:00");
    let endpoints = endpoints();
    let endpoint = endpoints.get(Market::Spot, &DataType::new("klines")).unwrap();
    let expected = [
        ("symbol", "BTCUSDT"),
        ("interval", "1h"),
        ("startTime", "1778198400000"),
        ("endTime", "1778209199999"),
        ("limit", "3"),
    ];
    let expected = expected.map(|(name, value)| (name, value.to_owned()));
    assert_eq!(endpoint.parameters_of(&plan.requests[0]), expected);
}

#[test]
fn a_bar_of_several_days_belongs_to_its_last_one() {
    let mut state = state("1w");
    state.owned =
        (1..=31).map(|of_month| NaiveDate::from_ymd_opt(2026, 5, of_month).unwrap()).collect();
    let plan = plan(state, "2026-06-09 12:00:00");
    let request = &plan.requests[0];
    assert_eq!(request.range, range("2026-06-01 00:00:00", "2026-06-09 12:00:00"));
    assert_eq!(request.first, time("2026-05-25 00:00:00.001"));
    // Mondays: 25 May ends in May, 1 June in June, 8 June is not over.
    let body = bars(&[("2026-05-25", 7), ("2026-06-01", 7), ("2026-06-08", 7)]);
    let answer = read(request, &body, "2026-06-09 12:00:00");
    assert_eq!((answer.rows(), answer.outside, answer.partial), (1, 1, 1));
}

#[test]
fn a_data_type_that_the_api_does_not_have_is_counted() {
    let mut other = state("");
    other.series = series(Market::Spot, "trades", "");
    let plan = plan(other, "2026-05-09 12:00:00");
    assert_eq!(plan.unavailable[&(Market::Spot, DataType::new("trades"))], 1);
    assert!(plan.requests.is_empty());
}

#[test]
fn funding_is_requested_by_the_month_without_a_grid() {
    let mut funding = state("");
    funding.series = series(Market::FuturesUm, "fundingRate", "");
    funding.owned = BTreeSet::new();
    let plan = plan(funding, "2026-06-10 00:00:01");
    let ranges: Vec<TimeRange> = plan.requests.iter().map(|request| request.range).collect();
    let expected = [
        range("2026-05-01 00:00:00", "2026-05-31 00:00:00"),
        range("2026-05-31 00:00:00", "2026-06-10 00:00:01"),
    ];
    assert_eq!(ranges, expected);
    let body = br#"[{"symbol":"BTCUSDT","fundingTime":1778198400003,"fundingRate":"-0.00012345",
        "markPrice":"1.5"}]"#;
    let answer = read(&plan.requests[0], body, "2026-06-10 00:00:01");
    let batch = &answer.batches[0];
    assert_eq!(batch.num_rows(), 1);
    let column = |name: &str| batch.column_by_name(name).unwrap();
    assert!(column("funding_interval_hours").is_null(0));
    assert!(!column("last_funding_rate").is_null(0) && !column("calc_time").is_null(0));
}

fn read(request: &ApiRequest, body: &[u8], now: &str) -> Answer {
    let endpoints = endpoints();
    let Series { market, data_type, .. } = &request.series;
    let endpoint = endpoints.get(*market, data_type).unwrap();
    read_answer(endpoint, request, body, time(now)).unwrap()
}

/// Bars that begin at midnight of days and last so many of them.
fn bars(of: &[(&str, i64)]) -> Vec<u8> {
    let bar = |(date, days): &(&str, i64)| {
        let open = time(&format!("{date} 00:00:00")).timestamp_millis();
        bar(open, open + days * 86_400_000 - 1, "1.5")
    };
    format!("[{}]", of.iter().map(bar).collect::<Vec<_>>().join(",")).into_bytes()
}

fn bar(open: i64, close: i64, price: &str) -> String {
    format!(r#"[{open},"{price}","2","1","1.25","10.5",{close},"15.75",3,"4","6","0"]"#)
}

#[test]
fn values_are_exact_and_a_bar_that_is_not_over_is_left_out() {
    let plan = plan(state("1m"), "2026-05-08 00:02:30");
    let open = time("2026-05-08 00:00:00").timestamp_millis();
    let minute = |number: i64, price: &str| {
        let begin = open + number * 60_000;
        bar(begin, begin + 59_999, price)
    };
    // In any order, with one too early, and one that is not over.
    let rows = [minute(2, "3"), minute(1, "12345678.12345678"), minute(-1, "1"), minute(0, "0.1")];
    let body = format!("[{}]", rows.join(","));
    let answer = read(&plan.requests[0], body.as_bytes(), "2026-05-08 00:02:30");
    assert_eq!((answer.rows(), answer.partial, answer.outside), (2, 1, 1));
    let open = answer.batches[0].column_by_name("open").unwrap();
    let values =
        arrow_array::cast::AsArray::as_primitive::<arrow_array::types::Decimal128Type>(open);
    assert_eq!(values.values(), &[1_234_567_812_345_678, 10_000_000]);
}

#[test]
fn bars_of_another_time_zone_are_left_out() {
    let plan = plan(state("1d"), "2026-05-10 00:00:00");
    let open = time("2026-05-08 08:00:00").timestamp_millis();
    let body = format!("[{}]", bar(open, open + 86_399_999, "1"));
    let answer = read(&plan.requests[0], body.as_bytes(), "2026-05-10 00:00:00");
    assert_eq!((answer.rows(), answer.off_grid), (0, 1));
}

#[test]
fn an_empty_answer_has_no_rows_and_one_of_another_form_is_refused() {
    let plan = plan(state("1m"), "2026-05-09 00:00:00");
    let request = &plan.requests[0];
    assert_eq!(read(request, b"[]", "2026-05-09 00:00:00").rows(), 0);
    let endpoints = endpoints();
    let endpoint = endpoints.get(Market::Spot, &DataType::new("klines")).unwrap();
    let refused = |body: &str| {
        let now = time("2026-05-09 00:00:00");
        read_answer(endpoint, request, body.as_bytes(), now).unwrap_err().to_string()
    };
    assert!(refused(r#"{"code":-1121,"msg":"Invalid symbol."}"#).contains("Invalid symbol"));
    assert!(refused("<html>").contains("<html>"));
    assert!(refused("[[1, [2]]]").contains("[2]"));
    assert!(refused(r#"[["1,2"]]"#).contains("1,2"));
}

#[test]
fn a_row_that_cannot_be_read_is_reported_and_the_others_are_kept() {
    let plan = plan(state("1m"), "2026-05-08 00:02:00");
    let open = time("2026-05-08 00:00:00").timestamp_millis();
    let good = bar(open, open + 59_999, "1");
    let bad = bar(open + 60_000, open + 119_999, "0.123456789");
    let body = format!("[{good},{bad}]");
    let answer = read(&plan.requests[0], body.as_bytes(), "2026-05-08 00:02:00");
    assert_eq!((answer.rows(), answer.rejects.len()), (1, 1));
    assert_eq!(answer.rejects[0].column, "open");
}

#[test]
fn a_budget_leaves_a_part_of_the_limit_and_begins_again_with_each_minute() {
    let mut budget = WeightBudget::new(100);
    assert!(budget.take(70, time("2026-05-08 00:00:10")).is_ok());
    let wait = budget.take(10, time("2026-05-08 00:00:20")).unwrap_err();
    assert_eq!(wait.as_secs(), 41);
    assert!(budget.take(10, time("2026-05-08 00:01:00")).is_ok());
    budget.learn(90, time("2026-05-08 00:01:01"));
    assert!(budget.take(1, time("2026-05-08 00:01:02")).is_err(), "others used the rest");
    assert!(WeightBudget::new(10).take(50, time("2026-05-08 00:01:02")).is_ok());
}

/// Open interest of a contract that the archive has from 1 to 7 May 2026.
fn interest(market: Market, symbol: &str) -> SeriesState {
    let series = Series { symbol: symbol.parse().unwrap(), ..series(market, "metrics", "") };
    SeriesState { series, ..state("1m") }
}

#[test]
fn what_has_a_grid_is_requested_as_bars_are_and_no_earlier_than_the_api_keeps_it() {
    let state = interest(Market::FuturesUm, "BTCUSDT");
    let found = plan(state.clone(), "2026-05-09 12:34:56");
    assert_eq!(found.series[0].missing, [range("2026-05-08 00:00:00", "2026-05-09 12:30:00")]);
    let request = &found.requests[0];
    assert_eq!((found.requests.len(), request.rows, request.weight), (1, 438, 12));
    let endpoints = endpoints();
    let endpoint = endpoints.get(Market::FuturesUm, &DataType::new("metrics")).unwrap();
    let parameters = endpoint.parameters_of(request);
    let names: Vec<&str> = parameters.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["symbol", "period", "startTime", "endTime", "limit"]);
    assert_eq!(parameters[1].1, "5m");
    let days = DateRange { start: Some(day("2026-05-08")), end: Some(day("2026-05-12")) };
    let plan = FillPlan::new(&[state], &endpoints, days, time("2026-06-10 12:34:56"));
    assert_eq!(plan.series[0].missing, [range("2026-05-11 12:40:00", "2026-05-13 00:00:00")]);
}

#[test]
fn a_contract_is_named_by_its_pair_if_that_is_enough_to_know_it() {
    let perpetual = plan(interest(Market::FuturesCm, "BTCUSD_PERP"), "2026-05-09 12:34:56");
    let endpoints = endpoints();
    let endpoint = endpoints.get(Market::FuturesCm, &DataType::new("metrics")).unwrap();
    let parameters = endpoint.parameters_of(&perpetual.requests[0]);
    let first: Vec<String> =
        parameters[..3].iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(first, ["pair=BTCUSD", "contractType=PERPETUAL", "period=5m"]);
    let delivery = plan(interest(Market::FuturesCm, "BTCUSD_260626"), "2026-05-09 12:34:56");
    assert_eq!((delivery.requests.len(), delivery.unavailable.len()), (0, 1));
}

#[test]
fn measurements_get_the_label_that_the_archive_has() {
    let plan = plan(interest(Market::FuturesUm, "BTCUSDT"), "2026-05-09 12:34:56");
    let request = &plan.requests[0];
    let endpoints = endpoints();
    let endpoint = endpoints.get(Market::FuturesUm, &DataType::new("metrics")).unwrap();
    let row = |time: &str, interest: &str| {
        let millis = self::time(time).timestamp_millis();
        format!(
            r#"{{"symbol":"BTCUSDT","sumOpenInterest":"{interest}","sumOpenInterestValue":"2.5",
                "CMCCirculatingSupply":"1","timestamp":{millis}}}"#
        )
    };
    let rows = [
        row("2026-05-08 00:00:00", "1.00000001"),
        row("2026-05-09 12:25:00", "3"),
        row("2026-05-09 12:30:00", "4"),
        row("2026-05-08 00:01:00", "5"),
    ];
    let body = format!("[{}]", rows.join(","));
    let now = time("2026-05-09 12:34:56");
    let answer = read_answer(endpoint, request, body.as_bytes(), now).unwrap();
    assert_eq!((answer.rows(), answer.partial, answer.off_grid), (2, 1, 1));
    assert_eq!(answer.rejects[0].line, 4);
    let column = answer.batches[0].column_by_name("create_time").unwrap();
    let times: &arrow_array::TimestampMicrosecondArray =
        arrow_array::cast::AsArray::as_primitive(column);
    let micros = |time: &str| self::time(time).timestamp_micros();
    let expected = [micros("2026-05-08 00:05:00"), micros("2026-05-09 12:30:00")];
    assert_eq!(times.values(), &expected);
}
