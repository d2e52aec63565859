//! How the archives of a series at one frequency stand, by stretches of neighbouring periods.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, NaiveDate};

use super::ArchiveState;
use crate::names::market::{Frequency, NameError};
use crate::names::period::{DateRange, Period};

/// Archives of neighbouring periods, none missing between them, that stand alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub first: Period,
    pub last: Period,
    pub state: ArchiveState,
}

impl Stretch {
    /// Returns the number of archives.
    #[must_use]
    pub fn archives(&self) -> u64 {
        let (first, last) = (self.first.start(), self.last.start());
        let after_first = match self.first.frequency() {
            Frequency::Daily => (last - first).num_days(),
            Frequency::Monthly => months(last) - months(first),
        };
        u64::try_from(after_first).map_or(0, |archives| archives + 1)
    }

    /// Returns the part before a period.
    fn before(self, period: Period) -> Option<Self> {
        let last = self.last.min(period.previous());
        (self.first < period).then_some(Self { last, ..self })
    }

    /// Returns the part after a period.
    fn after(self, period: Period) -> Option<Self> {
        let first = self.first.max(period.next());
        (period < self.last).then_some(Self { first, ..self })
    }
}

fn months(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// Stretches of one frequency in the order of their periods; periods without an archive are in
/// none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretches(Vec<Stretch>);

impl Stretches {
    /// Says how an archive stands.
    pub fn set(&mut self, period: Period, state: ArchiveState) {
        self.lay(Stretch { first: period, last: period, state });
    }

    /// Takes in what a listing of some days shows, or what is known otherwise.
    ///
    /// An archive of these days that is not shown is not known any more, unless the lake has it.
    pub fn update(&mut self, listed: Option<DateRange>, seen: &Self) {
        if let Some(listed) = listed {
            self.forget(listed);
        }
        seen.iter().for_each(|stretch| self.lay(stretch));
    }

    /// Forgets archives of some days that are not known for good.
    fn forget(&mut self, days: DateRange) {
        let mut left = Vec::with_capacity(self.0.len());
        for stretch in self.0.drain(..) {
            if stretch.state.is_known_for_good() {
                left.push(stretch);
                continue;
            }
            let period = |day| Period::containing(day, stretch.first.frequency());
            left.extend(days.start.and_then(|start| stretch.before(period(start))));
            left.extend(days.end.and_then(|end| stretch.after(period(end))));
        }
        self.0 = left;
    }

    /// Puts a stretch in the place of what was known of its periods.
    fn lay(&mut self, new: Stretch) {
        // Most come in order.
        let follows = self.0.last().is_none_or(|last| last.last < new.first);
        if follows {
            self.push(new);
            return;
        }
        let mut parts = Vec::with_capacity(self.0.len() + 2);
        for old in self.0.drain(..) {
            parts.extend(old.before(new.first));
            parts.extend(old.after(new.last));
        }
        parts.push(new);
        parts.sort_by_key(|stretch| stretch.first);
        parts.into_iter().for_each(|stretch| self.push(stretch));
    }

    /// Adds a stretch that comes after all others.
    fn push(&mut self, new: Stretch) {
        match self.0.last_mut() {
            Some(last) if last.state == new.state && last.last.next() == new.first => {
                last.last = new.last;
            }
            _ => self.0.push(new),
        }
    }

    /// Returns the stretches in the order of their periods.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Stretch> + '_ {
        self.0.iter().copied()
    }

    /// Returns whether no archive is known.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of archives that stand so.
    #[must_use]
    pub fn count(&self, state: ArchiveState) -> u64 {
        self.iter().filter(|stretch| stretch.state == state).map(|it| it.archives()).sum()
    }

    /// Returns the number of archives.
    #[must_use]
    pub fn archives(&self) -> u64 {
        self.iter().map(|stretch| stretch.archives()).sum()
    }

    /// Returns the first period that has an archive.
    #[must_use]
    pub fn first(&self) -> Option<Period> {
        self.0.first().map(|stretch| stretch.first)
    }

    /// Returns the last period that has an archive.
    #[must_use]
    pub fn last(&self) -> Option<Period> {
        self.0.last().map(|stretch| stretch.last)
    }
}

impl fmt::Display for Stretches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Stretch { first, last, state }) in self.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{state} {first}")?;
            if last != first {
                write!(f, "..{last}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Stretches {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut stretches = Self::default();
        for part in text.split(", ").filter(|part| !part.is_empty()) {
            let invalid = || NameError::new("stretch of archives", part, "STATE FIRST..LAST");
            let (state, periods) = part.split_once(' ').ok_or_else(invalid)?;
            let (first, last) = periods.split_once("..").unwrap_or((periods, periods));
            let (state, first, last) = (state.parse()?, first.parse()?, last.parse()?);
            let new = Stretch { first, last, state };
            let frequency = stretches.0.first().map_or(first, |it| it.first).frequency();
            let alike = [first, last].iter().all(|it: &Period| it.frequency() == frequency);
            if !alike || last < first || stretches.last().is_some_and(|before| first <= before) {
                return Err(invalid());
            }
            stretches.push(new);
        }
        Ok(stretches)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{Days, Months};
    use proptest::prelude::*;
    use strum::VariantArray;

    use super::*;

    fn period(frequency: Frequency, number: u32) -> Period {
        let first = NaiveDate::from_ymd_opt(2023, 12, 1).unwrap();
        Period::containing(
            match frequency {
                Frequency::Daily => first + Days::new(number.into()),
                Frequency::Monthly => first + Months::new(number),
            },
            frequency,
        )
    }

    /// What is known of each archive by itself.
    type Model = BTreeMap<Period, ArchiveState>;

    /// Days that are listed, by the first and their number, and archives with their states.
    type Step = (Option<(u32, u32)>, Vec<(u32, usize)>);

    fn step() -> impl Strategy<Value = Step> {
        let listed = prop::option::of((0..40_u32, 0..20_u32));
        let states = ArchiveState::VARIANTS.len();
        (listed, prop::collection::vec((0..60_u32, 0..states), 0..12))
    }

    fn assert_is(stretches: &Stretches, model: &Model) {
        let mut known = Model::new();
        for stretch in stretches.iter() {
            let mut at = stretch.first;
            while at <= stretch.last {
                assert_eq!(known.insert(at, stretch.state), None, "{stretches}");
                at = at.next();
            }
        }
        assert_eq!(&known, model, "{stretches}");
        assert_eq!(stretches.archives(), model.len() as u64);
        assert_eq!(stretches.first(), model.keys().next().copied());
        assert_eq!(stretches.last(), model.keys().next_back().copied());
        for state in ArchiveState::VARIANTS {
            let count = model.values().filter(|known| *known == state).count();
            assert_eq!(stretches.count(*state), count as u64);
        }
        assert_eq!(stretches.to_string().parse::<Stretches>().unwrap(), *stretches);
    }

    proptest! {
        #[test]
        fn stretches_say_what_is_known_of_each_archive(
            monthly in any::<bool>(),
            steps in prop::collection::vec(step(), 1..8),
        ) {
            let frequency = if monthly { Frequency::Monthly } else { Frequency::Daily };
            let mut stretches = Stretches::default();
            let mut model = Model::new();
            for (listed, archives) in steps {
                let mut seen = Stretches::default();
                let listed = listed.map(|(start, days)| DateRange {
                    start: Some(period(frequency, start).start()),
                    end: Some(period(frequency, start + days).end()),
                });
                model.retain(|period, state| {
                    state.is_known_for_good() || !listed.is_some_and(|it| it.overlaps(*period))
                });
                for (number, state) in archives {
                    let state = ArchiveState::VARIANTS[state];
                    seen.set(period(frequency, number), state);
                    model.insert(period(frequency, number), state);
                }
                stretches.update(listed, &seen);
                assert_is(&stretches, &model);
            }
        }
    }

    #[test]
    fn the_text_shows_stretches_and_nothing_else_is_read() {
        let mut stretches = Stretches::default();
        for (number, state) in
            [(0, ArchiveState::Held), (1, ArchiveState::Held), (3, ArchiveState::CoveredByMonthly)]
        {
            stretches.set(period(Frequency::Daily, number), state);
        }
        let text = "held 2023-12-01..2023-12-02, covered_by_monthly 2023-12-04";
        assert_eq!(stretches.to_string(), text);
        for wrong in [
            "held",
            "lost 2023-12-01",
            "held 2023-12-02..2023-12-01",
            "held 2023-12-01..2024-01",
            "held 2023-12-02, yielded 2023-12-01",
            "held 2023-12-01, yielded 2024-01",
        ] {
            assert!(wrong.parse::<Stretches>().is_err(), "{wrong}");
        }
    }
}
