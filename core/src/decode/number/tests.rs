use proptest::prelude::*;

use super::*;

const PRICE: DecimalForm = DecimalForm::new(18, 8, false);
const AMOUNT: DecimalForm = DecimalForm::new(28, 8, false);
const WIDE: DecimalForm = DecimalForm::new(38, 16, true);
const PERCENTAGE: DecimalForm = DecimalForm::new(5, 2, false);

/// As the column loops do it: what the fast path declines goes to the full one.
fn parse(form: DecimalForm, text: &str) -> Result<i128, Problem> {
    let fast = form.fast(text.as_bytes());
    let full = form.full(text.as_bytes());
    assert!(fast.is_none() || fast == full.ok(), "{text}: {fast:?} {full:?}");
    fast.map_or(full, Ok)
}

#[test]
fn plain_numbers_are_exact() {
    for (text, expected) in [
        ("0", 0),
        ("-0", 0),
        ("1", 100_000_000),
        ("0.00000238", 238),
        ("-0.00048000", -48_000),
        ("+1.5", 150_000_000),
        ("22666.00000000", 2_266_600_000_000),
        ("9999999999.99999999", 999_999_999_999_999_999),
        ("0000000000000000000000001", 100_000_000),
        ("1.500000000000000000000000", 150_000_000),
    ] {
        assert_eq!(parse(PRICE, text), Ok(expected), "{text}");
    }
    assert_eq!(parse(AMOUNT, "99999999999999999999.99999999"), Ok(10_i128.pow(28) - 1));
    assert_eq!(parse(WIDE, "-9999999999999999999999.9999999999999999"), Ok(1 - 10_i128.pow(38)));
}

#[test]
fn what_would_be_rounded_or_does_not_fit_is_refused() {
    assert_eq!(parse(PRICE, "0.000000001"), Err(Problem::Scale { scale: 8 }));
    assert_eq!(parse(PRICE, "1.123456785"), Err(Problem::Scale { scale: 8 }));
    assert_eq!(parse(PERCENTAGE, "-0.205"), Err(Problem::Scale { scale: 2 }));
    assert_eq!(parse(PRICE, "10000000000"), Err(Problem::Precision { precision: 18, scale: 8 }));
    assert_eq!(parse(PERCENTAGE, "-1000.00"), Err(Problem::Precision { precision: 5, scale: 2 }));
    assert_eq!(parse(AMOUNT, &"9".repeat(21)), Err(Problem::Precision { precision: 28, scale: 8 }));
    assert_eq!(parse(WIDE, &"9".repeat(400)), Err(Problem::Precision { precision: 38, scale: 16 }));
    assert_eq!(parse(WIDE, "1E9999"), Err(Problem::Precision { precision: 38, scale: 16 }));
}

#[test]
fn exponents_move_the_point() {
    for (text, expected) in [
        ("0E-8", 0),
        ("0E-16", 0),
        ("0E-9999", 0),
        ("-1E-8", -100_000_000),
        ("9.7E-7", 9_700_000_000),
        ("1.5e3", 15_000_000_000_000_000_000),
        ("12300E-20", 1),
        ("0.00E+5", 0),
    ] {
        let expected =
            if text == "12300E-20" { Err(Problem::Scale { scale: 16 }) } else { Ok(expected) };
        assert_eq!(parse(WIDE, text), expected, "{text}");
    }
    assert_eq!(parse(WIDE, "12300E-18"), Ok(123));
    assert_eq!(parse(PRICE, "1E-8"), Err(Problem::Exponent));
}

#[test]
fn what_is_no_number_is_refused() {
    for text in [
        "", "-", "+", ".", "1.", ".5", "1.2.3", "--1", "1-", "1 ", " 1", "1,5", "NaN", "inf",
        "0x1", "1E", "1E+", "1E1.5", "1E12345", "E5", "٣",
    ] {
        assert!(parse(WIDE, text).is_err(), "{text}");
        assert!(parse(PRICE, text).is_err(), "{text}");
    }
}

#[test]
fn integers_are_whole_and_fit() {
    let parse = |text: &str| {
        fast_integer(text.as_bytes()).map_or_else(|| full_integer(text.as_bytes()), Ok)
    };
    for value in [0, 1, -1, 999_999_999_999_999_999, i64::MAX, i64::MIN] {
        assert_eq!(parse(&value.to_string()), Ok(value));
    }
    assert_eq!(parse("+7"), Ok(7));
    assert_eq!(parse("9223372036854775808"), Err(Problem::IntegerRange { bits: 64 }));
    for text in ["", "-", "1.0", "1e3", "a", "0E-8", "--1"] {
        assert_eq!(parse(text), Err(Problem::Integer), "{text}");
    }
}

#[test]
fn zero_is_zero_however_it_is_written() {
    for text in ["0", "0.0", "-0.00", "0E-8", "000"] {
        assert!(is_zero(text.as_bytes()), "{text}");
    }
    for text in ["", "1", "0.1", "1E-8", "x", "0x"] {
        assert!(!is_zero(text.as_bytes()), "{text}");
    }
}

/// Shifts the digits of a number as text, and compares lengths: nothing is computed.
fn by_text(number: &str, precision: usize, scale: usize) -> Option<String> {
    let plain = crate::decode::tests::normalised(number);
    let (sign, digits) =
        plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    if decimals.len() > scale || (whole != "0" && whole.len() > precision - scale) {
        return None;
    }
    let shifted = format!("{whole}{decimals:0<scale$}");
    let shifted = shifted.trim_start_matches('0');
    Some(if shifted.is_empty() { "0".to_owned() } else { format!("{sign}{shifted}") })
}

proptest! {
    #[test]
    fn decimals_agree_with_shifting_digits_as_text(text in "-?[0-9]{1,24}(\\.[0-9]{1,20})?") {
        let forms = [(PRICE, 18, 8), (AMOUNT, 28, 8), (WIDE, 38, 16), (PERCENTAGE, 5, 2)];
        for (form, precision, scale) in forms {
            let parsed = parse(form, &text).ok().map(|value| value.to_string());
            prop_assert_eq!(parsed, by_text(&text, precision, scale));
        }
    }

    #[test]
    fn exponents_agree_with_shifting_digits_as_text(text in "-?[0-9]{1,12}(\\.[0-9]{1,\
    12})?[Ee][+-]?[0-9]{1,2}") {
        let parsed = parse(WIDE, &text).ok().map(|value| value.to_string());
        prop_assert_eq!(parsed, by_text(&text, 38, 16));
    }

    #[test]
    fn integers_agree_with_the_standard_library(text in "[0-9]{1,20}") {
        prop_assert_eq!(full_integer(text.as_bytes()).ok(), text.parse().ok());
        let expected = text.parse().ok().filter(|_| text.len() <= FAST_DIGITS);
        prop_assert_eq!(fast_integer(text.as_bytes()), expected);
    }

    #[test]
    fn a_wrong_byte_at_any_place_is_never_read_as_a_digit(
        text in "[0-9]{0,10}(\\.[0-9]{8})?",
        wrong in any::<u8>(),
        place in any::<prop::sample::Index>(),
    ) {
        let mut field = text.into_bytes();
        if !field.is_empty() {
            let place = place.index(field.len());
            field[place] = wrong;
        }
        prop_assert!(fast_integer(&field).is_none_or(|value| full_integer(&field) == Ok(value)));
        prop_assert!(PRICE.fast(&field).is_none_or(|value| PRICE.full(&field) == Ok(value)));
    }

    #[test]
    fn any_text_is_a_number_or_is_refused(text in "[-+.0-9eE]{0,12}") {
        let _ = parse(PRICE, &text);
        let _ = parse(WIDE, &text);
    }
}
