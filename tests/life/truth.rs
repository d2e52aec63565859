//! What silver and gold have to hold: computed from the world alone, by the documented rules.
//!
//! At any time an archive's rows are those of one version that was published, and a day has one
//! owner. In the end the owner is the most complete copy that is published. Between copies that are
//! as complete as each other, history decides, so either is right. An archive that was withdrawn
//! stays as long as none that is published is better.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::archive::Archive;
use super::world::World;
use crate::support::market_model::{Kind, ModelRow, SERIES};
use crate::support::silver_rows::{RowsByOwner, natural_key, series_of};

/// A copy of a day: which archive, in which version.
type Copy = (usize, usize);
/// A day of a series.
type Place = (usize, NaiveDate);

/// Which copies of each day silver was seen to hold.
#[derive(Default)]
pub(super) struct Seen(BTreeMap<Place, BTreeSet<Copy>>);

/// Looks at rows that silver holds while the world goes on, and returns what cannot be.
pub(super) fn contradictions(world: &World, rows: &RowsByOwner, seen: &mut Seen) -> Vec<String> {
    let mut found = double_rows(rows);
    let archives: BTreeMap<&str, usize> = world
        .archives
        .iter()
        .enumerate()
        .map(|(number, archive)| (archive.key.as_str(), number))
        .collect();
    let mut versions: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for ((key, day), held) in rows {
        let Some(number) = archives.get(key.as_str()) else {
            found.push(format!("{key} was never published"));
            continue;
        };
        let archive = &world.archives[*number];
        let date: NaiveDate = day.parse().unwrap();
        let alike: BTreeSet<usize> = archive
            .readable()
            .filter(|version| may_be_of(archive, *version, date, held, world.seed))
            .collect();
        if alike.is_empty() {
            found.push(format!("{day} of {key} is of no version: {} rows", held.len()));
        }
        let place = (archive.series, date);
        seen.0.entry(place).or_default().extend(alike.iter().map(|version| (*number, *version)));
        let of_archive = versions.entry(*number).or_insert_with(|| alike.clone());
        of_archive.retain(|version| alike.contains(version));
        if of_archive.is_empty() && !alike.is_empty() {
            found.push(format!("{key} has days of several versions, {day} among them"));
        }
    }
    found
}

/// Returns whether an archive's rows of a day are those of a version; of the day after its period
/// it may have some, as long as no other archive owns that day.
fn may_be_of(
    archive: &Archive,
    version: usize,
    day: NaiveDate,
    held: &[String],
    seed: u64,
) -> bool {
    let own = silver_of(&archive.rows_of(version, day, seed));
    if own.is_empty() {
        let across = silver_of(&archive.rows_across(version, seed));
        return held.iter().all(|row| across.contains(row));
    }
    own == *held
}

/// Finds natural keys that are there twice, and days with several owners.
fn double_rows(rows: &RowsByOwner) -> Vec<String> {
    let mut found = Vec::new();
    let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
    let mut owners: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for ((archive, day), rows) in rows {
        for row in rows {
            if let Some(other) = keys.insert(natural_key(row), archive) {
                found.push(format!("{} is in {other} and in {archive}", natural_key(row)));
            }
        }
        let Some(row) = rows.first() else { continue };
        if let Some(other) = owners.insert((series_of(row), day), archive) {
            found.push(format!("{day} is owned by {other} and {archive}"));
        }
    }
    found
}

fn silver_of(rows: &[ModelRow]) -> Vec<String> {
    let mut rows: Vec<_> = rows.iter().map(|row| row.silver.clone()).collect();
    rows.sort();
    rows
}

/// How complete a copy of a day is, better copies being greater.
fn completeness(rows: &[ModelRow]) -> (usize, i64) {
    let mut ids: Vec<i64> = rows.iter().filter_map(|row| row.id).collect();
    ids.sort_unstable();
    let gaps = ids.windows(2).filter(|pair| pair[0] + 1 != pair[1]).count();
    (rows.len(), -(gaps as i64))
}

/// What silver holds in the end, day by day, once it was found to be right.
pub(super) struct Settled {
    pub(super) rows: BTreeMap<Place, Vec<ModelRow>>,
    pub(super) wrong: Vec<String>,
}

/// Compares silver with the truth, after everything that is published could be ingested.
pub(super) fn settle(world: &World, rows: &RowsByOwner, seen: &mut Seen) -> Settled {
    let mut settled = Settled { rows: BTreeMap::new(), wrong: contradictions(world, rows, seen) };
    let mut owners: BTreeMap<Place, (&Archive, usize)> = BTreeMap::new();
    for ((key, day), held) in rows {
        let date: NaiveDate = day.parse().unwrap();
        let Some(archive) = world.archives.iter().find(|archive| archive.key == *key) else {
            continue;
        };
        let same =
            |version: &usize| silver_of(&archive.rows_of(*version, date, world.seed)) == *held;
        let across = rows_across(archive, held, world.seed);
        if archive.versions.iter().all(|version| !version.has(date)) && !across.is_empty() {
            settled.rows.insert((archive.series, date), across);
        }
        // The newest of those that are alike.
        if let Some(version) = archive.readable().filter(same).last() {
            owners.insert((archive.series, date), (archive, version));
        }
    }
    for place in world.places() {
        match check_day(world, place, owners.get(&place), seen) {
            Ok(rows) if rows.is_empty() => {}
            Ok(rows) => drop(settled.rows.insert(place, rows)),
            Err(wrong) => settled.wrong.push(wrong),
        }
    }
    settled
}

/// Returns those of an archive's rows of the day after its period that silver holds.
fn rows_across(archive: &Archive, held: &[String], seed: u64) -> Vec<ModelRow> {
    let mut rows = Vec::new();
    for version in archive.readable() {
        for row in archive.rows_across(version, seed) {
            if held.contains(&row.silver) && !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    rows
}

/// Checks who owns a day, and returns its rows.
fn check_day(
    world: &World,
    place: Place,
    owner: Option<&(&Archive, usize)>,
    seen: &Seen,
) -> Result<Vec<ModelRow>, String> {
    let (_, day) = place;
    let seed = world.seed;
    let published = world.copies(place).filter(|(archive, _)| !archive.is_withdrawn);
    let best = published
        .map(|(archive, version)| {
            (completeness(&archive.rows_of(version, day, seed)), archive.key.as_str())
        })
        .max();
    let Some((archive, version)) = owner else {
        return match best {
            Some((_, key)) => Err(format!("{day} is not in silver, and {key} has it")),
            None => Ok(Vec::new()),
        };
    };
    let rows = archive.rows_of(*version, day, seed);
    if let Some((best, key)) = best.filter(|(best, _)| completeness(&rows) < *best) {
        let held = completeness(&rows);
        return Err(format!(
            "{day}: {} {held:?} owns it, and {key} {best:?} is better",
            archive.key
        ));
    }
    if !archive.is_withdrawn && archive.newest != Some(*version) {
        return Err(format!("{day}: {} is there as version {version}", archive.key));
    }
    check_withdrawn(world, place, archive, seen)?;
    Ok(rows)
}

/// Finds a copy that silver has lost for ever, because it was withdrawn, though no version of the
/// owner is as good.
fn check_withdrawn(
    world: &World,
    place: Place,
    owner: &Archive,
    seen: &Seen,
) -> Result<(), String> {
    let (_, day) = place;
    let of_owner = owner.readable();
    let best = of_owner.map(|version| completeness(&owner.rows_of(version, day, world.seed))).max();
    for (number, version) in seen.0.get(&place).into_iter().flatten() {
        let archive = &world.archives[*number];
        // A version that was replaced by a later one is gone by right.
        let is_last = archive.newest == Some(*version) && archive.is_withdrawn;
        let rows = archive.rows_of(*version, day, world.seed);
        if is_last && archive.key != owner.key && Some(completeness(&rows)) > best {
            let key = &archive.key;
            return Err(format!("{day}: {key} was withdrawn and better than {}", owner.key));
        }
    }
    Ok(())
}

/// Returns what `gold.daily_ohlcv` has to say, as lines.
pub(super) fn daily_bars(settled: &Settled) -> Vec<String> {
    let mut lines = Vec::new();
    for ((series, day), rows) in &settled.rows {
        let series = SERIES[*series];
        if !matches!(series.kind, Kind::Bars { interval: "1m", .. }) {
            continue;
        }
        let mut rows: Vec<_> = rows.iter().collect();
        rows.sort_by_key(|row| row.time);
        let column = |number: usize| rows.iter().map(move |row| row.values[number]);
        let sum = |number: usize| column(number).sum::<i64>();
        let open = column(0).next().unwrap();
        let high = column(1).max().unwrap();
        let low = column(2).min().unwrap();
        let close = column(3).next_back().unwrap();
        let count = rows.len();
        lines.push(format!(
            "{day}|{}|{open}|{high}|{low}|{close}|{}|{}|{}|{count}",
            series.symbol,
            sum(4),
            sum(5),
            sum(6)
        ));
    }
    lines.sort();
    lines
}

/// Returns what `gold.funding_daily` has to say, as lines.
pub(super) fn daily_funding(settled: &Settled) -> Vec<String> {
    let mut lines = Vec::new();
    for ((series, day), rows) in &settled.rows {
        let series = SERIES[*series];
        if series.kind == Kind::Funding {
            let sum: i64 = rows.iter().map(|row| row.values[0]).sum();
            lines.push(format!("{day}|{}|{sum}|{}", series.symbol, rows.len()));
        }
    }
    lines.sort();
    lines
}
