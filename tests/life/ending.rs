//! The end of a life: the world stops misbehaving, the lake catches up, and everything is compared.

use chrono::NaiveDate;

use super::{INGEST_DAILY, Life, truth};
use crate::support::command::Run;
use crate::support::market_model::{scaled, trimmed};
use crate::support::silver_rows::silver_rows;

impl Life {
    /// Ends the world's faults and checks everything.
    pub(super) fn end(&mut self) {
        self.begin_day(self.world.end());
        self.server.clear_faults();
        self.catch_up();
        let rows = silver_rows(NaiveDate::default(), |sql| self.query(sql));
        let settled = truth::settle(&self.world, &rows, &mut self.seen);
        self.assert(settled.wrong.is_empty(), &settled.wrong.join("\n"));
        self.look_at_ledger();
        let bars = "open, high, low, close, volume, quote_volume, trade_count, bars";
        let found = self.gold("daily_ohlcv", bars, &[2, 2, 2, 2, 3, 3, 0, 0]);
        self.assert_same("gold.daily_ohlcv", &found, &truth::daily_bars(&settled));
        let found = self.gold("funding_daily", "funding_rate_sum, funding_count", &[6, 0]);
        self.assert_same("gold.funding_daily", &found, &truth::daily_funding(&settled));
        self.undisturbed(&["verify", "--deep"], &[0]);
    }

    /// Every archive that is published is known, and is right.
    fn look_at_ledger(&self) {
        let sql = "SELECT archive FROM meta.archives WHERE status IN ('ingested', 'yielded')";
        let run = Run::from(self.query(sql).output().unwrap());
        self.assert(run.code == Some(0), &run.to_string());
        let known: Vec<&str> = run.stdout.lines().skip(1).collect();
        let published = self.world.archives.iter().filter(|archive| !archive.is_withdrawn);
        for archive in published {
            let is_known = known.contains(&archive.key.as_str());
            self.assert(is_known, &format!("{} is neither ingested nor yielded", archive.key));
        }
    }

    /// Has the lake take up everything that is published, until nothing is left.
    fn catch_up(&mut self) {
        // Rows far outside an archive's period are rejected.
        self.undisturbed(INGEST_DAILY, &[0, 1]);
        for _ in 0..4 {
            self.server.take_seen();
            self.undisturbed(&["refresh", "--full"], &[0, 1]);
            if self.server.downloads() == 0 {
                return;
            }
        }
        let seen: Vec<_> = self.server.take_seen().into_iter().map(|seen| seen.key).collect();
        self.assert(false, &format!("the fourth refresh still downloads: {seen:?}"));
    }

    fn undisturbed(&mut self, arguments: &[&str], codes: &[i32]) {
        self.runs_today += 1;
        self.figures.runs += 1;
        self.history.push(arguments.join(" "));
        let run = Run::from(self.program(arguments, self.time()).output().unwrap());
        let is_right = run.code.is_some_and(|code| codes.contains(&code));
        self.assert(is_right, &format!("{arguments:?}: {run}"));
    }

    /// Returns rows of a gold table as lines, decimals as integers of so many digits.
    fn gold(&self, table: &str, columns: &str, digits: &[usize]) -> Vec<String> {
        let sql = format!("SELECT date, symbol, {columns} FROM gold.{table}");
        let run = Run::from(self.query(&sql).output().unwrap());
        self.assert(run.code == Some(0), &run.to_string());
        let mut lines = Vec::new();
        for line in run.stdout.lines().skip(1) {
            let cells: Vec<_> = line.split('\t').map(trimmed).collect();
            let values = cells[2..].iter().zip(digits).map(|(cell, digits)| scaled(cell, *digits));
            let values: Vec<_> = values.map(|value| value.to_string()).collect();
            lines.push(format!("{}|{}|{}", cells[0], cells[1], values.join("|")));
        }
        lines.sort();
        lines
    }

    fn assert_same(&self, what: &str, found: &[String], expected: &[String]) {
        let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
        let wrong: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
        let differs = format!("{what}: lacks {missing:#?}, has {wrong:#?}");
        self.assert(found == expected, &differs);
    }
}
