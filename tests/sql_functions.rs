//! Functions that the engine lacks, with the values that DuckDB or a computation by hand gives.

use crate::support::dialect::Dialect;

/// Two symbols with a price and quantity at each minute; one price and one time are NULL.
const TRADES: &str = "
    WITH trades(symbol, time, price, qty) AS (VALUES
        ('A', TIMESTAMP '2024-01-01 00:00:00', 10.10::decimal(18,8), 1.0::decimal(18,8)),
        ('A', TIMESTAMP '2024-01-01 00:01:00', 10.30::decimal(18,8), 3.0::decimal(18,8)),
        ('A', TIMESTAMP '2024-01-01 00:02:00', NULL, 5.0::decimal(18,8)),
        ('A', TIMESTAMP '2024-01-01 00:03:00', 10.20::decimal(18,8), 2.0::decimal(18,8)),
        ('B', TIMESTAMP '2024-01-01 00:00:00', 7.00::decimal(18,8), 0.0::decimal(18,8)),
        ('B', NULL, 9.00::decimal(18,8), 0.0::decimal(18,8)))";

fn of_trades(query: &str) -> String {
    format!("{TRADES} {query}")
}

#[tokio::test]
async fn buckets_of_time_begin_where_duckdb_begins_them() {
    let bucket = |width: &str, time: &str, rest: &str| {
        format!("SELECT time_bucket({width}, TIMESTAMP '{time}'{rest})")
    };
    let cases = [
        ("'15 minutes'", "2024-01-01 00:44:59", "", "2024-01-01T00:30:00"),
        ("INTERVAL '1 week'", "2024-01-03 12:00:00", "", "2024-01-01T00:00:00"),
        ("INTERVAL '2 weeks'", "2024-01-10 12:00:00", "", "2024-01-01T00:00:00"),
        ("INTERVAL '3 days'", "1999-12-31 12:00:00", "", "1999-12-31T00:00:00"),
        ("INTERVAL '1 month'", "2024-02-29 23:59:59", "", "2024-02-01T00:00:00"),
        ("INTERVAL '3 months'", "2023-12-31 00:00:00", "", "2023-10-01T00:00:00"),
        ("INTERVAL '5 years'", "1999-01-01 00:00:00", "", "1995-01-01T00:00:00"),
        (
            "INTERVAL '1 hour'",
            "2024-01-01 00:10:00",
            ", INTERVAL '15 minutes'",
            "2023-12-31T23:15:00",
        ),
        (
            "INTERVAL '1 day'",
            "2024-01-01 07:00:00",
            ", TIMESTAMP '2020-05-05 08:00:00'",
            "2023-12-31T08:00:00",
        ),
        (
            "INTERVAL '2 months'",
            "2024-04-15 00:00:00",
            ", TIMESTAMP '2024-02-20 00:00:00'",
            "2024-04-01T00:00:00",
        ),
    ];
    let dialect = Dialect::new();
    for (width, time, rest, expected) in cases {
        let sql = bucket(width, time, rest);
        assert_eq!(dialect.rows(&sql).await, expected, "{sql}");
    }
    dialect
        .expect(&[
            ("SELECT time_bucket('1 week', DATE '2024-01-07')", "2024-01-01"),
            ("SELECT time_bucket('1 day', CAST(NULL AS timestamp))", ""),
        ])
        .await;
    for width in ["INTERVAL '0 days'", "INTERVAL '-1 hours'", "INTERVAL '1 month 1 day'"] {
        let sql = bucket(width, "2024-01-01 00:00:00", "");
        assert!(dialect.refusal(&sql).await.contains("time_bucket"), "{sql}");
    }
}

#[tokio::test]
async fn parts_of_times_are_whole_numbers() {
    let time = "TIMESTAMP '2024-03-10 17:05:59.250'";
    let parts = [
        ("year", "2024"),
        ("quarter", "1"),
        ("month", "3"),
        ("week", "10"),
        ("day", "10"),
        ("dayofweek", "0"),
        ("dayofyear", "70"),
        ("hour", "17"),
        ("minute", "5"),
        ("second", "59"),
    ];
    let dialect = Dialect::new();
    for (part, expected) in parts {
        assert_eq!(dialect.rows(&format!("SELECT {part}({time})")).await, expected, "{part}");
    }
    dialect
        .expect(&[
            ("SELECT year(DATE '2024-03-10')", "2024"),
            ("SELECT hour('2024-03-10 17:05:59')", "17"),
            ("SELECT month(CAST(NULL AS date))", ""),
        ])
        .await;
}

#[tokio::test]
async fn times_become_numbers_and_numbers_times() {
    Dialect::new()
        .expect(&[
            ("SELECT epoch(TIMESTAMP '2024-01-01 00:00:00.5')", "1704067200.5"),
            ("SELECT epoch_ms(TIMESTAMP '2024-01-01 00:00:00.123456')", "1704067200123"),
            ("SELECT epoch_us(TIMESTAMP '2024-01-01 00:00:00.123456')", "1704067200123456"),
            ("SELECT epoch_ms(TIMESTAMP '1969-12-31 23:59:59.9995')", "-1"),
            ("SELECT epoch_ms(TIMESTAMP '2024-03-10 06:59:59.9995')", "1710054000000"),
            ("SELECT epoch_ms(1704067200123)", "2024-01-01T00:00:00.123Z"),
            ("SELECT make_timestamp(1704067200123456)", "2024-01-01T00:00:00.123456Z"),
            ("SELECT make_timestamp_ms(1704067200123)", "2024-01-01T00:00:00.123Z"),
            (
                "SELECT epoch_us(TIMESTAMP '2024-01-01 00:00:01.5' - TIMESTAMP '2024-01-01')",
                "1500000",
            ),
            ("SELECT epoch(INTERVAL '1 day 1 second')", "86401.0"),
        ])
        .await;
}

#[tokio::test]
async fn times_are_written_as_a_format_says() {
    let dialect = Dialect::new();
    dialect
        .expect(&[
            (
                "SELECT strftime(TIMESTAMP '2024-01-05 07:08:09.5', '%Y-%m-%d %H:%M:%S.%f %g %%')",
                "2024-01-05 07:08:09.500000 500 %",
            ),
            ("SELECT strftime('%d.%m.%y', DATE '2024-01-05')", "05.01.24"),
            ("SELECT strftime(CAST(NULL AS timestamp), '%Y')", ""),
        ])
        .await;
    assert!(dialect.refusal("SELECT strftime(DATE '2024-01-05', '%!')").await.contains("format"));
}

#[tokio::test]
async fn differences_of_dates_count_boundaries() {
    let dialect = Dialect::new();
    let cases = [
        ("year", "2023-12-31 23:59:59", "2024-01-01 00:00:00", "1"),
        ("quarter", "2023-12-31 00:00:00", "2024-06-30 00:00:00", "2"),
        ("month", "2024-01-31 00:00:00", "2024-02-01 00:00:00", "1"),
        ("week", "2024-01-01 12:00:00", "2024-01-08 06:00:00", "1"),
        ("week", "2024-01-07 00:00:00", "2024-01-13 00:00:00", "0"),
        ("day", "2024-01-01 23:59:59", "2024-01-02 00:00:00", "1"),
        ("hours", "2024-01-01 00:59:00", "2024-01-01 03:01:00", "3"),
        ("minute", "2024-01-01 00:01:00", "2024-01-01 00:00:59", "-1"),
        ("ms", "2024-01-01 00:00:00", "2024-01-01 00:00:00.0015", "1"),
    ];
    for (part, start, end, expected) in cases {
        let sql = format!("SELECT date_diff('{part}', TIMESTAMP '{start}', TIMESTAMP '{end}')");
        assert_eq!(dialect.rows(&sql).await, expected, "{sql}");
    }
    let error = dialect.refusal("SELECT datediff('fortnight', now(), now())").await;
    assert!(error.contains("no part `fortnight`"), "{error}");
}

#[tokio::test]
async fn a_condition_chooses_a_value() {
    Dialect::new()
        .expect(&[
            ("SELECT if(1 < 2, 'yes', 'no')", "yes"),
            ("SELECT if(NULL, 1, 2)", "2"),
            ("SELECT sum(if(x > 1, x, 0)) FROM (VALUES (1), (2), (3)) t(x)", "5"),
        ])
        .await;
}

#[tokio::test]
async fn vwap_is_the_exact_average_by_quantity() {
    let dialect = Dialect::new();
    // (10.10 × 1 + 10.30 × 3 + 10.20 × 2) / 6; nothing was traded of B.
    let sql = of_trades("SELECT symbol, vwap(price, qty) FROM trades GROUP BY symbol ORDER BY 1");
    assert_eq!(dialect.rows(&sql).await, "A,10.233333333333333\nB,");
    // Price and quantity have more digits together than a decimal.
    let sql = "SELECT vwap(p, q) FROM (VALUES
        (12345678901234567890.12345678::decimal(38,8),
         98765432109876543210.12345678::decimal(38,8)),
        (12345678901234567890.12345679::decimal(38,8),
         98765432109876543210.12345678::decimal(38,8))) t(p, q)";
    assert_eq!(dialect.rows(sql).await, "1.2345678901234567e19");
    let sql = "SELECT vwap(p, q) FROM (VALUES (1e0::double, 2), (4.0::double, 1)) t(p, q)";
    assert_eq!(dialect.rows(sql).await, "2.0");
    let window = of_trades(
        "SELECT vwap(price, qty) OVER (PARTITION BY symbol ORDER BY time ROWS 1 PRECEDING)
         FROM trades WHERE symbol = 'A' ORDER BY time",
    );
    assert_eq!(dialect.rows(&window).await, "10.1\n10.25\n10.3\n10.2");
}

#[tokio::test]
async fn the_value_at_an_extreme_does_not_depend_on_chance() {
    let dialect = Dialect::new();
    let all = "arg_max(price, time), arg_min(price, time), max_by(time, price), min_by(qty, price)";
    let sql = of_trades(&format!("SELECT symbol, {all} FROM trades GROUP BY symbol ORDER BY 1"));
    assert_eq!(
        dialect.rows(&sql).await,
        "A,10.20000000,10.10000000,2024-01-01T00:01:00,1.00000000\n\
         B,7.00000000,7.00000000,2024-01-01T00:00:00,0.00000000"
    );
    let window = of_trades(
        "SELECT arg_max(time, price) OVER (ORDER BY time ROWS 1 PRECEDING)
         FROM trades WHERE symbol = 'A' ORDER BY time",
    );
    assert_eq!(
        dialect.rows(&window).await,
        "2024-01-01T00:00:00\n2024-01-01T00:01:00\n2024-01-01T00:01:00\n2024-01-01T00:03:00"
    );
    let filtered = of_trades("SELECT arg_max(price, time) FILTER (WHERE qty > 2) FROM trades");
    assert_eq!(dialect.rows(&filtered).await, "10.30000000");
}

#[tokio::test]
async fn first_and_last_need_an_order() {
    let dialect = Dialect::new();
    let sql = of_trades(
        "SELECT first(price ORDER BY time), last(price ORDER BY time NULLS FIRST),
                last(qty ORDER BY qty)
         FROM trades WHERE symbol = 'A'",
    );
    assert_eq!(dialect.rows(&sql).await, "10.10000000,10.20000000,5.00000000");
    let window = of_trades(
        "SELECT first(price) OVER (ORDER BY time) FROM trades WHERE symbol = 'A' LIMIT 1",
    );
    assert_eq!(dialect.rows(&window).await, "10.10000000");
    let error = dialect.refusal(&of_trades("SELECT first(price) FROM trades")).await;
    assert!(error.contains("arg_min(trades.price, time)"), "{error}");
    let error = dialect.refusal(&of_trades("SELECT last_value(price) FROM trades")).await;
    assert!(error.contains("arg_max(trades.price, time)"), "{error}");
}

#[tokio::test]
async fn rows_are_counted_by_a_condition() {
    let dialect = Dialect::new();
    let sql = of_trades("SELECT count_if(price > 10.1), count_if(false) FROM trades");
    assert_eq!(dialect.rows(&sql).await, "2,0");
    let window = of_trades("SELECT count_if(qty > 1) OVER (ORDER BY qty) FROM trades ORDER BY qty");
    assert_eq!(dialect.rows(&window).await, "0\n0\n0\n1\n2\n3");
}

#[tokio::test]
async fn quantiles_and_modes_are_values_that_occur() {
    let values = "(VALUES (1), (2), (2), (3), (3), (10), (NULL)) t(x)";
    let cases = [
        ("mode(x)", "2"),
        ("quantile(x, 0.5)", "2"),
        ("quantile_disc(x, 0.9)", "10"),
        ("quantile(x, 0)", "1"),
        ("quantile(x, 1)", "10"),
        ("quantile_cont(x, 0.5)", "2.5"),
        ("any_value(1)", "1"),
    ];
    let dialect = Dialect::new();
    for (call, expected) in cases {
        let sql = format!("SELECT {call} FROM {values}");
        assert_eq!(dialect.rows(&sql).await, expected, "{sql}");
    }
    let by_ten = "SELECT quantile(x, 0.1), quantile(x, 0.3) FROM generate_series(1, 10) t(x)";
    assert_eq!(dialect.rows(by_ten).await, "1,3");
    let window = format!(
        "SELECT quantile(x, 0.5) OVER (ORDER BY x ROWS 2 PRECEDING), mode(x) OVER (ORDER BY x)
         FROM {values} ORDER BY x"
    );
    assert_eq!(dialect.rows(&window).await, "1,1\n1,2\n2,2\n2,2\n3,2\n3,2\n3,2");
    let nothing = "SELECT mode(x), quantile(x, 0.5) FROM (VALUES (1)) t(x) WHERE x > 1";
    assert_eq!(dialect.rows(nothing).await, ",");
    let error = dialect.refusal(&format!("SELECT quantile(x, 2) FROM {values}")).await;
    assert!(error.contains("from 0 to 1"), "{error}");
}

#[tokio::test]
async fn series_are_followed_in_the_order_of_the_window() {
    let dialect = Dialect::new();
    let series = "(VALUES (1, NULL), (2, 10.0), (3, 20.0), (4, NULL), (5, 0.0), (6, 40.0)) t(i, x)";
    // The factor of three rows is one half.
    let sql = format!("SELECT ema(x, 3) OVER (ORDER BY i) FROM {series} ORDER BY i");
    assert_eq!(dialect.rows(&sql).await, "\n10.0\n15.0\n15.0\n7.5\n23.75");
    let sql = "SELECT log_return(x) OVER (ORDER BY i)
               FROM (VALUES (1, 1.0), (2, 2.0), (3, 2.0), (4, 0.0), (5, 3.0), (6, 3.0003)) t(i, x)
               ORDER BY i";
    let answer = dialect.rows(sql).await;
    let lines: Vec<&str> = answer.split('\n').collect();
    assert_eq!(lines[..5], ["", "0.6931471805599453", "0.0", "", ""]);
    // ln(1.0001) with all digits: 9.999500033330834e-5.
    let change: f64 = lines[5].parse().unwrap();
    assert!((change - 9.999_500_033_330_834e-5).abs() < 1e-16, "{change}");
    let by_symbol = of_trades(
        "SELECT symbol, ema(qty, 1) OVER (PARTITION BY symbol ORDER BY qty)
         FROM trades ORDER BY 1, 2",
    );
    assert_eq!(dialect.rows(&by_symbol).await, "A,1.0\nA,2.0\nA,3.0\nA,5.0\nB,0.0\nB,0.0");
    let error = dialect.refusal("SELECT ema(1.0, 0) OVER (ORDER BY 1)").await;
    assert!(error.contains("from 1"), "{error}");
    let error = dialect.refusal("SELECT log_return(1.0) OVER ()").await;
    assert!(error.contains("ORDER BY time"), "{error}");
}

#[tokio::test]
async fn functions_of_other_engines_are_known_by_their_meaning() {
    let dialect = Dialect::new();
    let cases = [
        ("SELECT toStartOfHour(now())", "date_trunc('hour', time)"),
        ("SELECT list_agg('x')", "string_agg(x, ',')"),
        ("SELECT len('x')", "length(text)"),
        ("SELECT vwpa(1, 2)", "did you mean `vwap`?"),
        ("SELECT nothing_like_it(1)", "SHOW FUNCTIONS lists all"),
    ];
    for (sql, expected) in cases {
        let error = dialect.refusal(sql).await;
        assert!(error.contains(expected), "{sql}: {error}");
    }
}
