//! Which archives a silver table holds, in which version and for which days, as its log says it.

use std::collections::{BTreeSet, HashMap};

use lakehouse_core::days::DaySet;
use lakehouse_core::verdict::Holding;

use crate::delta::TableError;
use crate::delta::log::{ArchiveRecord, HolderRecord, ToldCorrection, read_record};
use crate::delta::table::LakeTable;

/// The archives of one table up to a version of it.
#[derive(Debug, Default)]
pub(crate) struct SilverIndex {
    holdings: HashMap<String, Holding>,
    /// Versions up to this one are accounted for; -1 when none is.
    seen: i64,
    /// Found in the log, and not taken up by the ledger yet.
    unrecorded: Vec<(i64, Told)>,
    /// Corrections of the same commits, which `meta.changes` has not taken up.
    corrections: Vec<ToldCorrection>,
}

/// What a commit tells of one archive.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// A version of it came into the table, or was found to be less complete than what is there.
    Landed(Box<ArchiveRecord>),
    /// It was in the table, and its days were compared with another copy.
    Judged(HolderRecord),
}

impl SilverIndex {
    /// Starts from what the ledger knows of archives, up to version `seen` of the table.
    pub(crate) fn new(archives: impl IntoIterator<Item = (String, Holding)>, seen: i64) -> Self {
        Self { holdings: archives.into_iter().collect(), seen, ..Self::default() }
    }

    /// Returns what the table holds, or last held, of an archive.
    pub(crate) fn holding(&self, archive: &str) -> Option<&Holding> {
        self.holdings.get(archive)
    }

    /// Returns whether the table holds rows of an archive, or its word that there are none.
    pub(crate) fn holds(&self, archive: &str) -> bool {
        self.holding(archive).is_some_and(|holding| holding.rows > 0 || holding.days != Some(DaySet::NONE))
    }

    /// Reads the commits that are newer than what is known.
    pub(crate) async fn catch_up(&mut self, table: &LakeTable) -> Result<(), TableError> {
        for version in self.seen + 1..=table.version() {
            if let Some(record) = read_record(table, version).await? {
                self.corrections.extend(record.told_corrections(version));
                let landed = record.archives.into_iter().map(|archive| Told::Landed(Box::new(archive)));
                let judged = record.holders.into_iter().map(Told::Judged);
                landed.chain(judged).for_each(|told| self.take_in(version, told));
            }
            self.seen = version;
        }
        Ok(())
    }

    fn take_in(&mut self, version: i64, told: Told) {
        let (archive, holding) = match &told {
            Told::Landed(record) => {
                let ArchiveRecord { archive, sha256, rows, days, rival, yielded, .. } = record.as_ref();
                (archive, holding(sha256, *rows, *days, rival.as_deref(), *yielded))
            }
            Told::Judged(HolderRecord { archive, sha256, rows, days, rival, yielded, .. }) => {
                (archive, holding(sha256, *rows, *days, rival.as_deref(), *yielded))
            }
        };
        self.holdings.insert(archive.clone(), holding);
        self.unrecorded.push((version, told));
    }

    /// Leaves out archives that the ledger learns of in another way.
    pub(crate) fn forget_unrecorded(&mut self, archives: &BTreeSet<&str>) {
        self.unrecorded.retain(|(_, told)| !archives.contains(told.archive()));
    }

    /// Hands over what the log told since the last call, with the versions that tell it.
    pub(crate) fn take_unrecorded(&mut self) -> Vec<(i64, Told)> {
        std::mem::take(&mut self.unrecorded)
    }

    /// Hands over the corrections that the log told of since the last call.
    pub(crate) fn take_corrections(&mut self) -> Vec<ToldCorrection> {
        std::mem::take(&mut self.corrections)
    }
}

impl Told {
    fn archive(&self) -> &str {
        match self {
            Self::Landed(record) => &record.archive,
            Self::Judged(record) => &record.archive,
        }
    }
}

fn holding(sha256: &str, rows: u64, days: Option<DaySet>, rival: Option<&str>, yielded: bool) -> Holding {
    Holding { sha256: sha256.into(), rows, days, rival: rival.map(Into::into), yielded }
}
