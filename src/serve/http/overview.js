// Totals, how fresh each table is, what ran last, what failed and what was corrected.

async function showOverview() {
  const overview = await ask("/api/overview.json");
  replace(byId("totals"), cards({ ...overview, symbols: null }));
  const provisional = ["Provisional", (row) => (row.provisional ? numbers.format(BigInt(row.provisional)) : ""), "number"];
  list(byId("fresh"), "Tables", [
    ["Table", (row) => make("a", { href: `/tables?name=${encodeURIComponent(row.name)}` }, row.name), "key"],
    ["Rows", (row) => (row.rows === null ? "" : numbers.format(BigInt(row.rows))), "number"],
    ...(overview.provisional ? [provisional] : []),
    ["Last day", (row) => row.last_day ?? "", "when"],
    ["Version", (row) => number(row.version), "number"],
    ["Committed (UTC)", (row) => instant(row.committed_at), "when"],
  ], overview.tables, overview.tables.length, "The lake has no tables yet: run lakehouse ingest.");
  showRecords({ ...overview, failures: { rows: overview.failures, total: overview.totals.failed } });
}
