// Totals, what audits found, failures, rejected rows, corrections, runs.

function showTotals() {
  const symbols = new Set(data.series.map((series) => `${series.market} ${series.symbol}`));
  replace(byId("totals"), cards({ ...data, symbols: symbols.size }));
}

/** Lists what is open by kind, the most frequent first. */
function counts(element, label, title, rows, none) {
  const sorted = Object.entries(rows).sort(([, one], [, other]) => other - one);
  list(element, label, [
    [title, ([name]) => name, "key"],
    ["Open", ([, count]) => number(count), "number"],
  ], sorted, sorted.length, none);
}

function showAudit() {
  if (!data.audit) {
    return replace(byId("findings"), make("p", { class: "none" }, "The lake was not audited yet: run lakehouse audit."));
  }
  counts(byId("findings"), "Findings by kind", "Finding", data.audit.kinds, "No finding is open.");
  return counts(byId("gaps"), "Gaps by class", "Gap", data.audit.gaps, "No gap is open.");
}

function showLists() {
  showAudit();
  showRecords(data);
  list(byId("rejects"), "Rejected rows by archive, column and reason", [
    ARCHIVE,
    ["Rows", (row) => number(row.rows), "number"],
    ["First line", (row) => number(row.line), "number"],
    ["Column", (row) => row.column],
    ["Value", (row) => row.value, "key"],
    ["Reason", (row) => row.reason, "text"],
  ], data.rejects.rows, data.rejects.total, "No row was rejected.");
}
