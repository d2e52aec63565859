// Totals, how fresh each table is, what ran last, what failed and what was corrected.

async function showOverview() {
  const overview = await ask("/api/overview.json");
  replace(byId("totals"), cards({ ...overview, symbols: null }));
  list(byId("fresh"), "Tables", [
    ["Table", (row) => make("a", { href: `/tables?name=${encodeURIComponent(row.name)}` }, row.name), "key"],
    ["Rows", (row) => (row.rows === null ? "" : numbers.format(BigInt(row.rows))), "number"],
    ["Last day", (row) => row.last_day ?? "", "when"],
    ["Version", (row) => number(row.version), "number"],
    ["Committed (UTC)", (row) => instant(row.committed_at), "when"],
  ], overview.tables, overview.tables.length, "The lake has no tables yet: run lakehouse ingest.");
  list(byId("runs"), "Last runs", RUN_COLUMNS, overview.runs, overview.runs.length, "Nothing was ever run.");
  list(byId("failures"), "Archives that failed", FAILURE_COLUMNS, overview.failures, overview.totals.failed, "No archive failed.");
  const corrections = overview.corrections;
  list(byId("corrections"), "Archives that were corrected", CORRECTION_COLUMNS, corrections.rows, corrections.total, "No archive was corrected.");
}
