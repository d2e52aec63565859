//! Days as users write them: ranges by their ends, and the last few.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};

use crate::names::market::NameError;
use crate::names::period::{DateRange, Period};

/// A number of days before today: `7d` or `2w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastDays(u32);

impl LastDays {
    /// Returns the days that end with `today`: `7d` is the last seven whole days and today.
    #[must_use]
    pub fn range(self, today: NaiveDate) -> DateRange {
        let start = today.checked_sub_days(Days::new(u64::from(self.0))).unwrap_or(NaiveDate::MIN);
        DateRange { start: Some(start), end: Some(today) }
    }
}

impl fmt::Display for LastDays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}d", self.0)
    }
}

impl FromStr for LastDays {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let invalid = || NameError::new("number of days", text, "days or weeks such as 7d or 2w");
        let (count, unit) = match (text.strip_suffix('d'), text.strip_suffix('w')) {
            (Some(count), _) => (count, 1),
            (_, Some(count)) => (count, 7),
            _ => return Err(invalid()),
        };
        let count: Option<u32> =
            count.parse().ok().filter(|_| count.bytes().all(|byte| byte.is_ascii_digit()));
        let days = count.and_then(|count| count.checked_mul(unit)).filter(|days| *days > 0);
        days.map(Self).ok_or_else(invalid)
    }
}

impl DateRange {
    /// Reads a range by its ends, each a day or a month and inclusive.
    ///
    /// # Errors
    ///
    /// An end that is no date, and a start after the end.
    pub fn parse(start: Option<&str>, end: Option<&str>) -> Result<Self, NameError> {
        let start = start.map(str::parse::<Period>).transpose()?.map(Period::start);
        let last = end.map(str::parse::<Period>).transpose()?.map(Period::end);
        match (start, last) {
            (Some(start), Some(last)) if last < start => Err(NameError::new(
                "end of dates",
                end.unwrap_or_default(),
                format!("{start} or later, where they start"),
            )),
            _ => Ok(Self { start, end: last }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_as_an_end_means_its_last_day() {
        let range = DateRange::parse(Some("2024-02"), Some("2024-02")).unwrap();
        assert_eq!(range.to_string(), "2024-02-01 to 2024-02-29");
        assert_eq!(
            DateRange::parse(None, Some("2024-02-03")).unwrap().to_string(),
            "to 2024-02-03"
        );
    }

    #[test]
    fn dates_that_end_before_they_start_are_refused() {
        let error = DateRange::parse(Some("2024-03"), Some("2024-02")).unwrap_err().to_string();
        assert!(error.contains("`2024-02`") && error.contains("2024-03-01 or later"), "{error}");
    }

    #[test]
    fn the_last_days_are_counted_from_today() {
        let today = "2024-03-02".parse::<Period>().unwrap().start();
        let last = |text: &str| text.parse::<LastDays>().unwrap().range(today).to_string();
        assert_eq!(last("2d"), "2024-02-29 to 2024-03-02");
        assert_eq!(last("1w"), "2024-02-24 to 2024-03-02");
        for text in ["", "7", "d", "-1d", "+1d", "0d", "7 d", "1mo"] {
            assert!(text.parse::<LastDays>().is_err(), "{text}");
        }
    }
}
