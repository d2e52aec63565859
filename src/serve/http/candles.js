// Candles of any symbol in any range. The server chooses how long a bar is, so that a chart never has too many.

/** Pixels of a bar, and the fewest bars in view. */
const BAR_ROOM = 5;
const FEWEST = 20;
/** How long a drag must rest before its bars are read, in milliseconds. */
const REST = 150;

/** What is shown: seconds since 1970, where `first` and `last` are the ends of what the lake holds. */
const candles = { market: "", symbol: "", interval: "", from: 0, to: 0, first: 0, last: 0, asked: 0, timer: null };

const seriesOf = (symbol) => ask(`/api/coverage.json?data_type=klines&symbol=${encodeURIComponent(symbol)}`);

async function showCandles() {
  const given = new URLSearchParams(location.search);
  const known = await seriesOf(given.get("symbol") ?? "");
  if (known.series.length === 0 && !given.get("symbol")) {
    replace(byId("candles-frame"), make("p", { class: "none" }, "The lake holds no klines yet."));
    return;
  }
  prepareCandles(known);
  const wanted = known.series.find((one) => one.symbol === given.get("symbol") && one.market === (given.get("market") ?? one.market));
  const start = wanted ?? known.series.reduce((most, one) => (one.held > most.held ? one : most));
  byId("candles-market").value = start.market;
  byId("candles-symbol").value = given.get("symbol") ?? start.symbol;
  candles.interval = given.get("interval") ?? "";
  await chooseSymbol(secondsAt(given.get("from")), secondsAt(given.get("to")));
}

/** Reads a time of an address; nothing where there is none. */
function secondsAt(text) {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? null : time / 1000;
}

function prepareCandles(known) {
  replace(byId("candles-market"), known.markets.map((market) => make("option", { value: market }, market)));
  suggest(known);
  prices.parts = { frame: byId("candles-frame"), readout: byId("candles-readout") };
  prices.isByTime = true;
  prices.moveTo = dragTo;
  const button = (text, label, action) => {
    const made = make("button", { type: "button", title: label, "aria-label": label }, text);
    made.addEventListener("click", action);
    return made;
  };
  replace(byId("candles-moves"),
    button("‹", "Earlier", () => pan(-0.5)), button("›", "Later", () => pan(0.5)),
    button("+", "Fewer bars", () => widen(0.5)), button("−", "More bars", () => widen(2)),
    button("all", "All bars", () => showRange(candles.first, candles.last)));
  byId("candles-choice").addEventListener("submit", (event) => event.preventDefault());
  byId("candles-symbol").addEventListener("input", async (event) => suggest(await seriesOf(event.target.value)));
  for (const id of ["candles-market", "candles-symbol"]) byId(id).addEventListener("change", () => chooseSymbol(null, null));
  byId("candles-interval").addEventListener("change", (event) => {
    candles.interval = event.target.value;
    loadCandles();
  });
  byId("candles-frame").addEventListener("keydown", (event) => {
    const action = { "+": () => widen(0.5), "-": () => widen(2), PageUp: () => pan(-0.5), PageDown: () => pan(0.5) }[event.key];
    if (action === undefined) return;
    event.preventDefault();
    action();
  });
  let width = byId("candles-frame").clientWidth;
  new ResizeObserver(() => {
    if (byId("candles-frame").clientWidth === width) return;
    width = byId("candles-frame").clientWidth;
    if (prices.chart) drawCandles();
  }).observe(byId("candles-frame"));
}

function suggest(known) {
  const symbols = [...new Set(known.series.map((one) => one.symbol))].slice(0, 50);
  replace(byId("candles-symbols"), symbols.map((symbol) => make("option", { value: symbol })));
}

/** Shows the chosen symbol in a range, or all of it. */
async function chooseSymbol(from, to) {
  candles.market = byId("candles-market").value;
  candles.symbol = byId("candles-symbol").value.trim().toUpperCase();
  const known = await seriesOf(candles.symbol);
  const own = known.series.filter((one) => one.market === candles.market && one.symbol === candles.symbol);
  const held = own.flatMap((one) => readRuns(one)).filter((run) => run.state.kind === "held");
  if (held.length === 0) return showLack(known);
  replace(byId("candles-interval"), make("option", { value: "" }, "fitting length"), own.map((one) => make("option", { value: one.interval }, one.interval)));
  if (!own.some((one) => one.interval === candles.interval)) candles.interval = "";
  byId("candles-interval").value = candles.interval;
  candles.first = Math.min(...held.map((run) => run.start)) * 86400;
  candles.last = (Math.max(...held.map((run) => run.end)) + 1) * 86400;
  return showRange(from ?? candles.first, to ?? candles.last);
}

function showLack(known) {
  const others = known.series.filter((one) => one.symbol === candles.symbol).map((one) => one.market);
  const hint = others.length > 0 ? `; there are some in ${[...new Set(others)].join(", ")}` : "";
  showCandleFault(new Error(`The lake holds no klines of ${candles.market} ${candles.symbol}${hint}.`));
}

function showCandleFault(error) {
  byId("candles-fault").textContent = error.message;
  byId("candles-fault").hidden = false;
  for (const id of ["candles-frame", "candles-readout", "candles-under", "candles-files"]) replace(byId(id), null);
  byId("candles-note").textContent = "";
}

/** Shows a range within what the lake holds. */
function showRange(from, to) {
  const width = Math.min(to - from, candles.last - candles.first);
  candles.from = Math.max(candles.first, Math.min(from, candles.last - width));
  candles.to = candles.from + width;
  return loadCandles();
}

const pan = (part) => showRange(candles.from + part * (candles.to - candles.from), candles.to + part * (candles.to - candles.from));

function widen(factor) {
  const width = candles.to - candles.from;
  const least = FEWEST * secondsOf(prices.chart?.interval ?? "1m");
  // A view that is shorter already stays as it is.
  const wanted = factor < 1 ? Math.max(width * factor, Math.min(least, width)) : width * factor;
  const middle = (candles.from + candles.to) / 2;
  showRange(middle - wanted / 2, middle + wanted / 2);
}

/** Moves by the bars that a drag has passed, once it rests. */
function dragTo(bars) {
  window.clearTimeout(candles.timer);
  const by = bars * secondsOf(prices.chart.interval);
  candles.timer = window.setTimeout(() => showRange(candles.from + by, candles.to + by), REST);
  return true;
}

const isoTime = (seconds) => new Date(Math.round(seconds) * 1000).toISOString().replace(".000Z", "Z");

async function loadCandles() {
  candles.asked += 1;
  const asked = candles.asked;
  const { market, symbol, interval, from, to } = candles;
  const bars = Math.max(FEWEST, Math.min(2000, Math.floor(byId("candles-frame").clientWidth / BAR_ROOM)));
  const choice = { market, symbol, ...(interval && { interval }), from: isoTime(from), to: isoTime(to) };
  keep("/candles", choice);
  const query = new URLSearchParams({ ...choice, bars });
  try {
    const answer = await ask(`/api/candles.json?${query}`);
    if (asked === candles.asked) showAnswer(answer, query);
  } catch (error) {
    if (asked === candles.asked) showCandleFault(error);
  }
}

function showAnswer(answer, query) {
  byId("candles-fault").hidden = true;
  twins(byId("candles-files"), "candles", query);
  if (answer.rows.length === 0) {
    byId("candles-note").textContent = "No bars are held in this range.";
    for (const id of ["candles-frame", "candles-readout", "candles-under"]) replace(byId(id), null);
    return;
  }
  const column = (at) => answer.rows.map((row) => Number(row[at]));
  const [time, open, high, low, close, volume] = [0, 1, 2, 3, 4, 5].map(column);
  prices.chart = { market: candles.market, symbol: candles.symbol, interval: answer.rows[0][6], time, open, high, low, close, volume };
  prices.first = 0;
  prices.count = time.length;
  prices.pointed = null;
  drawCandles();
  byId("candles-note").textContent = `${plural(time.length, "bar", "bars")} of ${prices.chart.interval} in ${answer.seconds.toFixed(3)} s. ` +
    `The lake holds ${isoTime(candles.first).slice(0, 10)} to ${isoTime(candles.last - 1).slice(0, 10)}.`;
  showUnder(candles.from, candles.to).catch(() => replace(byId("candles-under"), null));
}

/** Draws funding and basis below the bars, where the lake has any. */
async function showUnder(from, to) {
  const asked = candles.asked;
  const known = (await tables()).map((table) => table.name);
  const width = Math.max(3600, Math.ceil((to - from) / 400));
  const figures = [];
  for (const [table, time, value, title] of [
    ["silver.funding_rate", "calc_time", "last_funding_rate", "Funding rate"],
    ["gold.basis_1h", "open_time", "basis_mean_bps", "Basis, in basis points"],
  ]) {
    if (!known.includes(table)) continue;
    const rows = await rowsOf(`SELECT to_unixtime(date_bin(INTERVAL '${width} seconds', ${time})) AS time, avg(CAST(${value} AS DOUBLE)) AS value
      FROM ${table} WHERE market = ${literal(candles.market)} AND symbol = ${literal(candles.symbol)}
      AND date BETWEEN DATE '${isoTime(from).slice(0, 10)}' AND DATE '${isoTime(to).slice(0, 10)}' GROUP BY 1 ORDER BY 1`);
    figures.push(lines(title, rows.map((row) => Number(row.time)), [rows.map((row) => Number(row.value))], from, to));
  }
  if (asked === candles.asked) replace(byId("candles-under"), figures);
}
