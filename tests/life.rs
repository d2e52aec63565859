//! A lake's life, from a seed: late, cut, shuffled, corrected and withdrawn archives, a server with
//! faults, runs that are killed or overlap, clocks that jump, maintenance in between. In the end
//! the lake holds the truth.
//!
//! `LAKEHOUSE_LIFE_DAYS` says how long it lives: 20 days, or 1,000 in the long form of the tests.
//! `LAKEHOUSE_LIFE_SEED` says what happens. The same seed makes the same world and the same
//! commands. What is not repeated is the exact moment of a kill by time, and who of two processes
//! is faster. `LAKEHOUSE_LIFE_KEEP` keeps the lake of a failure.

mod archive;
mod ending;
mod truth;
mod world;

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use tempfile::TempDir;
use truth::Seen;
use world::World;

use crate::support::archive_server::{ArchiveServer, Fault};
use crate::support::command::lakehouse;
use crate::support::process::{End, Kill, Running, finish};
use crate::support::random::Random;
use crate::support::silver_rows::silver_rows;
use crate::support::{figures, scale};

/// Days before today whose rows are looked at every day; all are looked at now and then.
const LOOKED_AT: u64 = 60;

/// Steps at which a run may be killed.
const STEPS: [&str; 17] = [
    "files written silver.klines",
    "rows taken out silver.klines",
    "before commit silver.klines",
    "after commit silver.klines",
    "before commit silver.trades",
    "after commit silver.trades",
    "before commit silver.metrics",
    "before commit meta.archives",
    "after commit meta.archives",
    "before commit meta.changes",
    "after commit meta.changes",
    "before commit meta.series",
    "after commit meta.series",
    "before commit meta.runs",
    "files written gold.daily_ohlcv",
    "before commit gold.daily_ohlcv",
    "after commit gold.daily_ohlcv",
];

/// Steps at which maintenance may be killed.
const STEPS_OF_MAINTENANCE: [&str; 6] = [
    "files merged silver.klines",
    "before commit silver.klines",
    "after commit silver.klines",
    "file deleted silver.klines",
    "before commit meta.archives",
    "file deleted meta.archives",
];

const INGEST: &[&str] =
    &["ingest", "--all", "--stage", "silver", "--data-type", "klines,trades,metrics,fundingRate"];
const INGEST_DAILY: &[&str] = &[
    "ingest",
    "--all",
    "--stage",
    "silver",
    "--data-type",
    "klines,trades,metrics",
    "--frequency",
    "daily",
];
const REFRESH: &[&str] = &["refresh"];
const REBUILD: &[&str] = &["maintain", "--rebuild-ledger"];

#[test]
fn a_lake_that_lives_through_a_faulty_world_holds_the_truth_in_the_end() {
    let seed = setting("LAKEHOUSE_LIFE_SEED").unwrap_or_else(|| scale::seed(1));
    let days = setting("LAKEHOUSE_LIFE_DAYS").unwrap_or_else(|| scale::scaled(20, 1_000));
    figures::print(&format!("life: seed {seed}, {days} days"));
    let started = Instant::now();
    let mut life = Life::new(seed, days);
    life.live();
    life.end();
    let took = started.elapsed();
    figures::print(&format!("life: seed {seed}, {days} days: {} in {took:.1?}", life.figures));
}

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var_os(name)?;
    Some(text.to_str().unwrap().parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// What was done.
#[derive(Debug, Default)]
struct Figures {
    runs: usize,
    kills: usize,
    overlaps: usize,
    faults: usize,
    jumps: usize,
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { runs, kills, overlaps, faults, jumps } = self;
        write!(
            f,
            "{runs} runs, {kills} killed, {overlaps} overlaps, {faults} faults of the server, \
             {jumps} jumps of the clock"
        )
    }
}

struct Life {
    world: World,
    server: ArchiveServer,
    folder: TempDir,
    random: Random,
    today: NaiveDate,
    /// Runs since the day began, for the time of the next one.
    runs_today: i64,
    seen: Seen,
    figures: Figures,
    /// What an ingest takes, for moments at which it is killed.
    usual: Duration,
    /// The last commands, for those who look for the reason of a failure.
    history: Vec<String>,
}

impl Life {
    fn new(seed: u64, days: u64) -> Self {
        let world = World::new(seed, days);
        Self {
            today: world.days[0],
            world,
            server: ArchiveServer::start(),
            folder: tempfile::tempdir().unwrap(),
            random: Random::at(seed, &[2]),
            runs_today: 0,
            seen: Seen::default(),
            figures: Figures::default(),
            usual: Duration::from_millis(300),
            history: Vec::new(),
        }
    }

    /// Lives until the day after the last one that is traded.
    fn live(&mut self) {
        for number in 0..self.world.days.len() {
            self.begin_day(self.world.days[number] + Days::new(1));
            self.work();
            self.maintain();
            let since = if number % 30 == 29 { NaiveDate::default() } else { self.looked_at() };
            self.look(since);
        }
    }

    fn begin_day(&mut self, day: NaiveDate) {
        self.today = day;
        self.runs_today = 0;
        self.history.push(format!("--- {day}"));
        let last = self.history.len();
        self.history.drain(..last.saturating_sub(60));
        self.world.live_until(day, &self.server);
        self.server.clear_faults();
        if self.random.percent(30) {
            self.misbehave();
        }
    }

    /// Has the server answer some requests of the day badly.
    fn misbehave(&mut self) {
        let keys = self.server.keys();
        let newest = keys.len().saturating_sub(60);
        for _ in 0..1 + self.random.below(4) {
            // Any archive may be asked for again; checksums lie beside them.
            let from = if self.random.percent(50) { newest } else { 0 };
            let Some(key) = keys.get(from + self.random.below(keys.len() - from)) else { continue };
            let fault = match self.random.below(6) {
                0 | 1 => Fault::Status(503),
                2 => Fault::Status(404),
                3 => Fault::CutAfter(self.random.below(60)),
                4 => Fault::Corrupt,
                _ => Fault::Shorten(1 + self.random.below(20)),
            };
            let times = 1 + self.random.below(3);
            self.history.push(format!("server: {times} x {fault:?} for {key}"));
            self.server.script(key, vec![fault; times]);
            self.figures.faults += times;
        }
    }

    /// Does what brings the lake up to date, or tries.
    fn work(&mut self) {
        let command = if self.random.percent(20) { REFRESH } else { INGEST };
        match self.random.below(100) {
            0..8 => {}
            8..35 => self.run(&[(command, Kill::Never)]),
            35..75 => {
                let kill = self.some_kill(&STEPS);
                self.run(&[(command, kill)]);
                if self.random.percent(35) {
                    self.run(&[(INGEST, Kill::Never)]);
                }
            }
            _ => {
                let others = [INGEST, INGEST_DAILY, REFRESH, &["maintain"], REBUILD, &["gold"]];
                let other = *self.random.pick(&others);
                let kill =
                    if self.random.percent(50) { self.some_kill(&STEPS) } else { Kill::Never };
                self.figures.overlaps += 1;
                self.run(&[(command, kill), (other, Kill::Never)]);
            }
        }
    }

    /// Maintains the lake now and then.
    fn maintain(&mut self) {
        let commands: [(usize, &[&str]); 5] = [
            (10, &["maintain", "--retention", "0"]),
            (6, &["maintain", "--retention", "1d"]),
            (8, REBUILD),
            (8, &["gold"]),
            (20, &["verify", "--deep"]),
        ];
        for (chance, command) in commands {
            if self.random.percent(chance) {
                let is_killed = command[0] != "verify" && self.random.percent(30);
                let kill =
                    if is_killed { self.some_kill(&STEPS_OF_MAINTENANCE) } else { Kill::Never };
                self.run(&[(command, kill)]);
            }
        }
        if self.random.percent(8) {
            self.maintain_years_later();
        }
    }

    /// Deletes whatever nobody needs, at a time when no file can be one that is about to be
    /// committed; the clock goes back afterwards.
    fn maintain_years_later(&mut self) {
        let clock = self.time() + TimeDelta::days(365 * 70);
        let arguments = &["maintain", "--retention", "0"];
        self.history.push(format!("{} at {clock}", arguments.join(" ")));
        let name = format!("run-{}", self.figures.runs);
        self.figures.runs += 1;
        self.figures.jumps += 1;
        let command = self.program(arguments, clock);
        let running = Running::start(command, Kill::Never, self.folder.path(), &name);
        finish(vec![running]).iter().for_each(|end| self.judge(arguments, end));
    }

    fn some_kill(&mut self, steps: &[&str]) -> Kill {
        if self.random.percent(50) {
            return Kill::At((*self.random.pick(steps)).to_owned());
        }
        Kill::After(self.usual.mul_f64(1.2 * self.random.fraction()))
    }

    /// Runs commands at the same time, each perhaps at a wrong time.
    fn run(&mut self, commands: &[(&[&str], Kill)]) {
        let mut running = Vec::new();
        for (arguments, kill) in commands {
            let clock = self.some_time();
            self.history.push(format!("{} at {clock}, kill {kill:?}", arguments.join(" ")));
            let name = format!("run-{}", self.figures.runs);
            self.figures.runs += 1;
            let command = self.program(arguments, clock);
            running.push(Running::start(command, kill.clone(), self.folder.path(), &name));
        }
        let ends = finish(running);
        for ((arguments, _), end) in commands.iter().zip(ends) {
            self.judge(arguments, &end);
        }
    }

    fn judge(&mut self, arguments: &[&str], end: &End) {
        if end.killed {
            self.figures.kills += 1;
            return;
        }
        if arguments == INGEST {
            self.usual = end.took.clamp(Duration::from_millis(50), Duration::from_secs(2));
        }
        self.history.push(format!("  exit {:?} of {}", end.code, arguments[0]));
        // Archives that failed are no failure of the run; before anything has landed there may be
        // nothing to work on.
        let may_fail = matches!(arguments[0], "ingest" | "refresh");
        let is_right = end.code == Some(0) || (may_fail && end.code == Some(1));
        let is_empty = end.stderr.contains("no lake at") || end.stderr.contains("is empty");
        let what = format!("{arguments:?} ended with {:?}: {}", end.code, end.stderr);
        self.assert(is_right || is_empty, &what);
        self.assert(!end.stderr.contains("panicked"), &what);
    }

    /// Returns the time of the next run: some minutes after the last one, or any.
    fn some_time(&mut self) -> DateTime<Utc> {
        self.runs_today += 1;
        let time = self.time();
        if !self.random.percent(8) {
            return time;
        }
        self.figures.jumps += 1;
        let hours = *self.random.pick(&[-72, -1, 1, 48, 60 * 24]);
        time + TimeDelta::hours(hours)
    }

    fn time(&self) -> DateTime<Utc> {
        let morning = self.today.and_hms_opt(8, 0, 0).unwrap().and_utc();
        morning + TimeDelta::minutes(10 * self.runs_today)
    }

    fn program(&self, arguments: &[&str], clock: DateTime<Utc>) -> Command {
        let mut command = lakehouse(self.folder.path());
        command.args(arguments).args(["--lake", "lake", "-q"]);
        if matches!(arguments[0], "ingest" | "refresh") {
            // What a run does not try again is left to the next one.
            let retries = if self.figures.runs.is_multiple_of(3) { "1" } else { "0" };
            command.args(["--source", self.server.url(), "--retries", retries]);
        }
        command.env("LAKEHOUSE_TEST_CLOCK", clock.to_rfc3339());
        command
    }

    fn query(&self, sql: &str) -> Command {
        let mut command = lakehouse(self.folder.path());
        command.args(["query", "--lake", "lake", "--format", "tsv", sql]);
        command
    }

    fn looked_at(&self) -> NaiveDate {
        self.today - Days::new(LOOKED_AT)
    }

    /// Looks at every row from a day on.
    fn look(&mut self, since: NaiveDate) {
        if !self.folder.path().join("lake/silver").exists() {
            return;
        }
        let rows = silver_rows(since, |sql| self.query(sql));
        let wrong = truth::contradictions(&self.world, &rows, &mut self.seen);
        self.assert(wrong.is_empty(), &wrong.join("\n"));
    }

    fn assert(&self, condition: bool, message: &str) {
        if condition {
            return;
        }
        let (seed, day, days) = (self.world.seed, self.today, self.world.days.len());
        let history = self.history.join("\n");
        let replay = format!("LAKEHOUSE_LIFE_SEED={seed} LAKEHOUSE_LIFE_DAYS={days}");
        if std::env::var_os("LAKEHOUSE_LIFE_KEEP").is_some() {
            let kept = std::env::temp_dir().join(format!("life-{seed}-{day}"));
            std::fs::rename(self.folder.path(), &kept).unwrap();
            eprintln!("life: kept as {}", kept.display());
        }
        panic!("{history}\n\non {day} of the life with {replay}:\n{message}");
    }
}
