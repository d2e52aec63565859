//! Which files of `meta.series` a commit writes again, and what is in them then.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use lakehouse_core::matrix::Matrix;
use lakehouse_core::names::period::DateRange;
use lakehouse_core::plan::refresh_window::window;
use lakehouse_core::series::SeriesLook;

use super::Learned;
use super::files::{FileRows, Place, SeriesFile, do_overlap, files_of, place_of};
use super::rows::SeriesRow;
use crate::delta::TableError;
use crate::delta::commit::{Change, CommitContext};
use crate::delta::table::WritableTable;
use crate::meta::table::write_file;
use crate::parquet::writer::FileTarget;

/// What is to be recorded, in the order of the table.
#[derive(Debug)]
pub(super) struct Updates<'a> {
    looks: Vec<PlacedLook<'a>>,
    learned: Learned<'a>,
    context: &'a CommitContext,
}

/// What was learned of a series, with its place.
type PlacedLook<'a> = (Place, &'a SeriesLook);

/// Files that are written again together, with what is to be recorded in them.
type Part<'f, 'a> = (&'f [SeriesFile], &'f [PlacedLook<'a>]);

/// What taking in a look does to the rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    #[default]
    Nothing,
    /// It is known that the series was listed.
    Looked,
    /// Something else is known.
    Facts,
}

impl<'a> Updates<'a> {
    pub(super) fn new(
        looks: impl Iterator<Item = &'a SeriesLook>,
        learned: Learned<'a>,
        context: &'a CommitContext,
    ) -> Self {
        let placed = looks.map(|look| (place_of(&look.series), look));
        let mut looks: Vec<_> = placed.collect();
        // Stable, so that what is newer stays behind what is older.
        looks.sort_by(|a, b| a.0.cmp(&b.0));
        Self { looks, learned, context }
    }

    /// Returns what brings the newest version of the table up to date; nothing if it is.
    pub(super) async fn change(
        &self,
        table: &WritableTable,
        target: &Arc<FileTarget>,
        matrix: &Matrix,
    ) -> Result<Option<Change>, TableError> {
        let files = files_of(table).await?;
        let parts = self.parts(&files);
        let mut effect = Effect::default();
        for (files, looks) in &parts {
            let mut rows = FileRows::read(table, files, matrix).await?;
            effect = effect.max(self.take_in(looks, &mut rows));
            // Nothing is more than that, so that the other files need not be read for it.
            if effect == Effect::Facts {
                break;
            }
        }
        if effect == Effect::Nothing || effect == Effect::Looked && !self.learned.records_looks {
            return Ok(None);
        }
        // When a series was listed is for the next refresh; tables that are made from this one need
        // not be made again.
        let data_change = effect == Effect::Facts;
        let mut change = Change { data_change, ..Change::default() };
        for (files, looks) in parts {
            let mut rows = FileRows::read(table, files, matrix).await?;
            if self.take_in(looks, &mut rows) == Effect::Nothing {
                continue;
            }
            for part in rows.batches().map_err(TableError::arrow(target.table()))? {
                change.adds.push(write_file(target, &[part]).await?);
            }
            change.removes.extend(files.iter().map(|file| file.active.clone()));
        }
        Ok(Some(change))
    }

    /// Divides what is to be recorded by the files in whose ranges it is.
    fn parts<'f>(&'f self, files: &'f [SeriesFile]) -> Vec<Part<'f, 'a>> {
        if files.is_empty() || do_overlap(files) {
            return vec![(files, &self.looks)];
        }
        let mut parts = Vec::new();
        let mut rest = self.looks.as_slice();
        for (at, file) in files.iter().enumerate() {
            let next = files.get(at + 1).map(|next| &next.first);
            let end = rest.partition_point(|(place, _)| next.is_none_or(|next| place < next));
            let (looks, others) = rest.split_at(end);
            rest = others;
            if !looks.is_empty() {
                parts.push((std::slice::from_ref(file), looks));
            }
        }
        parts
    }

    fn take_in(&self, looks: &[PlacedLook<'_>], rows: &mut FileRows) -> Effect {
        let mut effect = Effect::default();
        for (_, look) in looks {
            if let Some(row) = rows.of(&look.series).get_mut(look.frequency as usize) {
                effect = effect.max(self.take_in_one(look, row));
            }
        }
        effect
    }

    fn take_in_one(&self, look: &SeriesLook, row: &mut Option<SeriesRow>) -> Effect {
        let mut archives = row.as_ref().map(|row| row.archives.clone()).unwrap_or_default();
        archives.update(look.listed, &look.archives);
        let listed_at = self.learned.listed_at.filter(|at| shows_lately(look, *at));
        let is_new = row.as_ref().is_none_or(|row| row.archives != archives);
        if !is_new && listed_at.is_none() {
            return Effect::Nothing;
        }
        // Of a folder in which nothing was ever found, only the look is new.
        let is_fact = is_new && (row.is_some() || !archives.is_empty());
        let last_listed = row.as_ref().and_then(|row| row.last_listed);
        *row = Some(SeriesRow {
            series: look.series.clone(),
            frequency: look.frequency,
            last_listed: listed_at.or(last_listed),
            archives,
            run: Arc::clone(&self.context.run),
            recorded_at: self.context.clock.now(),
        });
        if is_fact { Effect::Facts } else { Effect::Looked }
    }
}

/// Returns whether a listing shows all days that a refresh at this time looks at.
fn shows_lately(look: &SeriesLook, at: DateTime<Utc>) -> bool {
    let DateRange { start, end } = window(at.date_naive(), false);
    let listed = look.listed;
    listed.is_some_and(|it| start.into_iter().chain(end).all(|day| it.contains(day)))
}
