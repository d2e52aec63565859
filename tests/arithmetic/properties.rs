//! Random numbers, computed a second time with big integers.

use std::sync::LazyLock;

use num_bigint::BigInt;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Runtime;

use super::Calculator;
use super::exact::{Fraction, power_of_ten};
use crate::support::scale::scaled;

/// A number and its type: an integer, or a decimal by its digits.
#[derive(Clone, Debug)]
struct Number {
    digits: i128,
    /// Digits and places of a decimal.
    decimal: Option<(u8, u8)>,
}

impl Number {
    fn sql(&self) -> String {
        match self.decimal {
            None => format!("CAST('{}' AS BIGINT)", self.digits),
            Some((digits, places)) => {
                format!("CAST('{}' AS DECIMAL({digits}, {places}))", self.text())
            }
        }
    }

    fn text(&self) -> String {
        let places = usize::from(self.places());
        let digits = format!("{:0>width$}", self.digits.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let sign = if self.digits < 0 { "-" } else { "" };
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }

    fn places(&self) -> u8 {
        self.decimal.map_or(0, |(_, places)| places)
    }

    fn fraction(&self) -> Fraction {
        Fraction::new(self.digits.into(), power_of_ten(self.places().into()))
    }
}

fn decimal_of(digits: u8, places: u8) -> impl Strategy<Value = Number> {
    let limit = 10_i128.pow(digits.into());
    // Short numbers are as likely as long ones.
    (0..=u32::from(digits), -limit + 1..limit).prop_map(move |(cut, number)| Number {
        digits: number / 10_i128.pow(cut),
        decimal: Some((digits, places)),
    })
}

fn decimal() -> impl Strategy<Value = Number> {
    (1_u8..=38)
        .prop_flat_map(|digits| (Just(digits), 0..=digits))
        .prop_flat_map(|(digits, places)| decimal_of(digits, places))
}

fn integer() -> impl Strategy<Value = Number> {
    let any = prop_oneof![any::<i64>(), -100_i64..100, Just(i64::MIN), Just(i64::MAX)];
    any.prop_map(|digits| Number { digits: digits.into(), decimal: None })
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![2 => decimal(), 1 => integer()]
}

/// Numbers of one type.
fn column() -> impl Strategy<Value = Vec<Number>> {
    let decimals = (1_u8..=38)
        .prop_flat_map(|digits| (Just(digits), 0..=digits))
        .prop_flat_map(|(digits, places)| vec(decimal_of(digits, places), 1..12));
    prop_oneof![2 => decimals, 1 => vec(integer(), 1..12)]
}

fn table(numbers: &[Number]) -> String {
    let row =
        |(place, number): (usize, &Number)| format!("({place}, {}, {})", place % 3, number.sql());
    let rows: Vec<String> = numbers.iter().enumerate().map(row).collect();
    format!("(VALUES {}) AS t(place, part, x)", rows.join(", "))
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static CALCULATOR: LazyLock<Calculator> = LazyLock::new(Calculator::new);

fn lines(sql: &str) -> Result<Vec<String>, String> {
    RUNTIME.block_on(CALCULATOR.lines(sql))
}

/// Computed from columns, so that nothing is computed while the statement is planned.
fn of_columns(operator: &str, a: &Number, b: &Number) -> Result<String, String> {
    let (a, b) = (a.sql(), b.sql());
    let sql = format!("SELECT a {operator} b AS x FROM (VALUES ({a}, {b})) AS t(a, b)");
    lines(&sql).map(|lines| lines[0].clone())
}

fn of_constants(operator: &str, a: &Number, b: &Number) -> Result<String, String> {
    let sql = format!("SELECT {} {operator} {} AS x", a.sql(), b.sql());
    lines(&sql).map(|lines| lines[0].clone())
}

/// Returns whether a number is in a type: a BIGINT, or a decimal with so many places.
fn fits(number: &Fraction, places: Option<u8>) -> bool {
    let Some(places) = places else {
        return i64::try_from(&number.above / &number.below).is_ok();
    };
    let digits = &number.above * power_of_ten(places.into()) / &number.below;
    let limit = power_of_ten(38);
    places <= 38 && digits < limit && digits > -limit
}

fn check(sql: &str, answer: Result<String, String>, exact: &Fraction, places: Option<u8>) {
    match answer {
        Ok(text) => {
            assert!(fits(exact, places), "{sql} = {text}, which does not fit");
            assert!(Fraction::parse(&text).equals(exact), "{sql} = {text}, not {exact:?}");
        }
        Err(error) => {
            assert!(!fits(exact, places), "{sql}: {error}, not {exact:?}");
            assert!(error.contains("CAST(") || error.contains("cast"), "{sql}: {error}");
        }
    }
}

fn places_of(operator: &str, a: &Number, b: &Number) -> Option<u8> {
    match (a.decimal, b.decimal, operator) {
        (None, None, _) => None,
        (.., "*") => Some(a.places() + b.places()),
        (.., "//") => Some(0),
        _ => Some(a.places().max(b.places())),
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(scaled(100, 2_000)) }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn sums_differences_and_products_are_exact_or_refused(a in number(), b in number()) {
        for (operator, exact) in [
            ("+", a.fraction().plus(&b.fraction())),
            ("-", a.fraction().minus(&b.fraction())),
            ("*", a.fraction().times(&b.fraction())),
        ] {
            let name = format!("{} {operator} {}", a.sql(), b.sql());
            let places = places_of(operator, &a, &b);
            check(&name, of_columns(operator, &a, &b), &exact, places);
            check(&name, of_constants(operator, &a, &b), &exact, places);
        }
    }

    #[test]
    fn quotients_are_rounded_once(a in number(), b in number()) {
        let name = format!("{} / {}", a.sql(), b.sql());
        let answer = of_columns("/", &a, &b).unwrap();
        prop_assert_eq!(&answer, &of_constants("/", &a, &b).unwrap());
        if b.digits == 0 {
            prop_assert_eq!(answer, "");
            return Ok(());
        }
        let exact = a.fraction().over(&b.fraction());
        let number: f64 = answer.parse().unwrap();
        prop_assert!(exact.rounds_to(number), "{} = {}", name, number);
        let whole = exact.whole();
        check(&name, of_columns("//", &a, &b), &whole, places_of("//", &a, &b));
        let rest = a.fraction().minus(&whole.times(&b.fraction()));
        check(&name, of_columns("%", &a, &b), &rest, places_of("%", &a, &b));
    }

    #[test]
    fn totals_are_exact_and_means_rounded_once(numbers in column()) {
        let places = numbers[0].decimal.map(|(_, places)| places);
        let total = |wanted: &dyn Fn(usize) -> bool| {
            let mut sum = Fraction::new(BigInt::ZERO, BigInt::from(1));
            let mut count = 0;
            for (_, number) in numbers.iter().enumerate().filter(|(place, _)| wanted(*place)) {
                sum = sum.plus(&number.fraction());
                count += 1;
            }
            (sum, Fraction::new(BigInt::from(count), BigInt::from(1)))
        };
        let table = table(&numbers);
        for part in 0..numbers.len().min(3) {
            let (sum, count) = total(&|place| place % 3 == part);
            let grouped = format!(
                "SELECT x FROM (SELECT part, sum(x) AS x FROM {table} GROUP BY part) AS s \
                 WHERE part = {part}"
            );
            let filtered = format!("SELECT sum(x) FILTER (WHERE part = {part}) AS x FROM {table}");
            check(&filtered, lines(&filtered).map(|lines| lines[0].clone()), &sum, places);
            let mean = format!(
                "SELECT x FROM (SELECT part, avg(x) AS x FROM {table} GROUP BY part) AS s \
                 WHERE part = {part}"
            );
            let double: f64 = lines(&mean).unwrap()[0].parse().unwrap();
            prop_assert!(sum.over(&count).rounds_to(double), "{} = {}", mean, double);
            check(&grouped, lines(&grouped).map(|lines| lines[0].clone()), &sum, places);
        }
        let all = format!("SELECT sum(x) AS x FROM {table}");
        check(&all, lines(&all).map(|lines| lines[0].clone()), &total(&|_| true).0, places);
    }

    #[test]
    fn windows_have_the_sum_of_their_rows(
        numbers in column(),
        before in 0_usize..4,
        after in 0_usize..3,
    ) {
        let frame = format!(
            "OVER (ORDER BY place ROWS BETWEEN {before} PRECEDING AND {after} FOLLOWING)"
        );
        let table = table(&numbers);
        let places = numbers[0].decimal.map(|(_, places)| places);
        let mut sums = Vec::new();
        for place in 0..numbers.len() {
            let end = (place + after + 1).min(numbers.len());
            let window = &numbers[place.saturating_sub(before)..end];
            let zero = Fraction::new(BigInt::ZERO, BigInt::from(1));
            let sum = window.iter().fold(zero, |sum, number| sum.plus(&number.fraction()));
            sums.push((sum, Fraction::new(BigInt::from(window.len()), BigInt::from(1))));
        }
        let means = lines(&format!("SELECT avg(x) {frame} AS x FROM {table} ORDER BY place"));
        for (mean, (sum, count)) in means.unwrap().iter().zip(&sums) {
            let exact = sum.over(count);
            prop_assert!(exact.rounds_to(mean.parse().unwrap()), "{:?} {}", numbers, mean);
        }
        let answer = lines(&format!("SELECT sum(x) {frame} AS x FROM {table} ORDER BY place"));
        match answer {
            Ok(lines) => {
                for (line, (sum, _)) in lines.iter().zip(&sums) {
                    check(&frame, Ok(line.clone()), sum, places);
                }
            }
            Err(error) => {
                prop_assert!(sums.iter().any(|(sum, _)| !fits(sum, places)), "{}", error);
            }
        }
    }

    #[test]
    fn windows_of_doubles_are_rounded_once(
        numbers in vec(prop_oneof![-1e6..1e6, -1e300..1e300, -1e-300..1e-300], 1..10),
        before in 0_usize..4,
    ) {
        let row = |(place, number): (usize, &f64)| {
            format!("({place}, CAST('{number:e}' AS DOUBLE))")
        };
        let rows: Vec<String> = numbers.iter().enumerate().map(row).collect();
        let sql = format!(
            "SELECT sum(x) OVER (ORDER BY place ROWS BETWEEN {before} PRECEDING AND CURRENT ROW) \
             AS x FROM (VALUES {}) AS t(place, x) ORDER BY place",
            rows.join(", ")
        );
        for (place, line) in lines(&sql).unwrap().iter().enumerate() {
            let zero = Fraction::new(BigInt::ZERO, BigInt::from(1));
            let window = &numbers[place.saturating_sub(before)..=place];
            let sum = window.iter().fold(zero, |sum, one| sum.plus(&Fraction::of_double(*one)));
            prop_assert!(sum.rounds_to(line.parse().unwrap()), "{:?} {}", window, line);
        }
    }
}
