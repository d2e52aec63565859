//! Many kills, at random moments and at named steps, of everything that writes to a lake: several
//! into one lake, so that leftovers meet leftovers. After some, a run that is left alone makes the
//! lake what the archives say, row by row.
//!
//! `LAKEHOUSE_TEST_SEED` says what happens. What is not repeated is the exact moment of a kill by
//! time.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use serde::Deserialize;
use tempfile::TempDir;

use super::damage::{LakeFiles, damage};
use super::work::{WORK, Work};
use crate::support::archive_server::ArchiveServer;
use crate::support::command::{Run, lakehouse};
use crate::support::figures;
use crate::support::market_model::{ModelRow, SERIES, Series, scaled};
use crate::support::process::{End, Kill, Running, finish};
use crate::support::random::Random;
use crate::support::s3_server::S3Server;
use crate::support::silver_rows::{RowsByOwner, silver_rows};

/// Kills into one lake before it is completed and looked at.
const KILLS_OF_A_LAKE: usize = 10;

/// What `verify` prints.
#[derive(Debug, Deserialize)]
struct Verified {
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "printed")]
struct Finding {
    archive: String,
    check: String,
    expected: String,
    found: String,
}

/// Where lakes are.
pub(crate) enum Place {
    Folder,
    Bucket(S3Server),
}

/// An archive with every version that it has had.
struct Published {
    series: Series,
    day: NaiveDate,
    versions: Vec<Vec<ModelRow>>,
}

struct Marathon {
    place: Place,
    seed: u64,
    random: Random,
    folder: TempDir,
    usual: BTreeMap<Work, Duration>,
    kills: BTreeMap<Work, usize>,
    lakes: usize,
    server: ArchiveServer,
    archives: BTreeMap<String, Published>,
    /// The table of the last damage, such as `silver.trades`.
    damaged: String,
    history: Vec<String>,
}

/// Kills so many runs on lakes at a place.
pub(crate) fn run(place: Place, kills: usize, seed: u64) {
    let started = Instant::now();
    let what = match place {
        Place::Folder => "in folders",
        Place::Bucket(_) => "in a bucket",
    };
    figures::print(&format!("kills {what}: seed {seed}, {kills} kills"));
    let mut marathon = Marathon {
        place,
        seed,
        random: Random::new(seed),
        folder: tempfile::tempdir().unwrap(),
        usual: BTreeMap::new(),
        kills: BTreeMap::new(),
        lakes: 0,
        server: ArchiveServer::start(),
        archives: BTreeMap::new(),
        damaged: String::new(),
        history: Vec::new(),
    };
    while marathon.count() < kills {
        marathon.begin_lake();
        let end = kills.min(marathon.count() + KILLS_OF_A_LAKE);
        while marathon.count() < end {
            marathon.work();
        }
        marathon.complete();
    }
    let (done, lakes, count) = (&marathon.kills, marathon.lakes, marathon.count());
    let took = started.elapsed();
    figures::print(&format!(
        "kills {what}: seed {seed}, {count} kills {done:?} of {lakes} lakes in {took:.1?}"
    ));
}

impl Marathon {
    fn count(&self) -> usize {
        self.kills.values().sum()
    }

    fn begin_lake(&mut self) {
        self.lakes += 1;
        self.server = ArchiveServer::start();
        self.archives.clear();
        self.history.clear();
        for _ in 0..3 {
            self.publish_another();
        }
    }

    fn lake(&self) -> String {
        let name = format!("lake-{}", self.lakes);
        match &self.place {
            Place::Folder => name,
            Place::Bucket(server) => server.lake(&name),
        }
    }

    /// Publishes the archive of a day that comes next in one of the series.
    fn publish_another(&mut self) {
        let number = self.archives.len() as u64;
        let day = NaiveDate::from_ymd_opt(2024, 3, 5).unwrap() + Days::new(number / 2);
        let daily: Vec<_> =
            SERIES.into_iter().filter(|series| series.daily_key(day).is_some()).collect();
        let series = *self.random.pick(&daily);
        let key = series.daily_key(day).unwrap();
        let new = Published { series, day, versions: Vec::new() };
        self.archives.entry(key.clone()).or_insert(new);
        self.publish(&key);
    }

    /// Publishes an archive in a version that it did not have.
    fn publish(&mut self, key: &str) {
        let archive = self.archives.get_mut(key).unwrap();
        let revision = archive.versions.len() as u64;
        let rows = archive.series.rows_a_day();
        let rows = if self.random.percent(30) { rows - self.random.below(rows) } else { rows };
        let row = |index| archive.series.row(self.seed, archive.day, index, revision);
        let rows: Vec<_> = (0..rows).map(row).collect();
        self.server.publish(key, archive.series.zip(key, &rows));
        archive.versions.push(rows);
    }

    /// Works on the lake, and kills it.
    fn work(&mut self) {
        let work = *self.random.pick(&WORK);
        match work {
            Work::Ingest => self.publish_another(),
            Work::Correction => self.correct(),
            Work::Overlap => {
                self.publish_another();
                self.correct();
            }
            Work::Repair => return self.repair(),
            Work::Gold | Work::Maintain | Work::RebuildLedger => {}
        }
        let mut running = vec![self.start(work)];
        if work == Work::Overlap {
            running.push(self.start(work));
        }
        for end in finish(running) {
            self.judge(work, &end);
        }
        if self.random.percent(30) {
            self.look();
        }
    }

    /// Damages a log, kills repairs of it, one or two at a time, and lets one finish.
    fn repair(&mut self) {
        let files = match &self.place {
            Place::Folder => LakeFiles::Folder(self.folder.path().join(self.lake())),
            Place::Bucket(server) => LakeFiles::Bucket(server, format!("lake-{}", self.lakes)),
        };
        let Some(damage) = damage(&files, &mut self.random) else { return };
        self.history.push(format!("{}: {}", damage.table, damage.what));
        self.damaged = damage.table;
        for _ in 0..1 + self.random.below(3) {
            let mut running = vec![self.start(Work::Repair)];
            if self.random.percent(50) {
                running.push(self.start(Work::Repair));
            }
            for end in finish(running) {
                self.judge(Work::Repair, &end);
            }
        }
        self.done(Work::Repair.arguments());
        self.look();
    }

    fn correct(&mut self) {
        for _ in 0..1 + self.random.below(2) {
            let keys: Vec<_> = self.archives.keys().cloned().collect();
            let key = self.random.pick(&keys).clone();
            self.publish(&key);
        }
    }

    fn start(&mut self, work: Work) -> Running {
        let kill = if self.random.percent(40) {
            let step = *self.random.pick(&work.steps());
            Kill::At(match work {
                Work::Repair => step.replace("silver.trades", &self.damaged),
                _ => step.to_owned(),
            })
        } else {
            let usual = self.usual.get(&work).copied().unwrap_or(Duration::from_millis(300));
            Kill::After(usual.mul_f64(self.random.fraction()))
        };
        self.history.push(format!("{work:?}, kill {kill:?}"));
        let name = format!("run-{}", self.history.len());
        Running::start(self.program(work.arguments()), kill, self.folder.path(), &name)
    }

    fn judge(&mut self, work: Work, end: &End) {
        if end.killed {
            *self.kills.entry(work).or_default() += 1;
            return;
        }
        // On a machine that is busy with other tests a run takes long; the first moments have all
        // the steps.
        self.usual.insert(work, end.took.min(Duration::from_secs(2)));
        let is_empty = end.stderr.contains("no lake at") || end.stderr.contains("is empty");
        let what = format!("{work:?} ended with {:?}: {}", end.code, end.stderr);
        self.assert(end.code == Some(0) || is_empty, &what);
    }

    /// Looks at a lake in between: each archive's rows are those of one of its versions.
    fn look(&self) {
        for ((key, day), held) in self.rows() {
            let archive = self.archives.get(&key).unwrap_or_else(|| panic!("what is {key}?"));
            let is_one = archive.versions.iter().any(|rows| silver_of(rows) == held);
            self.assert(is_one, &format!("{} rows of {day} in {key}", held.len()));
        }
    }

    /// Lets the program finish, and compares the lake with the archives.
    fn complete(&self) {
        self.done(Work::Ingest.arguments());
        self.done(Work::Gold.arguments());
        self.verify();
        let mut expected = RowsByOwner::new();
        for (key, archive) in &self.archives {
            let rows = silver_of(archive.versions.last().unwrap());
            expected.insert((key.clone(), archive.day.to_string()), rows);
        }
        let rows = self.rows();
        for (owner, held) in &expected {
            let found = rows.get(owner).map_or(0, Vec::len);
            let message = format!("{owner:?}: {found} rows, expected {}", held.len());
            self.assert(rows.get(owner) == Some(held), &message);
        }
        self.assert(rows.len() == expected.len(), &format!("{:?}", rows.keys()));
        self.assert_gold();
    }

    fn verify(&self) {
        let run =
            Run::from(self.program(&["verify", "--deep", "--format", "json"]).output().unwrap());
        let found: Verified = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run}"));
        let found = found.findings;
        self.assert(found.is_empty(), &format!("verify: {found:#?}"));
    }

    fn assert_gold(&self) {
        let days =
            |archive: &&Published| archive.series.daily_key(archive.day).unwrap().contains("/1m/");
        let mut expected = Vec::new();
        for archive in self.archives.values().filter(days) {
            let rows = archive.versions.last().unwrap();
            let volume: i64 = rows.iter().map(|row| row.values[4]).sum();
            expected.push(format!("{} {volume} {}", archive.day, rows.len()));
        }
        expected.sort();
        if expected.is_empty() {
            return;
        }
        let mut query = self.program(&["query", "--format", "tsv"]);
        query.arg("SELECT date, volume, bars FROM gold.daily_ohlcv ORDER BY date");
        let run = Run::from(query.output().unwrap());
        self.assert(run.code == Some(0), &run.to_string());
        let mut found = Vec::new();
        for line in run.stdout.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').collect();
            found.push(format!("{} {} {}", cells[0], scaled(cells[1], 3), cells[2]));
        }
        self.assert(found == expected, &format!("gold has {found:?}, expected {expected:?}"));
    }

    fn rows(&self) -> RowsByOwner {
        if matches!(self.place, Place::Folder)
            && !self.folder.path().join(self.lake()).join("silver").exists()
        {
            return RowsByOwner::new();
        }
        silver_rows(NaiveDate::default(), |sql| {
            let mut query = self.program(&["query", "--format", "tsv"]);
            query.arg(sql);
            query
        })
    }

    fn done(&self, arguments: &[&str]) {
        let run = Run::from(self.program(arguments).output().unwrap());
        self.assert(run.code == Some(0), &format!("{arguments:?}: {run}"));
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = lakehouse(self.folder.path());
        command.args(arguments).args(["-q", "--lake", &self.lake()]);
        if arguments[0] == "ingest" {
            command.args(["--source", self.server.url()]);
        }
        if let Place::Bucket(server) = &self.place {
            server.admit(&mut command);
        }
        command
    }

    fn assert(&self, condition: bool, message: &str) {
        if condition {
            return;
        }
        let history = self.history.join("\n");
        let (seed, lake, kills) = (self.seed, self.lakes, self.count());
        panic!("{history}\n\nlake {lake} after {kills} kills with seed {seed}:\n{message}");
    }
}

fn silver_of(rows: &[ModelRow]) -> Vec<String> {
    let mut rows: Vec<_> = rows.iter().map(|row| row.silver.clone()).collect();
    rows.sort();
    rows
}
