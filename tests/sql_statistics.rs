//! Variance, deviation, covariance, correlation and regression: against exact integers, over
//! groups, whole tables and windows.

use lakehouse::query::Session;

use crate::support::random::Random;
use crate::support::statements::{lines, open, refusal, value};

/// Relative error of a value that is rounded a few times.
const ROUNDING: f64 = 1e-14;

/// Sums over pairs of integers, from which every statistic follows exactly but for one division.
#[derive(Default)]
struct Sums {
    count: i128,
    x: i128,
    y: i128,
    xx: i128,
    yy: i128,
    xy: i128,
}

impl Sums {
    fn of(pairs: &[(i64, i64)]) -> Self {
        let mut sums = Self::default();
        for (x, y) in pairs.iter().map(|(x, y)| (i128::from(*x), i128::from(*y))) {
            sums.count += 1;
            sums.x += x;
            sums.y += y;
            sums.xx += x * x;
            sums.yy += y * y;
            sums.xy += x * y;
        }
        sums
    }

    /// Deviations times the count: of x, of y, and of both.
    fn deviations(&self) -> (i128, i128, i128) {
        let of = |products, one, other| self.count * products - one * other;
        (of(self.xx, self.x, self.x), of(self.yy, self.y, self.y), of(self.xy, self.x, self.y))
    }

    fn variance(&self, unit: f64) -> Option<f64> {
        let (xx, ..) = self.deviations();
        let rows = self.count * (self.count - 1);
        (rows > 0).then(|| xx as f64 / rows as f64 * unit * unit)
    }

    fn correlation(&self) -> Option<f64> {
        let (xx, yy, xy) = self.deviations();
        (xx != 0 && yy != 0).then(|| xy as f64 / (xx as f64).sqrt() / (yy as f64).sqrt())
    }

    fn slope(&self) -> Option<f64> {
        let (xx, _, xy) = self.deviations();
        (xx != 0).then(|| xy as f64 / xx as f64)
    }
}

fn assert_near(found: &str, expected: Option<f64>, tolerance: f64, context: &str) {
    match expected {
        None => assert_eq!(found, "", "{context}"),
        Some(expected) => {
            let found: f64 = found.parse().unwrap_or_else(|_| panic!("{context}: `{found}`"));
            let error = (found - expected).abs();
            // A value near zero is what large ones have in common.
            let scale = if tolerance > ROUNDING { 1.0 } else { f64::MIN_POSITIVE };
            let allowed = tolerance * expected.abs().max(scale);
            assert!(error <= allowed, "{context}: {found} for {expected}");
        }
    }
}

/// A price path in units, with stretches in which it does not move, far from zero.
fn path(seed: u64, rows: usize) -> Vec<(i64, i64)> {
    let mut random = Random::new(seed);
    let mut x = 6_543_210_012_345;
    let mut y = 98_765;
    let mut pairs = Vec::with_capacity(rows);
    for row in 0..rows {
        if row / 20 % 3 != 1 {
            x += i64::try_from(random.below(2_001)).unwrap() - 1_000;
            y += i64::try_from(random.below(21)).unwrap() - 10;
        }
        pairs.push((x, y));
    }
    pairs
}

/// Returns a relation of the pairs, each number written by `number`.
fn relation(pairs: &[(i64, i64)], number: impl Fn(i64) -> String) -> String {
    let row = |(index, (x, y)): (usize, &(i64, i64))| {
        format!("({index}, {}, {})", number(*x), number(*y))
    };
    let rows: Vec<_> = pairs.iter().enumerate().map(row).collect();
    format!("(VALUES {}) AS t(i, x, y)", rows.join(", "))
}

fn as_decimal(units: i64) -> String {
    format!("{}.{:08}", units / 100_000_000, units % 100_000_000)
}

fn as_double(units: i64) -> String {
    format!("{units}::DOUBLE")
}

const WINDOW: usize = 10;

async fn check_windows(session: &Session, number: impl Fn(i64) -> String, unit: f64, most: f64) {
    let pairs = path(1, 300);
    let frame = format!("ORDER BY i ROWS BETWEEN {} PRECEDING AND CURRENT ROW", WINDOW - 1);
    let sql = format!(
        "SELECT var_samp(x) OVER w AS v, stddev(x) OVER w AS s, corr(y, x) OVER w AS c, \
         regr_slope(y, x) OVER w AS b, covar_samp(y, x) OVER w AS k, var_pop(x) OVER w AS p \
         FROM {} WINDOW w AS ({frame}) ORDER BY i",
        relation(&pairs, number)
    );
    for (row, line) in lines(session, &sql).await.iter().enumerate() {
        let sums = Sums::of(&pairs[(row + 1).saturating_sub(WINDOW)..=row]);
        let found: Vec<_> = line.split('|').collect();
        let context = |name| format!("{name} of row {row}");
        assert_near(found[0], sums.variance(unit), most, &context("variance"));
        let deviation = sums.variance(unit).map(f64::sqrt);
        assert_near(found[1], deviation, most, &context("deviation"));
        assert_near(found[2], sums.correlation(), most, &context("correlation"));
        assert_near(found[3], sums.slope(), most, &context("slope"));
        let is_flat = sums.deviations().0 == 0;
        assert_eq!(found[5] == "0.0", is_flat, "population variance of row {row}: {}", found[5]);
    }
}

#[tokio::test]
async fn windows_of_decimals_are_exact_and_flat_ones_are_zero() {
    let lake = tempfile::tempdir().unwrap();
    check_windows(&open(lake.path()), as_decimal, 1e-8, ROUNDING).await;
}

#[tokio::test]
async fn windows_of_integers_are_exact() {
    let lake = tempfile::tempdir().unwrap();
    check_windows(&open(lake.path()), |units| units.to_string(), 1.0, ROUNDING).await;
}

#[tokio::test]
async fn windows_of_doubles_lose_no_more_than_one_pass_over_their_rows_does() {
    let lake = tempfile::tempdir().unwrap();
    // Rows are 6·10¹² from zero and 10³ from each other: the means are known to 10⁻¹⁶ of the first.
    check_windows(&open(lake.path()), as_double, 1.0, 1e-5).await;
}

#[tokio::test]
async fn a_double_that_has_left_a_window_leaves_nothing_there() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let sql = "SELECT stddev(x) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s \
               FROM (VALUES (1, '1e200'::DOUBLE), (2, 1.0::DOUBLE), (3, 3.0::DOUBLE), \
               (4, 'NaN'::DOUBLE), (5, 7.0::DOUBLE), (6, 7.0::DOUBLE), (7, 7.0::DOUBLE)) \
               AS t(i, x) WHERE i > 1 ORDER BY i";
    let rows = lines(&session, sql).await;
    assert_eq!(rows[1], "1.4142135623730951");
    assert_eq!(rows[2..4], ["NaN", "NaN"]);
    assert_eq!(rows[4..], ["0.0", "0.0"]);
}

#[tokio::test]
async fn frames_that_skip_rows_or_are_empty_are_followed() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let over = |frame: &str| {
        format!(
            "SELECT var_pop(x) OVER (ORDER BY i {frame}) AS d, \
             var_pop(f) OVER (ORDER BY i {frame}) AS f, \
             regr_count(x, x) OVER (ORDER BY i {frame}) AS n \
             FROM (SELECT i, x, x::DOUBLE AS f FROM (VALUES (1, 1), (2, NULL), (3, 5), (10, 7), \
             (11, 9), (30, 2)) AS v(i, x)) AS t ORDER BY i"
        )
    };
    let rows = lines(&session, &over("ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING")).await;
    assert_eq!(rows, ["1.0|1.0|2", "1.0|1.0|2", "12.25|12.25|2", "0.0|0.0|1", "||0", "||0"]);
    let rows = lines(&session, &over("RANGE BETWEEN 9 PRECEDING AND 1 PRECEDING")).await;
    assert_eq!(rows, ["||0", "0.0|0.0|1", "0.0|0.0|1", "4.0|4.0|2", "1.0|1.0|2", "||0"]);
}

#[tokio::test]
async fn groups_and_whole_tables_agree_with_exact_sums() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let pairs = path(2, 400);
    let relation = relation(&pairs, as_decimal);
    let sql = format!(
        "SELECT i % 7 AS g, variance(x) AS v, corr(y, x) AS c, regr_slope(y, x) AS b \
         FROM {relation} GROUP BY i % 7 ORDER BY g"
    );
    let groups = lines(&session, &sql).await;
    assert_eq!(groups.len(), 7);
    for (group, line) in groups.iter().enumerate() {
        let of_group: Vec<_> = pairs.iter().copied().skip(group).step_by(7).collect();
        let sums = Sums::of(&of_group);
        let found: Vec<_> = line.split('|').collect();
        assert_near(found[1], sums.variance(1e-8), ROUNDING, "variance");
        assert_near(found[2], sums.correlation(), ROUNDING, "correlation");
        assert_near(found[3], sums.slope(), ROUNDING, "slope");
    }
    let whole = value(&session, &format!("SELECT var_samp(x) FROM {relation}")).await;
    assert_near(&whole, Sums::of(&pairs).variance(1e-8), ROUNDING, "whole");
}

#[tokio::test]
async fn where_a_statistic_is_not_defined_it_is_null_as_in_postgresql() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let all = "var_samp(x), var_pop(x), stddev_samp(x), stddev_pop(x), covar_samp(y, x), \
               covar_pop(y, x), corr(y, x), regr_count(y, x), regr_avgx(y, x), regr_avgy(y, x), \
               regr_sxx(y, x), regr_syy(y, x), regr_sxy(y, x), regr_r2(y, x), \
               regr_slope(y, x), regr_intercept(y, x)";
    let select = |rows: &str| format!("SELECT {all} FROM (VALUES {rows}) AS t(y, x)");
    for cast in ["", "::DOUBLE"] {
        let none = select(&format!("(NULL{cast}, 1.5{cast}), (NULL, NULL)"));
        let none = value(&session, &none).await;
        assert!(none.ends_with("|||0||||||||"), "{none}");
        let one = value(&session, &select(&format!("(2{cast}, 4{cast})"))).await;
        assert_eq!(one, "|0.0||0.0||0.0||1|4.0|2.0|0.0|0.0|0.0|||", "{cast}");
        let flat = select(&format!("(2{cast}, 4{cast}), (3{cast}, 4{cast})"));
        assert!(value(&session, &flat).await.ends_with("|2|4.0|2.5|0.0|0.5|0.0|||"), "{cast}");
        let level = select(&format!("(2{cast}, 4{cast}), (2{cast}, 6{cast})"));
        let level = value(&session, &level).await;
        assert!(level.ends_with("||2|5.0|2.0|2.0|0.0|0.0|1.0|0.0|2.0"), "{level}");
    }
}

#[tokio::test]
async fn distinct_values_and_filters_are_respected() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let from = "FROM (SELECT i, x, x::DOUBLE AS f FROM (VALUES (1, 1.5), (2, 1.5), (3, 2.5), \
                (4, 4.5), (5, NULL)) AS v(i, x)) AS t";
    let sql = format!(
        "SELECT var_pop(DISTINCT x), var_pop(DISTINCT f), var_pop(x) FILTER \
         (WHERE i < 4), var_samp(x) {from}"
    );
    let found = value(&session, &sql).await;
    let expected = [14.0 / 9.0, 14.0 / 9.0, 2.0 / 9.0, 2.0];
    for (found, expected) in found.split('|').zip(expected) {
        assert_near(found, Some(expected), ROUNDING, "distinct and filtered");
    }
    let grouped = format!(
        "SELECT i % 2, var_pop(DISTINCT x) FILTER (WHERE i < 4), stddev_pop(x) {from} \
         GROUP BY i % 2 ORDER BY 1"
    );
    assert_eq!(lines(&session, &grouped).await, ["0|0.0|1.5", "1|0.25|0.5"]);
}

#[tokio::test]
async fn what_is_no_number_or_beyond_a_double_is_refused_in_words() {
    let lake = tempfile::tempdir().unwrap();
    let session = open(lake.path());
    let text = refusal(&session, "SELECT stddev(x) FROM (VALUES ('a'), ('b')) AS t(x)").await;
    assert!(text.contains("stddev is a function of numbers"), "{text}");
    let sql = "SELECT var_pop(x) FROM (VALUES ('1e308'::DOUBLE), ('-1e308'::DOUBLE)) AS t(x)";
    let text = refusal(&session, sql).await;
    assert!(text.contains("beyond a double"), "{text}");
}
