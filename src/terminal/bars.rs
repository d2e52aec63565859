//! The bars themselves, one line per stage: the only file that knows indicatif.

use std::time::Duration;

use bytesize::ByteSize;
use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

const LISTING: &str = "{prefix:>8} {spinner} {human_pos} keys";
const VERIFYING: &str = "{prefix:>8} {spinner} {human_pos} archives, {msg}, {per_sec:.1}";
const DOWNLOADING: &str = concat!(
    "{prefix:>8} [{bar:24}] {binary_bytes}/{binary_total_bytes}, {msg}, ",
    "{binary_bytes_per_sec}, {eta} left"
);
const COUNTING: &str =
    "{prefix:>8} [{bar:24}] {human_pos}/{human_len} archives{msg}, {per_sec:.1}, {eta} left";

/// How often the bars move although nothing happens, so that rate and time left stay true.
const TICK: Duration = Duration::from_millis(250);

/// The lines of all stages; each shows when its stage begins.
#[derive(Debug)]
pub(super) struct Bars {
    lines: MultiProgress,
    list: ProgressBar,
    download: ProgressBar,
    decode: ProgressBar,
    commit: ProgressBar,
    verify: ProgressBar,
}

/// Figures that are shown next to a bar.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) planned: u64,
    pub(super) downloaded: u64,
    pub(super) decoded_bytes: u64,
    pub(super) rows: u64,
    pub(super) verified_bytes: u64,
}

impl Bars {
    pub(super) fn new(drawn: bool) -> Self {
        let target =
            if drawn { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let lines = MultiProgress::with_draw_target(target);
        let list = lines.add(stage("list", LISTING));
        let download = lines.add(stage("download", DOWNLOADING));
        let decode = lines.add(stage("decode", COUNTING));
        let commit = lines.add(stage("commit", COUNTING));
        let verify = lines.add(stage("verify", VERIFYING));
        Self { lines, list, download, decode, commit, verify }
    }

    pub(super) fn listed(&self, keys: u64) {
        self.list.inc(keys);
    }

    pub(super) fn planned(&self, archives: u64, bytes: u64, figures: Figures) {
        self.list.abandon();
        self.download.inc_length(bytes);
        self.decode.inc_length(archives);
        self.commit.inc_length(archives);
        self.show_downloads(figures);
        [&self.download, &self.decode, &self.commit]
            .iter()
            .for_each(|bar| bar.enable_steady_tick(TICK));
    }

    pub(super) fn downloaded(&self, bytes: u64) {
        self.download.inc(bytes);
    }

    /// Ends an archive's download, of which `missing` bytes were not needed or will not come.
    pub(super) fn download_finished(&self, missing: u64, stored: bool, figures: Figures) {
        self.download.inc(missing);
        self.show_downloads(figures);
        if !stored {
            self.decode.dec_length(1);
        }
    }

    pub(super) fn decoded(&self, figures: Figures) {
        self.decode.set_message(format!(", {}", size(figures.decoded_bytes)));
        self.decode.inc(1);
    }

    pub(super) fn committed(&self, archives: u64, figures: Figures) {
        self.commit.set_message(format!(", {} rows", HumanCount(figures.rows)));
        self.commit.inc(archives);
    }

    pub(super) fn verified(&self, figures: Figures) {
        self.verify.set_message(format!("{}", size(figures.verified_bytes)));
        self.verify.inc(1);
    }

    /// Takes an archive out of those that will be committed.
    pub(super) fn failed(&self) {
        self.commit.dec_length(1);
    }

    /// Writes something else to standard error without the bars in its way.
    pub(super) fn suspend(&self, write: impl FnOnce()) {
        self.lines.suspend(write);
    }

    /// Takes the lines away for good.
    pub(super) fn clear(&self) {
        for bar in [&self.list, &self.download, &self.decode, &self.commit, &self.verify] {
            bar.finish_and_clear();
        }
    }

    fn show_downloads(&self, figures: Figures) {
        let Figures { planned, downloaded, .. } = figures;
        self.download.set_message(format!(
            "{}/{} archives",
            HumanCount(downloaded),
            HumanCount(planned)
        ));
    }
}

/// Formats a number of bytes for people.
pub(super) fn size(bytes: u64) -> impl std::fmt::Display {
    ByteSize(bytes).display().iec()
}

fn stage(name: &'static str, template: &str) -> ProgressBar {
    let style =
        ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style.progress_chars("=> ")).with_prefix(name)
}
