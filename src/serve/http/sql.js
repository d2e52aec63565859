// Statements: the editor, the answer, what went wrong, and what was run before.

const HISTORY = "lakehouse-statements";
const HISTORY_LENGTH = 50;
let running = null;

function history() {
  try {
    const kept = JSON.parse(localStorage.getItem(HISTORY));
    return Array.isArray(kept) ? kept.filter((statement) => typeof statement === "string") : [];
  } catch {
    // Nothing was kept, or the browser keeps nothing.
    return [];
  }
}

function remember(statement) {
  const kept = [statement, ...history().filter((other) => other !== statement)].slice(0, HISTORY_LENGTH);
  try {
    localStorage.setItem(HISTORY, JSON.stringify(kept));
  } catch {
    // Full, or not allowed: only the list of this page suffers.
  }
  offerStatements(byId("history"), kept);
}

function offerStatements(select, statements) {
  const short = (statement) => statement.replace(/\s+/g, " ").slice(0, 80);
  replace(select, make("option", { value: "" }, "choose"), statements.map((statement) => make("option", { value: statement }, short(statement))));
  select.disabled = statements.length === 0;
}

/** Runs what the editor holds, and keeps it in the page's address. */
async function run() {
  const statement = byId("statement").value;
  if (statement.trim() === "") return;
  running?.abort();
  const own = new AbortController();
  running = own;
  window.history.replaceState(null, "", `/sql?q=${encodeURIComponent(statement)}`);
  begin();
  try {
    const answer = await ask("/api/sql", { method: "POST", body: statement, headers: { "content-type": "text/plain" }, signal: own.signal });
    if (running === own) show(answer, statement);
  } catch (error) {
    if (running === own) showFault(error, own.signal.aborted);
  } finally {
    if (running === own) end();
  }
}

function begin() {
  byId("run").disabled = true;
  byId("cancel").disabled = false;
  byId("fault").hidden = true;
  byId("downloads").hidden = true;
  byId("outcome").textContent = "running …";
}

function end() {
  running = null;
  byId("run").disabled = false;
  byId("cancel").disabled = true;
}

function show(answer, statement) {
  remember(statement);
  const count = answer.rows.length;
  const more = answer.more ? "first " : "";
  const rest = answer.more ? "; there are more, which a download has" : "";
  byId("outcome").textContent = `${more}${plural(count, "row", "rows")}, ${answer.seconds.toFixed(3)} s, ${plural(answer.files, "file", "files")} read${rest}`;
  replace(byId("answer-chart"), chartOf(answer));
  replace(byId("answer"), grid(answer.columns, answer.rows));
  const link = (format) => make("a", { href: `/api/sql?format=${format}&sql=${encodeURIComponent(statement)}`, download: `answer.${format}` }, format);
  replace(byId("downloads"), FORMATS.map(link));
  byId("downloads").hidden = false;
  if (answer.error !== undefined) showFault(new Error(answer.error), false);
}

/** Draws an answer whose first column is a time, a day or a number, and that has other columns of numbers. */
function chartOf(answer) {
  const [first, ...others] = answer.columns.map((column, at) => ({ ...column, at }));
  const isTime = first !== undefined && /^(date|timestamp)/.test(first.type);
  const drawn = others.filter((column) => column.numeric).slice(0, 3);
  if (answer.rows.length < 3 || drawn.length === 0 || !(isTime || first.numeric)) return null;
  const place = (row) => (isTime ? Date.parse(row[first.at]) : Number(row[first.at]));
  const rows = answer.rows.filter((row) => row[first.at] !== null).sort((a, b) => place(a) - place(b));
  const value = (column) => (row) => (row[column.at] === null ? NaN : Number(row[column.at]));
  const places = rows.map(place);
  const title = `${drawn.map((column) => column.name).join(", ")} by ${first.name}`;
  return lines(title, places, drawn.map((column) => rows.map(value(column))), places[0], places.at(-1));
}

function showFault(error, aborted) {
  const fault = byId("fault");
  byId("outcome").textContent = aborted ? "cancelled" : "";
  if (aborted) return;
  fault.textContent = error.message;
  if (error.line !== undefined) fault.textContent += `\n${pointed(byId("statement").value, error)}`;
  fault.hidden = false;
}

/** Shows the line that a fault is in with a mark below the place, and puts the cursor there. */
function pointed(statement, place) {
  const lines = statement.split("\n");
  const before = lines.slice(0, place.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
  const at = before + place.column - 1;
  byId("statement").focus();
  byId("statement").setSelectionRange(at, at + 1);
  return `${lines[place.line - 1] ?? ""}\n${" ".repeat(place.column - 1)}^`;
}

function insert(word) {
  const editor = byId("statement");
  editor.setRangeText(word, editor.selectionStart, editor.selectionEnd, "end");
  editor.focus();
}

async function showTree() {
  const word = (name, label, type, meaning) => make("li", {}, Object.assign(make("button", { type: "button", title: meaning }, label, type === null ? null : make("small", {}, type)), { onclick: () => insert(name) }));
  const all = await tables();
  const branch = (table) => make("details", {}, make("summary", {}, table.name), make("ul", {}, word(table.name, "insert the name", null), table.columns.map((column) => word(column.name, column.name, column.type, column.description))));
  replace(byId("tree"), all.map(branch));
  const example = (table) => `SELECT * FROM ${table.name} LIMIT 10`;
  offerStatements(byId("examples"), ["SHOW TABLES", ...all.map(example)]);
}

function prepareSql() {
  const editor = byId("statement");
  editor.value = new URLSearchParams(location.search).get("q") ?? "";
  byId("tree-frame").open = window.matchMedia("(min-width: 40.01rem)").matches;
  byId("run").addEventListener("click", run);
  byId("cancel").addEventListener("click", () => running?.abort());
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  });
  for (const id of ["examples", "history"]) {
    byId(id).addEventListener("change", (event) => {
      if (event.target.value !== "") editor.value = event.target.value;
      event.target.value = "";
      editor.focus();
    });
  }
  offerStatements(byId("history"), history());
}

async function showSql() {
  prepareSql();
  await showTree();
}
