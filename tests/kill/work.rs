//! What is killed: commands that write to a lake, with the steps at which they can be held.

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    Ingest,
    Correction,
    Overlap,
    Gold,
    Maintain,
    RebuildLedger,
}

/// Each kind of work as often as it is listed.
pub(super) const WORK: [Work; 10] = [
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
];

impl Work {
    /// Returns steps at which it may be killed.
    pub(super) const fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Ingest | Self::Overlap => &[
                "files written silver.klines",
                "before commit silver.klines",
                "after commit silver.klines",
                "before commit silver.trades",
                "after commit silver.trades",
                "before commit meta.archives",
                "after commit meta.archives",
                "before commit meta.runs",
            ],
            Self::Correction => &[
                "files written silver.klines",
                "rows taken out silver.klines",
                "rows taken out silver.trades",
                "before commit silver.klines",
                "after commit silver.klines",
                "before commit meta.changes",
                "after commit meta.changes",
                "before commit meta.archives",
            ],
            Self::Gold => &[
                "files written gold.daily_ohlcv",
                "before commit gold.daily_ohlcv",
                "after commit gold.daily_ohlcv",
            ],
            Self::Maintain => &[
                "files merged silver.klines",
                "before commit silver.klines",
                "after commit silver.klines",
                "file deleted silver.klines",
                "file deleted meta.archives",
            ],
            Self::RebuildLedger => &["before commit meta.archives", "after commit meta.archives"],
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
        }
    }
}
