use std::collections::BTreeSet;

use proptest::collection::btree_set;
use proptest::prelude::*;

use super::model;
use crate::gold::{Changed, InputState, Model, Recompute, recompute};
use crate::names::market::Market;
use crate::names::partition::Partition;

fn on(day: u32) -> Partition {
    Partition { market: Market::Spot, date: chrono::NaiveDate::from_yo_opt(2024, day).unwrap() }
}

fn days(days: impl IntoIterator<Item = u32>) -> BTreeSet<Partition> {
    days.into_iter().map(on).collect()
}

fn daily(lookback: u32, lookahead: u32) -> Model {
    let header =
        "-- partitions: market, date\n-- key: market, date, symbol\n-- inputs: silver.klines\n";
    model("m", &format!("{header}-- lookback: {lookback} days\n-- lookahead: {lookahead} days\n"))
}

fn input(changed: Changed, present: BTreeSet<Partition>) -> InputState {
    InputState { changed, present }
}

#[test]
fn a_changed_day_makes_stale_the_days_that_look_at_it() {
    let changed = [input(Changed::Partitions(days([10, 20])), days(1..60))];
    let stale = recompute(&daily(2, 1), false, &changed, &days(1..60));
    assert_eq!(stale, Recompute::Partitions(days([9, 10, 11, 12, 19, 20, 21, 22])));
}

#[test]
fn nothing_is_stale_where_nothing_changed() {
    let inputs =
        [input(Changed::Nothing, days(1..60)), input(Changed::Partitions(days([])), days(1..9))];
    assert!(recompute(&daily(1, 0), false, &inputs, &days(1..60)).is_nothing());
    assert!(
        recompute(&daily(1, 0), true, &[input(Changed::Nothing, days([]))], &days([])).is_nothing()
    );
}

#[test]
fn all_of_a_table_is_what_its_inputs_have_and_what_it_has_itself() {
    let inputs = [input(Changed::Nothing, days([5])), input(Changed::Everything, days([]))];
    let stale = recompute(&daily(1, 0), false, &inputs, &days([2, 5]));
    assert_eq!(stale, Recompute::Partitions(days([2, 5, 6])));
    assert_eq!(
        recompute(&daily(1, 0), true, &inputs[..1], &days([2])),
        Recompute::Partitions(days([2, 5, 6]))
    );
}

#[test]
fn a_table_without_partitions_is_built_as_a_whole_whatever_changed() {
    let whole = model("m", "-- partitions: none\n-- key: symbol\n-- inputs: meta.archives\n");
    assert_eq!(
        recompute(&whole, false, &[input(Changed::Partitions(days([1])), days([1]))], &days([])),
        Recompute::Whole
    );
    assert_eq!(
        recompute(&whole, false, &[input(Changed::Nothing, days([1]))], &days([])),
        Recompute::Nothing
    );
}

proptest! {
    /// A day is stale exactly if one of those that it may depend on changed.
    #[test]
    fn stale_days_are_those_whose_dependencies_changed(
        lookback in 0_u32..4, lookahead in 0_u32..4, changed in btree_set(10_u32..50, 0..9),
    ) {
        let model = daily(lookback, lookahead);
        let changed = days(changed);
        let input = [input(Changed::Partitions(changed.clone()), changed.clone())];
        let stale = match recompute(&model, false, &input, &days([])) {
            Recompute::Partitions(stale) => stale,
            _ => BTreeSet::new(),
        };
        let expected = (1..60).map(on).filter(|day| model.dependencies(*day).any(|needed| changed.contains(&needed)));
        prop_assert_eq!(stale, expected.collect::<BTreeSet<_>>());
    }
}
