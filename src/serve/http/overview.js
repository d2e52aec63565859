// Totals, how fresh each table is, what ran last, what failed and what was corrected.

async function showOverview() {
  const overview = await ask("/api/overview.json");
  showCards(overview);
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

function showCards({ totals, corrections, audit }) {
  const card = (title, value, note, kind) =>
    make("div", { class: kind }, make("dt", {}, title), make("dd", {}, value, note ? make("small", {}, note) : null));
  const expected = totals.days + totals.missing;
  replace(byId("totals"),
    card("Series", number(totals.series)),
    card("Archives", number(totals.archives), bytes(totals.bytes)),
    card("Rows", number(totals.rows)),
    card("Days held", number(totals.days), expected > 0 ? `${share(totals.days, expected)} of those expected` : null),
    card("Days missing", number(totals.missing), null, totals.missing > 0 ? "look" : null),
    card("Archives failed", number(totals.failed), null, totals.failed > 0 ? "bad" : null),
    card("Rows rejected", number(totals.rejected_rows), null, totals.rejected_rows > 0 ? "look" : null),
    card("Corrections", number(corrections.total)),
    audit ? findingsCard(card, audit) : null);
}
