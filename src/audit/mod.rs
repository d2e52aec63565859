//! Audits: whether the data in the lake is right, as far as data can say that of itself.
//!
//! A check is a statement that returns the rows which are not as they should be; it runs on the
//! machinery of gold, only on days of which an input changed since the check last saw them
//! (`state`, `compute`). What it found is summed up per symbol, day and kind, and lands with a
//! record of what was read, in one commit for many checks (`meta::audit`). What checks are is read
//! in [`lakehouse_core::audit`].

mod compute;
mod counts;
mod error;
mod open;
mod parts;
mod report;
mod rows;
mod state;
mod tables;

use std::collections::BTreeSet;
use std::sync::Arc;

use lakehouse_core::audit::{Check, Checks, OutputTable};
use uuid::Uuid;

pub use self::error::AuditError;
pub use self::open::OpenRows;
pub(crate) use self::open::{is_in_scope, open_rows};
pub use self::report::{AuditReport, CheckOutcome, CheckReport};
use self::state::{CheckState, check_state};
pub use self::tables::load_checks;
use crate::clock::Clock;
use crate::delta::commit::CommitContext;
use crate::delta::log::BuildRecord;
use crate::events::document::TableVersions;
use crate::events::{Event, Reporter};
use crate::gold::error::BuildError;
use crate::meta::audit::{AuditRow, AuditTable, CheckResult};
use crate::meta::scope::Scope;
use crate::query::{Engine, QueryError, SessionOptions};
use crate::recent::CHECK as PROVISIONAL;
use crate::shutdown::Shutdown;
use crate::storage::lake::{Lake, Layer, TableName};

/// How often checks are run again because another process audited the same first.
const ATTEMPTS: usize = 20;
/// Bytes that checks may use, unless somebody says otherwise.
const MEMORY: usize = 256 << 20;
/// Bytes that each sort of a statement keeps for merging; some statements have a dozen sorts.
const MERGE: usize = 2 << 20;
/// Rows that are collected before they land.
const ROWS: usize = 100_000;

/// What is to be audited, in which lake.
#[derive(Clone, Debug)]
pub struct Audit {
    pub lake: Lake,
    pub checks: Arc<Checks>,
    /// The checks that are requested; all if none is named.
    pub only: Vec<String>,
    /// What findings have to be about.
    pub scope: Scope,
    /// Audit all days again, whatever changed.
    pub full: bool,
    /// Bytes that checks may use before they continue on disk.
    pub memory: usize,
    /// A request to end the run after the check that is running.
    pub shutdown: Shutdown,
}

impl Audit {
    /// Makes an audit with all checks, each only where its inputs changed.
    #[must_use]
    pub fn new(lake: Lake, checks: Arc<Checks>) -> Self {
        Self {
            lake,
            checks,
            only: Vec::new(),
            scope: Scope::default(),
            full: false,
            memory: MEMORY,
            shutdown: Shutdown::default(),
        }
    }

    /// Runs the checks; one that fails keeps no other from running.
    ///
    /// # Errors
    /// When a requested check does not exist, or the lake cannot be used at all.
    pub async fn run(
        &self,
        reporter: &Arc<dyn Reporter>,
        clock: &Clock,
    ) -> Result<AuditReport, AuditError> {
        let wanted = self.requested()?;
        self.lake.check_format().await.map_err(QueryError::Lake)?;
        let run = Uuid::now_v7().simple().to_string();
        let shutdown = self.shutdown.clone();
        let context = CommitContext { run: run.clone().into(), clock: clock.clone(), shutdown };
        // One thread for a statement: parts of a check run next to each other instead. Rows that
        // are exchanged between threads take memory that sorts and sums cannot give back.
        let options = SessionOptions {
            memory_limit: Some(self.memory),
            target_partitions: Some(1),
            ..SessionOptions::default()
        };
        let mut engine = Engine::over(&self.lake, &options)?;
        engine.config.options_mut().execution.sort_spill_reservation_bytes = MERGE;
        let mut passed = Passed::default();
        for broken in self.checks.broken() {
            if wanted.contains(broken.name.as_str()) {
                passed.reports.push(CheckReport::failed(&broken.name, &broken.error));
            }
        }
        for output in [OutputTable::Findings, OutputTable::Gaps] {
            let checks = self.checks.iter().filter(|check| check.output() == output);
            let checks: Vec<&Check> =
                checks.filter(|check| wanted.contains(check.name())).collect();
            let pass = Pass { audit: self, engine: &engine, context: &context };
            Box::pin(pass.run(output, checks, &mut passed)).await?;
        }
        let Passed { reports, tables } = passed;
        for report in &reports {
            reporter.report(Event::Check(report.clone()));
        }
        let open = open_rows(&self.lake, |row| self.is_about(row, &wanted)).await?;
        let run = (!tables.is_empty()).then_some(run);
        Ok(AuditReport { run, tables, checks: reports, open: open.unwrap_or_default() })
    }

    /// Returns the names of the checks that are to be run.
    fn requested(&self) -> Result<BTreeSet<&str>, AuditError> {
        let all = self.checks.names();
        if self.only.is_empty() {
            return Ok(all);
        }
        let mut only = BTreeSet::new();
        for name in &self.only {
            let broken = all.get(name.as_str()).copied();
            let named: Vec<&str> = self.checks.named(name).map(Check::name).chain(broken).collect();
            if named.is_empty() {
                let checks = all.iter().map(|name| (*name).to_owned()).collect();
                return Err(AuditError::UnknownCheck { name: name.clone(), checks });
            }
            only.extend(named);
        }
        Ok(only)
    }

    fn is_about(&self, row: &AuditRow, wanted: &BTreeSet<&str>) -> bool {
        let check = row.place.check.as_str();
        let is_known = check == PROVISIONAL || self.checks.names().contains(check);
        // Where all checks were requested, those that only another program knows count too.
        let is_wanted =
            wanted.contains(row.place.check.as_str()) || (self.only.is_empty() && !is_known);
        is_wanted && self.is_meant(row)
    }

    /// Returns whether the selection has what a row is about.
    fn is_meant(&self, row: &AuditRow) -> bool {
        is_in_scope(&self.scope, row)
    }

    /// Returns whether only a part of what is in the lake is looked at.
    fn is_partial(&self) -> bool {
        self.scope != Scope::default()
    }
}

/// The checks that write to one table.
struct Pass<'a> {
    audit: &'a Audit,
    engine: &'a Engine,
    context: &'a CommitContext,
}

impl Pass<'_> {
    async fn run(
        &self,
        output: OutputTable,
        mut checks: Vec<&Check>,
        passed: &mut Passed,
    ) -> Result<(), AuditError> {
        let name = TableName::new(Layer::Meta, output.as_str()).to_string();
        for _ in 0..ATTEMPTS {
            let done = self.attempt(output, &checks).await?;
            passed.reports.extend(done.reports);
            for version in done.versions {
                TableVersions::add(&mut passed.tables, &name, version, None);
            }
            checks.retain(|check| done.overtaken.contains(check.name()));
            if checks.is_empty() {
                return Ok(());
            }
        }
        for check in checks {
            passed.reports.push(CheckReport::failed(check.name(), &AuditError::Overtaken));
        }
        Ok(())
    }

    async fn attempt(&self, output: OutputTable, checks: &[&Check]) -> Result<Attempt, AuditError> {
        let audit = self.audit;
        let mut attempt = Attempt::default();
        let mut table = AuditTable::open(&audit.lake, output).await?;
        let audited = table.audited().await?;
        let mut results: Vec<CheckResult> = Vec::new();
        for check in checks {
            if audit.shutdown.is_requested() {
                break;
            }
            match self.check(check, audited.get(check.name())).await {
                Ok((report, result)) => {
                    attempt.reports.push(report);
                    results.extend(result);
                }
                Err(failure) => attempt.reports.push(CheckReport::failed(check.name(), &failure)),
            }
            if results.iter().map(|result| result.rows.len()).sum::<usize>() > ROWS {
                self.land(&mut table, &mut results, &mut attempt).await?;
            }
        }
        self.land(&mut table, &mut results, &mut attempt).await?;
        Ok(attempt)
    }

    async fn check(
        &self,
        check: &Check,
        base: Option<&BuildRecord>,
    ) -> Result<(CheckReport, Option<CheckResult>), BuildError> {
        let state = check_state(self.audit, check, base).await?;
        let state = match state {
            CheckState::Stale(state) => state,
            CheckState::UpToDate => return Ok((CheckReport::up_to_date(check.name()), None)),
            CheckState::Skipped(input) => {
                return Ok((CheckReport::skipped(check.name(), &input), None));
            }
        };
        let mut rows = compute::compute(check, self.engine, &state).await?;
        rows.retain(|row| self.audit.is_meant(row));
        let report = CheckReport::audited(check.name(), &state);
        let result = CheckResult {
            check: check.name().to_owned(),
            base: base.cloned(),
            record: (!self.audit.is_partial()).then(|| state.record(check)),
            replaced: state.replaced(),
            rows,
        };
        Ok((report, Some(result)))
    }

    async fn land(
        &self,
        table: &mut AuditTable,
        results: &mut Vec<CheckResult>,
        attempt: &mut Attempt,
    ) -> Result<(), AuditError> {
        let audit = self.audit;
        let is_complete = audit.only.is_empty() && !audit.is_partial();
        // What is recorded of provisional rows belongs to no check of an audit.
        let known = || audit.checks.names().into_iter().chain([PROVISIONAL]).collect();
        let known = is_complete.then(known);
        let is_meant = |row: &AuditRow| audit.is_meant(row);
        let landed = table.land(results, known.as_ref(), is_meant, self.context).await?;
        attempt.reports.retain(|report| !landed.overtaken.contains(&report.check));
        for report in &mut attempt.reports {
            report.opened += landed.opened.get(&report.check).copied().unwrap_or(0);
            report.closed += landed.closed.get(&report.check).copied().unwrap_or(0);
        }
        attempt.overtaken.extend(landed.overtaken);
        attempt.versions.extend(landed.version);
        results.clear();
        Ok(())
    }
}

/// What was done in all passes.
#[derive(Debug, Default)]
struct Passed {
    reports: Vec<CheckReport>,
    tables: Vec<TableVersions>,
}

/// One attempt at some checks.
#[derive(Debug, Default)]
struct Attempt {
    reports: Vec<CheckReport>,
    /// Checks whose results were dropped, because another process audited them meanwhile.
    overtaken: BTreeSet<String>,
    /// Versions that were committed.
    versions: Vec<i64>,
}
