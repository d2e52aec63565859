//! Writing CSV rows, and the spellings of numbers that the archive uses.
//!
//! Numbers are whole units and a scale: 4261480 with scale 2 is 42614.80. Which spelling a column
//! has is the business of the modules that write data types.

use std::io::{self, Write};

use chrono::DateTime;

const CAPACITY: usize = 64 * 1024;

/// Rows on their way to a writer, one field after the other.
pub(crate) struct Rows<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, buffer: Vec::with_capacity(CAPACITY + 4_096) }
    }

    /// Writes a whole line, such as a header.
    pub(crate) fn line(&mut self, line: &str) -> io::Result<()> {
        self.text(line).end()
    }

    /// Writes a field as it stands.
    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.buffer.extend_from_slice(text.as_bytes());
        self.comma()
    }

    /// Writes a whole number.
    pub(crate) fn integer(&mut self, value: i64) -> &mut Self {
        self.number(value.into(), 0).comma()
    }

    /// Writes a number with all digits of its scale and zeros up to `places`: `0.10000000`.
    pub(crate) fn padded(&mut self, units: i128, scale: u32, places: u32) -> &mut Self {
        self.number(units, scale);
        if scale == 0 && places > 0 {
            self.buffer.push(b'.');
        }
        self.buffer.extend((scale..places).map(|_| b'0'));
        self.comma()
    }

    /// Writes a number without trailing zeros, but with one decimal at least: `542.0`, `99.2658`.
    pub(crate) fn trimmed(&mut self, units: i128, scale: u32) -> &mut Self {
        let (mut units, mut scale) = if scale == 0 { (units * 10, 1) } else { (units, scale) };
        while scale > 1 && units % 10 == 0 {
            (units, scale) = (units / 10, scale - 1);
        }
        self.number(units, scale).comma()
    }

    /// Writes a number of scale 8 as Java's `BigDecimal` prints it: `0E-8`, `9.7E-7`, `0.00000100`.
    pub(crate) fn java(&mut self, units: i64) -> &mut Self {
        if units.abs() >= 100 {
            return self.padded(units.into(), 8, 8);
        }
        match units.abs() {
            0..10 => self.number(units.into(), 0).raw("E-8"),
            _ => self.number(units.into(), 1).raw("E-7"),
        };
        self.comma()
    }

    /// Writes a time as `YYYY-MM-DD HH:MM:SS`.
    pub(crate) fn time_text(&mut self, seconds: i64) -> &mut Self {
        let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        self.text(&time.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// Writes the day of a time as `YYYY-MM-DD`.
    pub(crate) fn date_text(&mut self, seconds: i64) -> &mut Self {
        let time = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        self.text(&time.format("%Y-%m-%d").to_string())
    }

    /// Ends the row.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        if let Some(last) = self.buffer.last_mut() {
            *last = b'\n';
        }
        if self.buffer.len() < CAPACITY {
            return Ok(());
        }
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Hands what is left to the writer.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()
    }

    fn number(&mut self, units: i128, scale: u32) -> &mut Self {
        if units < 0 {
            self.buffer.push(b'-');
        }
        let mut digits = [b'0'; 48];
        let whole = digits.len() - scale as usize - 1;
        let first = fill_digits(&mut digits, units.unsigned_abs()).min(whole);
        self.buffer.extend_from_slice(&digits[first..=whole]);
        if scale > 0 {
            self.buffer.push(b'.');
            self.buffer.extend_from_slice(&digits[whole + 1..]);
        }
        self
    }

    fn raw(&mut self, text: &str) -> &mut Self {
        self.buffer.extend_from_slice(text.as_bytes());
        self
    }

    fn comma(&mut self) -> &mut Self {
        self.buffer.push(b',');
        self
    }
}

/// Writes `units` right-aligned and returns where its first digit is.
fn fill_digits(digits: &mut [u8; 48], mut units: u128) -> usize {
    let mut at = digits.len();
    while units > u128::from(u64::MAX) {
        at -= 1;
        digits[at] = b'0' + (units % 10) as u8;
        units /= 10;
    }
    let mut units = units as u64;
    while units > 0 {
        at -= 1;
        digits[at] = b'0' + (units % 10) as u8;
        units /= 10;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Rows<'_>)) -> String {
        let mut bytes = Vec::new();
        let mut rows = Rows::new(&mut bytes);
        write(&mut rows);
        rows.end().unwrap();
        rows.finish().unwrap();
        String::from_utf8(bytes).unwrap().trim_end().to_owned()
    }

    #[test]
    fn padded_numbers_have_all_their_places() {
        let padded = |units, scale, places| written(|rows| _ = rows.padded(units, scale, places));
        assert_eq!(padded(426_148, 2, 8), "4261.48000000");
        assert_eq!(padded(-3_449, 8, 8), "-0.00003449");
        assert_eq!(padded(7, 0, 0), "7");
        assert_eq!(padded(7, 0, 2), "7.00");
        assert_eq!(padded(118_661_604_939_992_553_350, 9, 9), "118661604939.992553350");
    }

    #[test]
    fn trimmed_numbers_keep_one_decimal() {
        for (units, scale, text) in
            [(542, 0, "542.0"), (9_926_580, 5, "99.2658"), (0, 3, "0.0"), (-5, 1, "-0.5")]
        {
            assert_eq!(written(|rows| _ = rows.trimmed(units, scale)), text);
        }
    }

    #[test]
    fn small_numbers_of_option_summaries_have_an_exponent() {
        let numbers =
            [(0, "0E-8"), (-1, "-1E-8"), (97, "9.7E-7"), (10, "1.0E-7"), (100, "0.00000100")];
        for (units, text) in numbers {
            assert_eq!(written(|rows| _ = rows.java(units)), text);
        }
        assert_eq!(written(|rows| _ = rows.java(-1_612_861_000)), "-16.12861000");
    }
}
