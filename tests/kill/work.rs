//! What is killed: commands that write to a lake, with the steps at which they can be held.

/// Steps of an ingest of bars and trades.
pub(crate) const INGEST: [&str; 10] = [
    "files written silver.klines",
    "before commit silver.klines",
    "after commit silver.klines",
    "before commit silver.trades",
    "after commit silver.trades",
    "before commit meta.archives",
    "after commit meta.archives",
    "before commit meta.series",
    "after commit meta.series",
    "before commit meta.runs",
];

/// Steps of an ingest of bars and trades that were corrected.
pub(crate) const CORRECTION: [&str; 8] = [
    "files written silver.klines",
    "rows taken out silver.klines",
    "rows taken out silver.trades",
    "before commit silver.klines",
    "after commit silver.klines",
    "before commit meta.changes",
    "after commit meta.changes",
    "before commit meta.archives",
];

/// Steps of a compaction of bars.
pub(crate) const COMPACTION: [&str; 3] =
    ["files merged silver.klines", "before commit silver.klines", "after commit silver.klines"];

/// Steps of the deletion of files that nobody needs.
const VACUUM: [&str; 2] = ["file deleted silver.klines", "file deleted meta.archives"];

/// Steps of a repair of trades.
pub(crate) const REPAIR: [&str; 11] = [
    "before commit meta.archives",
    "after commit meta.archives",
    "damaged file copied silver.trades",
    "damaged file set aside silver.trades",
    "table adopted silver.trades",
    "rows removed silver.trades",
    "files written silver.trades",
    "rows taken out silver.trades",
    "before commit silver.trades",
    "after commit silver.trades",
    "archives landed again silver.trades",
];

/// Steps of a removal of bars and trades.
pub(crate) const REMOVAL: [&str; 7] = [
    "rows taken out silver.klines",
    "before commit silver.klines",
    "after commit silver.klines",
    "before commit meta.archives",
    "after commit meta.archives",
    "after commit silver.trades",
    "bronze deleted silver.trades",
];

const GOLD: [&str; 3] = [
    "files written gold.daily_ohlcv",
    "before commit gold.daily_ohlcv",
    "after commit gold.daily_ohlcv",
];

const REBUILD: [&str; 2] = ["before commit meta.archives", "after commit meta.archives"];

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    Ingest,
    Correction,
    Overlap,
    Gold,
    Maintain,
    RebuildLedger,
    Repair,
}

/// Each kind of work as often as it is listed.
pub(super) const WORK: [Work; 12] = [
    Work::Ingest,
    Work::Ingest,
    Work::Correction,
    Work::Correction,
    Work::Overlap,
    Work::Overlap,
    Work::Gold,
    Work::Maintain,
    Work::Maintain,
    Work::RebuildLedger,
    Work::Repair,
    Work::Repair,
];

impl Work {
    /// Returns steps at which it may be killed.
    pub(super) fn steps(self) -> Vec<&'static str> {
        match self {
            Self::Ingest | Self::Overlap => INGEST.to_vec(),
            Self::Correction => CORRECTION.to_vec(),
            Self::Gold => GOLD.to_vec(),
            Self::Maintain => [&COMPACTION[..], &VACUUM].concat(),
            Self::RebuildLedger => REBUILD.to_vec(),
            Self::Repair => REPAIR.to_vec(),
        }
    }

    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Ingest | Self::Correction | Self::Overlap => {
                &["ingest", "--all", "--stage", "silver", "--batch-size", "3"]
            }
            Self::Gold => &["gold", "daily_ohlcv"],
            Self::Maintain => &["maintain", "--retention", "0"],
            Self::RebuildLedger => &["maintain", "--rebuild-ledger"],
            Self::Repair => &["maintain", "--repair"],
        }
    }
}
