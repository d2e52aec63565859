// Questions to the server, and what several views make of its answers.

/** Formats in which every answer can be had, besides what the page shows. */
const FORMATS = ["csv", "parquet", "arrow", "ndjson"];

/** Asks the server; what it refuses is an error with its reason. */
async function ask(path, options = {}) {
  const response = await fetch(path, options);
  if (response.ok) return response.json();
  const text = await response.text();
  let fault = { error: text.trim() || response.statusText };
  try {
    fault = JSON.parse(text);
  } catch {
    // A plain text is the reason itself.
  }
  throw Object.assign(new Error(fault.error), fault);
}

/** Runs a statement that the page itself writes, and returns its rows as objects of texts. */
async function rowsOf(statement) {
  const answer = await ask("/api/sql?max_rows=2000", { method: "POST", body: statement, headers: { "content-type": "text/plain" } });
  return objectsOf(answer);
}

function objectsOf(answer) {
  return answer.rows.map((row) => Object.fromEntries(row.map((value, at) => [answer.columns[at].name, value])));
}

const literal = (text) => `'${text.replaceAll("'", "''")}'`;

/** Keeps a view's choices in the page's address; empty ones are left out. */
function keep(path, choices) {
  const given = Object.entries(choices).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  const query = new URLSearchParams(given).toString();
  window.history.replaceState(null, "", query ? `${path}?${query}` : path);
}

/** Links to the same answer as JSON and as files. */
function twins(element, view, query) {
  const link = (format) => make("a", { href: `/api/${view}.${format}?${query}`, download: format === "json" ? null : `${view}.${format}` }, format);
  replace(element, ["json", ...FORMATS].map(link));
}

/** Draws up to three columns of numbers over the same places as lines, with the ends of what they span. */
function lines(title, places, columns, from, to) {
  const values = columns.flat().filter(Number.isFinite);
  if (values.length < 2) return null;
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const [width, height] = [1000, 90];
  const x = (place) => ((place - from) / (to - from || 1)) * width;
  const y = (value) => height - ((value - low) / (high - low || 1)) * height;
  const path = (column) => {
    let open = false;
    return column.map((value, at) => {
      if (!Number.isFinite(value)) {
        open = false;
        return "";
      }
      const step = `${open ? "L" : "M"}${x(places[at]).toFixed(1)} ${y(value).toFixed(1)}`;
      open = true;
      return step;
    }).join("");
  };
  const zero = low < 0 && high > 0 ? draw("line", { class: "base", x1: 0, x2: width, y1: y(0), y2: y(0) }) : null;
  const svg = draw("svg", { class: "lines", viewBox: `0 -2 ${width} ${height + 4}`, height, preserveAspectRatio: "none", role: "img", "aria-label": title },
    [zero], columns.map((column, at) => draw("path", { class: ["first", "second", "third"][at], d: path(column) })));
  return make("figure", {}, svg, make("figcaption", {}, `${title}: ${price(low)} to ${price(high)}`));
}
