// What all parts use: the data, elements made without markup, and numbers as people read them.

const data = JSON.parse(document.getElementById("data").textContent);

const byId = (id) => document.getElementById(id);

/** Adds children to an element; text is never read as markup. */
function fill(element, children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

function setAll(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  return element;
}

/** Makes an element: make("p", { class: "quiet" }, "text"). */
function make(name, attributes = {}, ...children) {
  return fill(setAll(document.createElement(name), attributes), children);
}

/** Makes an element of a drawing. */
function draw(name, attributes = {}, ...children) {
  return fill(setAll(document.createElementNS("http://www.w3.org/2000/svg", name), attributes), children);
}

function replace(element, ...children) {
  element.replaceChildren();
  return fill(element, children);
}

const numbers = new Intl.NumberFormat("en");
const number = (value) => numbers.format(value);
const plural = (count, one, more) => `${number(count)} ${count === 1 ? one : more}`;

function bytes(value) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]}`;
}

/** Writes a share as a percentage that is 100 only when nothing lacks. */
function share(part, whole) {
  if (whole === 0) return "–";
  const percent = (100 * part) / whole;
  return `${part === whole ? "100" : Math.min(99.9, percent).toFixed(1)} %`;
}

/** Writes a price with the digits that matter. */
const price = (value) => value.toLocaleString("en", { maximumSignificantDigits: 8 });

/** Writes an amount, a large one in short. */
const amount = (value) => value.toLocaleString("en", { notation: value >= 1e6 ? "compact" : "standard", maximumSignificantDigits: 5 });

const stateOf = new Map(data.states.map((state) => [state.code, state]));

const seriesName = (series) => [series.market, series.data_type, series.symbol, series.interval].filter(Boolean).join(" ");
