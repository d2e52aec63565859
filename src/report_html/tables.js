// Figures and lists: totals, what audits found, failures, rejected rows, corrections, runs.

/**
 * Makes a table; a column is [title, cell, kind]. Where the page is narrow, it scrolls by itself, or its rows become
 * blocks of lines if it stacks.
 */
function table(label, columns, rows, stacks) {
  const head = make("tr", {}, columns.map(([title, , kind]) => make("th", { scope: "col", class: kind }, title)));
  const line = (row) =>
    make("tr", {}, columns.map(([title, cell, kind]) => make("td", { class: kind, "data-title": title }, cell(row) ?? "")));
  return make("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": label },
    make("table", { class: stacks ? "stacks" : null }, make("thead", {}, head), make("tbody", {}, rows.map(line))));
}

/** Shows the first rows of a list, and the others on demand. */
function list(element, label, columns, rows, total, none) {
  if (rows.length === 0) return replace(element, make("p", { class: "none" }, none));
  const [few, stacks] = [20, columns.length > 3];
  const left = (shown) => (total > shown ? make("p", { class: "quiet" }, `${number(total - shown)} more are in the lake.`) : null);
  if (rows.length <= few) return replace(element, table(label, columns, rows, stacks), left(rows.length));
  const all = make("button", { type: "button" }, `Show all ${number(rows.length)}`);
  all.addEventListener("click", () => replace(element, table(label, columns, rows, stacks), left(rows.length)));
  return replace(element, table(label, columns, rows.slice(0, few), stacks), make("p", {}, all), left(rows.length));
}

function showTotals() {
  const totals = data.totals;
  const expected = totals.days + totals.missing;
  const symbols = new Set(data.series.map((series) => `${series.market} ${series.symbol}`));
  const card = (title, value, note, kind) =>
    make("div", { class: kind }, make("dt", {}, title), make("dd", {}, value, note ? make("small", {}, note) : null));
  replace(byId("totals"),
    card("Series", number(totals.series), plural(symbols.size, "symbol", "symbols")),
    card("Archives", number(totals.archives), bytes(totals.bytes)),
    card("Rows", number(totals.rows)),
    card("Days held", number(totals.days), expected > 0 ? `${share(totals.days, expected)} of those expected` : null),
    card("Days missing", number(totals.missing), null, totals.missing > 0 ? "look" : null),
    card("Archives failed", number(totals.failed), null, totals.failed > 0 ? "bad" : null),
    card("Rows rejected", number(totals.rejected_rows), null, totals.rejected_rows > 0 ? "look" : null),
    card("Corrections", number(data.corrections.total)),
    data.audit ? findingsCard(card) : null);
}

function findingsCard(card) {
  const { severities, gaps } = data.audit;
  const errors = severities.error ?? 0;
  const open = sumOf(severities);
  const note = `${plural(errors, "error", "errors")}, ${plural(sumOf(gaps), "gap", "gaps")}`;
  return card("Findings", number(open), note, errors > 0 ? "bad" : open > 0 ? "look" : null);
}

function sumOf(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
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

/** Writes a range of days that breaks between the dates only. */
function dates(start, end) {
  const whole = (day) => make("span", { class: "date" }, isoOf(day));
  return make("span", {}, whole(start), start === end ? null : [" to ", whole(end)]);
}

/** Writes the name of an archive above its folder. */
function archive(row) {
  const parts = row.archive.split("/");
  return make("span", {}, parts.pop(), make("small", { class: "folder" }, parts.slice(1).join("/")));
}

const ARCHIVE = ["Archive", archive, "key archive"];

function showLists() {
  showAudit();
  const sum = (row, name) => row[name].slice(0, 12);
  list(byId("failures"), "Archives that failed", [
    ARCHIVE,
    ["Status", (row) => row.status],
    ["Recorded (UTC)", (row) => instant(row.recorded_at), "when"],
    ["Reason", (row) => row.reason, "text"],
  ], data.failures.rows, data.failures.total, "No archive failed.");
  list(byId("rejects"), "Rejected rows by archive, column and reason", [
    ARCHIVE,
    ["Rows", (row) => number(row.rows), "number"],
    ["First line", (row) => number(row.line), "number"],
    ["Column", (row) => row.column],
    ["Value", (row) => row.value, "key"],
    ["Reason", (row) => row.reason, "text"],
  ], data.rejects.rows, data.rejects.total, "No row was rejected.");
  list(byId("corrections"), "Archives that were corrected", [
    ["Committed (UTC)", (row) => instant(row.committed_at), "when"],
    ARCHIVE,
    ["Added", (row) => number(row.rows_added), "number"],
    ["Removed", (row) => number(row.rows_removed), "number"],
    ["Changed", (row) => number(row.rows_changed), "number"],
    ["From", (row) => sum(row, "old_sha256"), "key"],
    ["To", (row) => sum(row, "new_sha256"), "key"],
  ], data.corrections.rows, data.corrections.total, "No archive was corrected.");
  list(byId("runs"), "Last runs", [
    ["Started (UTC)", (row) => instant(row.started_at), "when"],
    ["Outcome", (row) => row.outcome],
    ["New", (row) => number(row.archives_new), "number"],
    ["Corrected", (row) => number(row.archives_corrected), "number"],
    ["Failed", (row) => number(row.archives_failed), "number"],
    ["Rows", (row) => number(row.rows), "number"],
    ["Downloaded", (row) => bytes(row.bytes), "number"],
    ["Seconds", (row) => row.seconds.toFixed(1), "number"],
    ["Command", (row) => row.command, "text"],
  ], data.runs, data.runs.length, "Nothing was ever run.");
}
