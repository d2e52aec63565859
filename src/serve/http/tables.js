// What the lake holds: its tables, and the columns of one.

let known = null;

/** Reads the list of tables once. */
function tables() {
  known ??= ask("/api/tables.json").catch((error) => {
    known = null;
    throw error;
  });
  return known;
}

/** Makes a table of rows; a cell is a text, an element, or null. */
function grid(titles, rows) {
  const cell = (name, title, content) => make(name, { class: title.numeric ? "number" : null }, content ?? make("span", { class: "absent" }, "null"));
  const head = make("tr", {}, titles.map((title) => make("th", { class: title.numeric ? "number" : null, scope: "col", title: title.type }, title.name)));
  const body = rows.map((row) => make("tr", {}, row.map((content, at) => cell("td", titles[at], content))));
  return make("table", {}, make("thead", {}, head), make("tbody", {}, body));
}

const text = (name) => ({ name });
const figure = (name) => ({ name, numeric: true });

/** Says what audits found and still holds, with counts by kind. */
async function showAudit() {
  const open = await ask("/api/audit.json");
  if (open === null) return;
  const named = (counts) => Object.entries(counts).map(([name, count]) => `${name} ${number(count)}`).join(", ");
  const part = (name, counts) => `${number(sumOf(counts))} ${name}${sumOf(counts) > 0 ? ` (${named(counts)})` : ""}`;
  byId("audit").textContent = `Audit: ${part("findings", open.kinds)}; ${part("gaps", open.gaps)}`;
  byId("audit").hidden = false;
}

async function showTables() {
  // The list of tables does not wait for it, and is shown without it.
  showAudit().catch(() => {});
  const name = new URLSearchParams(location.search).get("name");
  const all = await tables();
  if (all.length === 0) {
    replace(byId("tables"), make("p", { class: "none" }, "The lake has no tables yet: run lakehouse ingest."));
    return;
  }
  const provisional = all.some((table) => table.provisional);
  const titles = [text("Table"), figure("Rows"), ...(provisional ? [figure("Provisional")] : []), figure("Size"), figure("Version"),
    text("Partitioned by")];
  const rows = all.map((table) => [
    make("a", { href: `/tables?name=${encodeURIComponent(table.name)}` }, table.name),
    table.rows === null ? "unknown" : numbers.format(BigInt(table.rows)),
    ...(provisional ? [table.provisional ? numbers.format(BigInt(table.provisional)) : ""] : []),
    bytes(Number(table.bytes)),
    number(table.version),
    table.partitioned_by.join(", "),
  ]);
  replace(byId("tables"), make("div", { class: "scrolls" }, grid(titles, rows)));
  const chosen = all.find((table) => table.name === name);
  replace(byId("table"), chosen === undefined ? null : describe(chosen));
}

function describe(table) {
  const statement = `SELECT * FROM ${table.name} LIMIT 100`;
  const changes = `SELECT * FROM meta.changes WHERE silver_table = ${literal(table.name.split(".")[1])} ORDER BY committed_at DESC`;
  const commits = make("div", {}, make("p", { class: "none" }, "reading …"));
  showCommits(commits, table.name).catch((error) => replace(commits, make("p", { class: "fault" }, error.message)));
  const whole = `SELECT * FROM all.${table.name.split(".")[1]} ORDER BY date DESC LIMIT 100`;
  const provisional = table.provisional ? `${numbers.format(BigInt(table.provisional))} more rows are provisional: no archive has them yet.` : null;
  const link = (sql, words) => make("a", { href: `/sql?q=${encodeURIComponent(sql)}` }, words);
  return make("section", {},
    make("h2", {}, table.name),
    make("p", {}, table.description),
    provisional ? make("p", {}, provisional) : null,
    make("p", { class: "quiet" }, table.sorted_by.length === 0 ? "" : `Rows of a file are sorted by ${table.sorted_by.join(", ")}.`),
    make("p", { class: "buttons" }, link(statement, "First rows"), table.name.startsWith("silver.") ? link(changes, "Corrections") : null,
      provisional ? link(whole, "With provisional rows") : null),
    make("div", { class: "scrolls" }, grid([text("Column"), text("Type"), text("Null"), text("Meaning")], table.columns.map(columnRow))),
    make("h3", {}, "Versions"), commits);
}

const columnRow = (column) => [column.name, column.type, column.nullable ? "possible" : "never", column.description ?? ""];

/** Lists what the last versions of a table did. */
async function showCommits(element, name) {
  const commits = await ask(`/api/history.json?table=${encodeURIComponent(name)}`);
  list(element, `Versions of ${name}`, [
    ["Version", (row) => number(row.version), "number"],
    ["Committed (UTC)", (row) => instant(row.committed_at), "when"],
    ["Operation", (row) => row.operation],
    ["Archives", (row) => number(row.archives), "number"],
    ["Corrected", (row) => number(row.corrections), "number"],
    ["Files", (row) => `+${number(row.files_added)} −${number(row.files_removed)}`, "number"],
    ["Rows added", (row) => (row.rows_added === null ? "" : number(row.rows_added)), "number"],
    ["Run", (row) => row.run, "key"],
  ], commits, commits.length, "Its log has no commits any more.");
}
