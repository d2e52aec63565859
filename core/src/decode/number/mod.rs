//! Numbers as archives write them, parsed exactly: no value passes through a float.
//!
//! Each kind has a fast path for what nearly all fields look like; what it declines goes to a path
//! that takes everything that is valid, and says what is wrong with the rest.

use super::problem::Problem;

/// The digits that an `i64` always holds.
const FAST_DIGITS: usize = 18;

const EIGHT_PLACES: i64 = POWERS[8];

const POWERS: [i64; FAST_DIGITS + 1] = {
    let mut powers = [1; FAST_DIGITS + 1];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// How a DECIMAL(precision, scale) is parsed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecimalForm {
    precision: u32,
    scale: u32,
    exponents: bool,
    /// The first value that has too many digits, and a tenth of it.
    limit: i128,
    tenth: i128,
}

impl DecimalForm {
    /// `exponents` says whether `1E-8` is a number.
    pub(crate) const fn new(precision: u8, scale: i8, exponents: bool) -> Self {
        let (precision, scale) = (precision as u32, scale.unsigned_abs() as u32);
        let tenth = 10_i128.pow(precision - 1);
        Self { precision, scale, exponents, limit: tenth * 10, tenth }
    }

    /// Parses a plain number of up to 18 digits.
    #[inline]
    pub(crate) fn fast(&self, field: &[u8]) -> Option<i128> {
        let (negative, digits) = match field {
            [b'-', digits @ ..] => (true, digits),
            digits => (false, digits),
        };
        // Eighteen digits and a point.
        if digits.len() > FAST_DIGITS + 1 {
            return None;
        }
        let value = match digits.split_last_chunk::<8>() {
            // Most numbers of the archive have eight decimals, and most columns hold as many.
            Some(([whole @ .., b'.'], decimals)) if self.scale == 8 => i128::from(
                whole_number(digits, whole.len())? * EIGHT_PLACES + eight_digits(word(*decimals))?,
            ),
            _ => self.digit_by_digit(digits)?,
        };
        (value < self.limit).then_some(if negative { -value } else { value })
    }

    #[inline]
    fn digit_by_digit(&self, digits: &[u8]) -> Option<i128> {
        let (mut value, mut point) = (0_u64, digits.len());
        for (at, byte) in digits.iter().enumerate() {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                value = value * 10 + u64::from(digit);
            } else if *byte == b'.' && point == digits.len() {
                point = at;
            } else {
                return None;
            }
        }
        let decimals = digits.len().saturating_sub(point + 1);
        let ends_with_point = point + 1 == digits.len();
        // Nineteen digits without a point are one too many.
        if point == 0 || ends_with_point || point > FAST_DIGITS {
            return None;
        }
        let missing = (self.scale as usize).checked_sub(decimals)?;
        Some(i128::from(value) * i128::from(*POWERS.get(missing)?))
    }

    /// Parses every valid number, or says what is wrong.
    #[cold]
    pub(crate) fn full(&self, field: &[u8]) -> Result<i128, Problem> {
        let invalid = Problem::Decimal { exponents: self.exponents };
        let (negative, rest) = split_sign(field);
        let (mantissa, exponent) = split_exponent(rest).ok_or(invalid)?;
        if exponent.is_some() && !self.exponents {
            return Err(Problem::Exponent);
        }
        let (whole, decimals) = split_point(mantissa).ok_or(invalid)?;
        let digits = || whole.iter().chain(decimals).map(|byte| i128::from(byte - b'0'));
        // How many of the digits lie before the last decimal that the column holds.
        let kept = whole.len() as i64 + i64::from(self.scale) + i64::from(exponent.unwrap_or(0));
        // What lies after the last decimal must be zero: nothing is ever rounded.
        if digits().skip(usize::try_from(kept).unwrap_or(0)).any(|digit| digit != 0) {
            return Err(Problem::Scale { scale: self.scale });
        }
        let too_large = Problem::Precision { precision: self.precision, scale: self.scale };
        // Digits that the column holds, then zeros up to its scale; each step is checked, because
        // an exponent can ask for thousands of them.
        let mut value = 0_i128;
        let mut count = 0;
        for digit in digits().take(usize::try_from(kept).unwrap_or(0)) {
            value = self.shifted(value).ok_or(too_large)? + digit;
            count += 1;
        }
        while count < kept && value != 0 {
            value = self.shifted(value).ok_or(too_large)?;
            count += 1;
        }
        if value >= self.limit {
            return Err(too_large);
        }
        Ok(if negative { -value } else { value })
    }

    fn shifted(&self, value: i128) -> Option<i128> {
        (value < self.tenth).then(|| value * 10)
    }
}

/// Parses an integer of up to 18 digits.
#[inline]
pub(crate) fn fast_integer(field: &[u8]) -> Option<i64> {
    match (field.first_chunk::<8>(), field.last_chunk::<8>()) {
        // No loop, whose end would be guessed wrong wherever lengths differ.
        (Some(first), Some(last)) if field.len() <= 16 => {
            let before = first_digits(word(*first), field.len() - 8);
            Some(eight_digits(before)? * EIGHT_PLACES + eight_digits(word(*last))?)
        }
        _ => integer_digit_by_digit(field),
    }
}

fn integer_digit_by_digit(field: &[u8]) -> Option<i64> {
    if field.is_empty() || field.len() > FAST_DIGITS {
        return None;
    }
    let mut value = 0_i64;
    for byte in field {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// Parses the first `count` bytes, before the point, of a number of at least eight bytes.
#[inline]
fn whole_number(number: &[u8], count: usize) -> Option<i64> {
    match number.first_chunk::<8>() {
        Some(first) if (1..=8).contains(&count) => eight_digits(first_digits(word(*first), count)),
        _ => integer_digit_by_digit(number.get(..count)?),
    }
}

/// The bytes of eight digits, of which the first is the lowest; those of a digit are its value.
#[inline]
fn word(text: [u8; 8]) -> u64 {
    u64::from_le_bytes(text) ^ u64::from_le_bytes([b'0'; 8])
}

/// Keeps the first `count` digits of a word, at most eight, after zeros.
#[inline]
fn first_digits(word: u64, count: usize) -> u64 {
    word.checked_shl(u64::BITS - 8 * count as u32).unwrap_or(0)
}

/// Joins eight digits at once: neighbours to pairs, pairs to fours, fours to all eight.
#[inline]
fn eight_digits(digits: u64) -> Option<i64> {
    const HIGH: u64 = u64::from_le_bytes([0x80; 8]);
    // What added to ten reaches the highest bit.
    const ABOVE_NINE: u64 = u64::from_le_bytes([0x80 - 10; 8]);
    // A byte above nine, or one that was no ASCII at all, sets its highest bit. A carry into a
    // neighbour can only come from a byte that has failed by itself.
    if (digits | digits.wrapping_add(ABOVE_NINE)) & HIGH != 0 {
        return None;
    }
    // The first digit is the lowest byte, so that shifting down puts each digit's right neighbour
    // in its place. The masks drop every second sum, which joins the halves of two pairs.
    let pairs = (digits * 10 + (digits >> 8)) & 0x00FF_00FF_00FF_00FF;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_FFFF_0000_FFFF;
    let eight = (fours * 10_000 + (fours >> 32)) & 0xFFFF_FFFF;
    i64::try_from(eight).ok()
}

/// Parses every integer of 64 bits, or says what is wrong.
#[cold]
pub(crate) fn full_integer(field: &[u8]) -> Result<i64, Problem> {
    let (_, digits) = split_sign(field);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Problem::Integer);
    }
    let text = std::str::from_utf8(field).map_err(|_| Problem::Integer)?;
    text.parse().map_err(|_| Problem::IntegerRange { bits: 64 })
}

/// Returns whether a number is zero, however it is written.
#[inline]
pub(crate) fn is_zero(field: &[u8]) -> bool {
    field == b"0" || DecimalForm::new(38, 8, true).full(field) == Ok(0)
}

fn split_sign(field: &[u8]) -> (bool, &[u8]) {
    match field {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// Splits digits at the point; both sides of one need a digit.
fn split_point(mantissa: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, decimals) = match memchr::memchr(b'.', mantissa) {
        Some(at) if at + 1 == mantissa.len() => return None,
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &mantissa[mantissa.len()..]),
    };
    let digits = whole.iter().chain(decimals).all(u8::is_ascii_digit);
    (digits && !whole.is_empty()).then_some((whole, decimals))
}

/// Splits off `E-8`; an exponent of more than four digits is none.
fn split_exponent(number: &[u8]) -> Option<(&[u8], Option<i32>)> {
    let Some(at) = memchr::memchr2(b'E', b'e', number) else { return Some((number, None)) };
    let (negative, digits) = split_sign(&number[at + 1..]);
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    let exponent = i32::try_from(fast_integer(digits)?).ok()?;
    Some((&number[..at], Some(if negative { -exponent } else { exponent })))
}

#[cfg(test)]
mod tests;
