//! Archives that arrive, are corrected and are compared in any order: who owns each day in the end.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::*;

use super::*;
use crate::overlap::model::land;

const SERIES: &str = "trades/BTCUSDT";

/// The owner of each day: its key, its version, its rows.
type Owners = BTreeMap<NaiveDate, (String, String, u64)>;

#[derive(Clone, Debug)]
enum Step {
    /// A new version of an archive is published: 0 is the month, others are days of it.
    Publish(u32),
    Ingest(FrequencyPolicy),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let policies = vec![FrequencyPolicy::Auto, FrequencyPolicy::Daily, FrequencyPolicy::Monthly];
    let publish = (0_u32..5).prop_map(Step::Publish);
    prop::collection::vec(
        prop_oneof![2 => publish, 1 => prop::sample::select(policies).prop_map(Step::Ingest)],
        1..24,
    )
}

/// Makes up the rows that a version has of a day: few, so that copies often are as good as each
/// other, and at times none.
fn rows(path: &str, version: &str, day: NaiveDate) -> u64 {
    let mut hasher = DefaultHasher::new();
    (path, version, day).hash(&mut hasher);
    hasher.finish() % 3
}

fn at(archive: u32) -> Published {
    let period = if archive == 0 { "2024-02".to_owned() } else { format!("2024-02-{archive:02}") };
    published(&[format!("{SERIES}/{period}")]).remove(0)
}

#[derive(Default)]
struct World {
    /// The version of each archive that is published, and when it was.
    bucket: BTreeMap<u32, u32>,
    ledger: Ledger,
    owners: Owners,
}

impl World {
    fn publish(&mut self, archive: u32) {
        *self.bucket.entry(archive).or_default() += 1;
    }

    fn plan(&self, frequency: FrequencyPolicy) -> Plan {
        let listed = |(archive, version): (&u32, &u32)| Published {
            etag: Some(version.to_string()),
            ..at(*archive)
        };
        let wish = Selection { frequency, ..selection("trades", "BTCUSDT", "..") };
        plan_of(&wish, self.bucket.iter().map(listed).collect(), &self.ledger)
    }

    fn ingest(&mut self, frequency: FrequencyPolicy) -> usize {
        let plan = self.plan(frequency);
        for planned in plan.fetch.iter() {
            let arrived = entry(&planned.published, ArchiveStatus::Ingested);
            let version = planned.published.etag.clone().unwrap();
            self.follow(planned.published.key.path(), planned.published.key.period(), &version);
            land(&mut self.ledger, LedgerEntry { sha256: Some(version.into()), ..arrived }, &rows);
        }
        plan.fetch.len()
    }

    /// The rule in its plainest form: what is better takes the day, and a correction takes the
    /// place of what it corrects.
    fn follow(&mut self, path: &str, period: Period, version: &str) {
        let days =
            period.days().start.unwrap().iter_days().take_while(|day| period.days().contains(*day));
        for day in days {
            let offered = rows(path, version, day);
            let free = self.owners.get(&day).is_none_or(|(owner, ..)| owner == path);
            if free && offered == 0 {
                self.owners.remove(&day);
            } else if free || offered > self.owners[&day].2 {
                self.owners.insert(day, (path.to_owned(), version.to_owned(), offered));
            }
        }
    }

    fn owners_in_ledger(&self) -> Owners {
        let mut owners = Owners::new();
        for entry in self.ledger.entries() {
            let (path, version) = (entry.key.path(), entry.sha256.as_deref().unwrap());
            for day in entry.owned_days().dates(entry.key.period()) {
                let owner = (path.to_owned(), version.to_owned(), rows(path, version, day));
                assert_eq!(owners.insert(day, owner), None, "{day} has two owners");
            }
        }
        owners
    }
}

proptest! {
    #![proptest_config(crate::tests::cases(400))]

    #[test]
    fn whatever_arrives_in_whatever_order_each_day_has_the_owner_that_the_rule_says(
        steps in steps()
    ) {
        let mut world = World::default();
        for step in &steps {
            match step {
                Step::Publish(archive) => world.publish(*archive),
                Step::Ingest(frequency) => {
                    world.ingest(*frequency);
                    prop_assert_eq!(world.owners_in_ledger(), world.owners.clone());
                }
            }
        }
    }

    #[test]
    fn once_both_copies_are_fetched_the_better_one_owns_each_day_and_nothing_is_left(
        steps in steps()
    ) {
        let mut world = World::default();
        for step in &steps {
            match step {
                Step::Publish(archive) => world.publish(*archive),
                Step::Ingest(frequency) => drop(world.ingest(*frequency)),
            }
        }
        let all = [FrequencyPolicy::Daily, FrequencyPolicy::Monthly, FrequencyPolicy::Auto];
        let rounds = (0..8).take_while(|_| {
            all.iter().map(|frequency| world.ingest(*frequency)).sum::<usize>() > 0
        });
        prop_assert!(rounds.count() < 5, "there is always something left to do");
        let owners = world.owners_in_ledger();
        for (archive, version) in &world.bucket {
            let key = at(*archive).key;
            let days = key.period().start().iter_days();
            for day in days.take_while(|day| key.period().days().contains(*day)) {
                let held = owners.get(&day).map_or(0, |(.., rows)| *rows);
                prop_assert!(held >= rows(key.path(), &version.to_string(), day), "{key} is \
                better on {day}");
            }
        }
    }
}
