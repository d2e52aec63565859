// Lists: tables of rows that are shown in part, and what their cells have in common.

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

function sumOf(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
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

/** Makes the cards of what a lake holds in all; the number of symbols is shown where it is known. */
function cards({ totals, symbols, corrections, audit, provisional }) {
  const expected = totals.days + totals.missing;
  return [
    card("Series", number(totals.series), symbols === null ? null : plural(symbols, "symbol", "symbols")),
    card("Archives", number(totals.archives), bytes(totals.bytes)),
    card("Rows", number(totals.rows)),
    provisional ? provisionalCard(provisional) : null,
    card("Days held", number(totals.days), expected > 0 ? `${share(totals.days, expected)} of those expected` : null),
    card("Days missing", number(totals.missing), null, totals.missing > 0 ? "look" : null),
    card("Archives failed", number(totals.failed), null, totals.failed > 0 ? "bad" : null),
    card("Rows rejected", number(totals.rejected_rows), null, totals.rejected_rows > 0 ? "look" : null),
    card("Corrections", number(corrections.total)),
    audit ? findingsCard(audit) : null,
  ];
}

function card(title, value, note, kind) {
  return make("div", { class: kind }, make("dt", {}, title), make("dd", {}, value, note ? make("small", {}, note) : null));
}

/** Says how many rows no archive has yet, and of which days. */
function provisionalCard(tables) {
  const rows = tables.reduce((sum, one) => sum + one.rows, 0);
  const first = tables.map((one) => one.first_day).sort()[0];
  const last = tables.map((one) => one.last_day).sort().at(-1);
  return card("Provisional rows", number(rows), first === last ? first : `${first} to ${last}`);
}

function findingsCard({ severities, gaps }) {
  const errors = severities.error ?? 0;
  const open = sumOf(severities);
  const note = `${plural(errors, "error", "errors")}, ${plural(sumOf(gaps), "gap", "gaps")}`;
  return card("Findings", number(open), note, errors > 0 ? "bad" : open > 0 ? "look" : null);
}

const FAILURE_COLUMNS = [
  ARCHIVE,
  ["Status", (row) => row.status],
  ["Recorded (UTC)", (row) => instant(row.recorded_at), "when"],
  ["Reason", (row) => row.reason, "text"],
];

/** A checksum in short. */
const sum = (row, name) => row[name].slice(0, 12);

const CORRECTION_COLUMNS = [
  ["Committed (UTC)", (row) => instant(row.committed_at), "when"],
  ARCHIVE,
  ["Added", (row) => number(row.rows_added), "number"],
  ["Removed", (row) => number(row.rows_removed), "number"],
  ["Changed", (row) => number(row.rows_changed), "number"],
  ["From", (row) => sum(row, "old_sha256"), "key"],
  ["To", (row) => sum(row, "new_sha256"), "key"],
];

const RUN_COLUMNS = [
  ["Started (UTC)", (row) => instant(row.started_at), "when"],
  ["Outcome", (row) => row.outcome],
  ["New", (row) => number(row.archives_new), "number"],
  ["Corrected", (row) => number(row.archives_corrected), "number"],
  ["Failed", (row) => number(row.archives_failed), "number"],
  ["Rows", (row) => number(row.rows), "number"],
  ["Downloaded", (row) => bytes(row.bytes), "number"],
  ["Seconds", (row) => row.seconds.toFixed(1), "number"],
  ["Command", (row) => row.command, "text"],
];

/** Lists what failed, what was corrected and what ran last, which every page shows alike. */
function showRecords({ failures, corrections, runs }) {
  list(byId("failures"), "Archives that failed", FAILURE_COLUMNS, failures.rows, failures.total, "No archive failed.");
  list(byId("corrections"), "Archives that were corrected", CORRECTION_COLUMNS, corrections.rows, corrections.total, "No archive was corrected.");
  list(byId("runs"), "Last runs", RUN_COLUMNS, runs, runs.length, "Nothing was ever run.");
}
