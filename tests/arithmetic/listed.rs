//! Single values that were wrong once, or that a reader of the documentation would try.

use super::Calculator;

async fn expect(expected: &[(&str, &str)]) {
    let calculator = Calculator::new();
    for (expression, value) in expected {
        assert_eq!(calculator.value(expression).await.as_deref(), Ok(*value), "{expression}");
    }
}

/// Errors name the expression and the way out.
async fn expect_error(expected: &[(&str, &str)]) {
    let calculator = Calculator::new();
    for (expression, message) in expected {
        let error = calculator.value(expression).await.expect_err(expression);
        assert!(error.contains(message), "{expression}: {error}");
    }
}

#[tokio::test]
async fn a_number_beside_a_double_is_the_nearest_double() {
    expect(&[
        ("1e-17::double > 0.0", "true"),
        ("0.1::double + 0.2::double = 0.3", "false"),
        ("0.1::double + 0.2 = 0.3", "false"),
        ("0.1 + 0.2 = 0.3", "true"),
        ("0.3 = 0.3::double", "true"),
        ("3.14159265358979323846 = pi()", "true"),
        ("'inf'::double > 0.5", "true"),
        ("'nan'::double > 0.5", "true"),
        ("'-inf'::double < 0.5", "true"),
        ("1e300::double > 0.5", "true"),
        ("1e300 > 0.5", "true"),
        ("-1e300 < 0.5", "true"),
        ("1e300 * 0.5::double", "5e299"),
        ("'inf'::double IS DISTINCT FROM 0.5", "true"),
        ("1e-17::double BETWEEN 0.0 AND 0.5", "true"),
        ("1e-17::double IN (0.0, 0.5)", "false"),
        ("0.5 IN (1e300::double, 0.5::double)", "true"),
        ("CASE 1e-17::double WHEN 0.0 THEN 'zero' ELSE 'more' END", "more"),
        ("CASE WHEN true THEN 1e300::double ELSE 0.5 END", "1e300"),
        ("CASE WHEN false THEN 1 WHEN true THEN 1e-17::double ELSE 0.5 END > 0.0", "true"),
        ("coalesce(NULL, 1e300::double, 0.5)", "1e300"),
        ("greatest(1e-17::double, 0.0)", "1e-17"),
        ("least('inf'::double, 0.5)", "0.5"),
        ("nullif(1e-17::double, 0.0)", "1e-17"),
        ("sqrt(2.0::double) + 0.5 * 2", "2.414213562373095"),
    ])
    .await;
}

#[tokio::test]
async fn rows_of_a_union_or_of_values_are_doubles_if_one_is() {
    let calculator = Calculator::new();
    for sql in [
        "SELECT 1e-17::double AS x UNION ALL SELECT 0.5 ORDER BY 1",
        "SELECT 0.5 AS x UNION SELECT 1e-17::double ORDER BY 1",
        "SELECT x FROM (SELECT 0.5 AS x UNION ALL SELECT 1e-17::double) WHERE x > 0.0 ORDER BY 1",
        "SELECT * FROM (VALUES (1e-17::double), (0.5)) AS t(x) ORDER BY 1",
        "SELECT * FROM (VALUES (0.5), (1e-17::double)) AS t(x) WHERE x > 0.0 ORDER BY 1",
    ] {
        assert_eq!(calculator.lines(sql).await.unwrap(), ["1e-17", "0.5"], "{sql}");
    }
    let sql =
        "SELECT a.x FROM (SELECT 1e-17::double AS x) AS a JOIN (SELECT 0.0 AS x) AS b USING (x)";
    assert!(calculator.lines(sql).await.unwrap().is_empty());
    for sql in [
        "SELECT 1e-17::double AS x INTERSECT SELECT 0.0",
        "SELECT 1 AS x WHERE 1e-17::double IN (SELECT 0.0)",
        "SELECT 1 AS x WHERE 0.0 IN (SELECT 1e-17::double)",
    ] {
        assert!(calculator.lines(sql).await.unwrap().is_empty(), "{sql}");
    }
}

#[tokio::test]
async fn numbers_without_a_double_stay_exact() {
    expect(&[
        ("0.1 + 0.2", "0.3"),
        ("12345678901234567890.5 + 1", "12345678901234567891.5"),
        ("arrow_typeof(0.1 * 3)", "Decimal128(20, 1)"),
        ("1e5 + 0.5", "100000.5"),
        ("1.5e-3", "0.0015"),
        (
            "99999999999999999999999999999999999999 > 0.00000000000000000000000000000000000001",
            "true",
        ),
        ("CASE WHEN true THEN 1 ELSE 0.5 END + 0.25", "1.25"),
        ("coalesce(NULL, 2, 0.5)", "2.0"),
        ("18446744073709551615 > 9223372036854775807", "true"),
        ("18446744073709551615 = -1", "false"),
        ("0.30000000000000000001 = 0.3", "false"),
        ("-7 % 3", "-1"),
        ("7.5 % -2", "1.5"),
        ("mod(-7, 3)", "-1"),
        ("5 % 0", ""),
        ("5.5 % 0", ""),
        ("5.5::double % 0", ""),
        ("-9223372036854775808 % -1", "0"),
        ("arrow_typeof(2 + 3)", "Int64"),
        ("arrow_typeof(2::int + 3::int)", "Int32"),
        ("- (5::int)", "-5"),
    ])
    .await;
}

#[tokio::test]
async fn a_quotient_is_the_double_nearest_to_the_exact_one() {
    expect(&[
        ("1 / 3", "0.3333333333333333"),
        ("7 / 2", "3.5"),
        ("6 / 3", "2.0"),
        ("1 / 60000.12345678", "0.00001666663237318723"),
        ("1 / 0", ""),
        ("1.5 / 0.0", ""),
        ("1.0::double / 0", ""),
        ("0 / 0", ""),
        ("1 / NULL", ""),
        ("arrow_typeof(7 / 2)", "Float64"),
        ("arrow_typeof(1.0 / 2.0)", "Float64"),
        ("9007199254740993 / 1", "9007199254740992.0"),
        ("9007199254740993 / 3", "3002399751580331.0"),
        (
            "99999999999999999999999999999999999999 / 0.00000000000000000000000000000000000001",
            "1e76",
        ),
        ("div(7, 2)", "3"),
        ("div(-7, 2)", "-3"),
        ("7 // 2", "3"),
        ("-7 // 2", "-3"),
        ("7 // 0", ""),
        ("div(7.5, 2)", "3"),
        ("7.9 // 0.25", "31"),
        ("7.5::double // 2", "3.0"),
        ("arrow_typeof(7 // 2)", "Int64"),
        ("avg(x) FROM (VALUES (1), (2)) AS t(x)", "1.5"),
        ("avg(x) FROM (VALUES (0.1), (0.2)) AS t(x)", "0.15"),
        (
            "mean(x) FROM (VALUES (9223372036854775807), (9223372036854775807)) AS t(x)",
            "9.223372036854776e18",
        ),
        ("median(x) FROM (VALUES (0.1), (0.2)) AS t(x)", "0.15"),
        ("arrow_typeof(avg(x)) FROM (VALUES (0.1), (0.2)) AS t(x)", "Float64"),
        ("sum(CASE WHEN x > 1 THEN 1 ELSE 0 END) / count(*) FROM (VALUES (1), (2)) AS t(x)", "0.5"),
    ])
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_an_error_with_the_cast_that_helps() {
    const LARGEST: &str = "'99999999999999999999999999999999999999'::decimal(38,0)";
    let integers = "CAST(4611686018427387904 AS DECIMAL(38, 0)) * 2";
    expect_error(&[
        ("4611686018427387904 * 2", integers),
        ("9223372036854775807 + 1", "`9223372036854775807 + 1` does not fit in BIGINT"),
        ("-9223372036854775808 - 1", "does not fit in BIGINT"),
        ("2147483647::int + 1::int", "does not fit in INTEGER"),
        ("-x FROM (VALUES (-9223372036854775808)) AS t(x)", "AS DECIMAL(38, 0))"),
        ("abs(-9223372036854775808)", "overflow"),
        ("-9223372036854775808 // -1", "does not fit in BIGINT"),
        (&format!("{LARGEST} + {LARGEST}"), "AS DOUBLE)"),
        (&format!("{LARGEST} * 2"), "`99999999999999999999999999999999999999 * 2` needs more than"),
        ("0.00000000000000000001 * 0.0000000000000000001", "has 39"),
        (
            "sum(x) FROM (VALUES (9223372036854775807), (1)) AS t(x)",
            "sum(CAST(x AS DECIMAL(38, 0)))",
        ),
        (
            &format!("sum(x) FROM (SELECT {LARGEST} AS x FROM generate_series(1, 3))"),
            "sum(CAST(x AS DOUBLE))",
        ),
        ("sum(x * 2) FROM (VALUES (9223372036854775807), (1)) AS t(x)", "`x * 2` does not fit"),
        ("123456789012345678901234567890123456789.5", "more than the 38 digits"),
        ("CAST(1 AS DECIMAL(50, 2))", "more than the 38 digits"),
    ])
    .await;
}

#[tokio::test]
async fn sums_that_leave_their_type_on_the_way_are_right_in_the_end() {
    const LARGEST: &str = "99999999999999999999999999999999999999";
    expect(&[
        ("sum(x) FROM (VALUES (9223372036854775807), (1), (-5)) AS t(x)", "9223372036854775803"),
        (&format!("sum(x) FROM (VALUES ({LARGEST}), ({LARGEST}), (-{LARGEST})) AS t(x)"), LARGEST),
        ("sum(x) FROM (SELECT 1 AS x WHERE false)", ""),
        ("sum(DISTINCT x) FROM (VALUES (1.5), (1.5), (2.5)) AS t(x)", "4.0"),
        ("avg(DISTINCT x) FROM (VALUES (1.5), (1.5), (2.5)) AS t(x)", "2.0"),
        ("sum(x) FILTER (WHERE x > 1) FROM (VALUES (1.5), (0.5), (NULL)) AS t(x)", "1.5"),
        ("sum(x::double) FROM (VALUES (1.5), (0.5)) AS t(x)", "2.0"),
        ("sum(NULL)", ""),
    ])
    .await;
}

#[tokio::test]
async fn a_value_that_left_a_window_leaves_no_trace() {
    let calculator = Calculator::new();
    let sql = "SELECT sum(x) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM \
               (VALUES (1, 1e300::double), (2, 'inf'::double), (3, 0.25::double), \
               (4, 0.5::double), (5, 1e300::double), (6, 1.0::double), (7, 2.0::double)) \
               AS t(i, x) ORDER BY i";
    let sums = calculator.lines(sql).await.unwrap();
    assert_eq!(sums, ["1e300", "inf", "inf", "0.75", "1e300", "1e300", "3.0"]);
    let sql = "SELECT avg(x) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS x FROM \
               (VALUES (1, 0.1), (2, 0.2), (3, 0.4)) AS t(i, x) ORDER BY i";
    assert_eq!(calculator.lines(sql).await.unwrap(), ["0.1", "0.15", "0.3"]);
    let sql = "SELECT sum(DISTINCT x) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) \
               AS x FROM (VALUES (1, 0.5), (2, 0.5), (3, 0.25)) AS t(i, x) ORDER BY i";
    assert_eq!(calculator.lines(sql).await.unwrap(), ["0.50", "0.50", "0.75"]);
}

#[tokio::test]
async fn columns_are_named_as_they_are_written() {
    let calculator = Calculator::new();
    let sql = "SELECT \"(a + b) * c\", \"a + b * c\" FROM (SELECT (a + b) * c, a + b * c FROM \
               (VALUES (1, 2, 3)) AS t(a, b, c))";
    let error = calculator.lines(sql).await.unwrap_err();
    assert!(error.contains("(t.a + t.b) * t.c") && error.contains("t.a + t.b * t.c"), "{error}");
}
