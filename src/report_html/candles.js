// Candles of any of the embedded series, moved with the pointer, the keys or the buttons.

/** Bars that are shown at first: what fits with this many pixels each. */
const BAR_WIDTH = 9;
const FEWEST_BARS = 10;

/** The lists from which a chart is chosen. */
const choices = { symbols: null, intervals: null };

/** Draws the bars in view, and shows where they are among all. */
function showBars() {
  const { chart, count, first, parts } = prices;
  drawCandles();
  parts.slide.max = chart.time.length - count;
  parts.slide.value = first;
  parts.slide.disabled = count === chart.time.length;
}

/** Moves the first bar in view; returns whether anything moved. */
function moveTo(first) {
  const bounded = Math.min(prices.chart.time.length - prices.count, Math.max(0, first));
  if (bounded === prices.first) return false;
  prices.first = bounded;
  prices.pointed = null;
  showBars();
  return true;
}

/** Shows fewer or more bars around the middle of the view, or at its end if that is the last bar. */
function zoom(factor) {
  const length = prices.chart.time.length;
  const count = Math.min(length, Math.max(Math.min(FEWEST_BARS, length), Math.round(prices.count * factor)));
  const atEnd = prices.first + prices.count === length;
  const first = atEnd ? length - count : prices.first + Math.round((prices.count - count) / 2);
  prices.count = count;
  prices.first = Math.min(length - count, Math.max(0, first));
  prices.pointed = null;
  showBars();
}

function showChart(chart) {
  const length = chart.time.length;
  prices.chart = chart;
  prices.count = Math.min(length, Math.max(FEWEST_BARS, Math.floor(prices.parts.frame.clientWidth / BAR_WIDTH)));
  prices.first = length - prices.count;
  prices.pointed = null;
  const left = chart.left_out > 0
    ? `${plural(length, "bar", "bars")} are in this page; ${number(chart.left_out)} others are in the lake.`
    : `All ${plural(length, "bar", "bars")} of the lake.`;
  prices.parts.note.textContent = `${left} Volume in ${chart.volume_of}; times are UTC.`;
  showBars();
}

/** Chooses a chart as the user would. */
function select(chart) {
  for (const [list, value] of [[choices.symbols, `${chart.market} ${chart.symbol}`], [choices.intervals, chart.interval]]) {
    list.value = value;
    list.dispatchEvent(new Event("change"));
  }
}

/** Shows the candles of a series of klines, if they are in the page. */
function showChartOf(series) {
  const same = (chart) => ["market", "symbol", "interval"].every((name) => chart[name] === series[name]);
  const chart = series.data_type === "klines" ? data.charts.find(same) : undefined;
  if (chart) select(chart);
}

function moveButtons() {
  const button = (text, label, action) => {
    const made = make("button", { type: "button", title: label, "aria-label": label }, text);
    made.addEventListener("click", action);
    return made;
  };
  const part = (by) => moveTo(prices.first + Math.round(by * prices.count));
  return make("span", { class: "buttons" },
    button("‹", "Earlier", () => part(-0.5)), button("›", "Later", () => part(0.5)),
    button("+", "Fewer bars", () => zoom(0.6)), button("−", "More bars", () => zoom(1 / 0.6)));
}

/** Lets the intervals follow the symbol, and the chart follow both; keeps an interval that the next symbol has too. */
function listenToChoices(symbols, intervals) {
  const charts = () => data.charts.filter((chart) => `${chart.market} ${chart.symbol}` === symbols.value);
  symbols.addEventListener("change", () => {
    const before = intervals.value;
    replace(intervals, charts().map((chart) => make("option", { value: chart.interval }, chart.interval)));
    if (charts().some((chart) => chart.interval === before)) intervals.value = before;
    intervals.dispatchEvent(new Event("change"));
  });
  intervals.addEventListener("change", () => showChart(charts().find((chart) => chart.interval === intervals.value)));
}

function startPrices() {
  const element = byId("prices");
  if (data.charts.length === 0) return replace(element, make("p", { class: "none" }, "The lake holds no klines of this."));
  prices.moveTo = moveTo;
  const names = new Set(data.charts.map((chart) => `${chart.market} ${chart.symbol}`));
  choices.symbols = make("select", { id: "chart-symbol" }, [...names].map((name) => make("option", { value: name }, name)));
  choices.intervals = make("select", { id: "chart-interval" });
  prices.parts = {
    frame: make("div", { class: "frame" }),
    readout: make("p", { class: "readout", id: "chart-readout" }),
    note: make("p", { class: "quiet" }),
    slide: make("input", { type: "range", min: 0, step: 1, "aria-label": "First bar in view", class: "slide" }),
  };
  const { frame, readout, note, slide } = prices.parts;
  slide.addEventListener("input", () => moveTo(Number(slide.value)));
  listenToChoices(choices.symbols, choices.intervals);
  const left = data.charts_left_out > 0
    ? make("p", { class: "quiet" }, `${plural(data.charts_left_out, "series has", "series have")} no chart in this page; a report on fewer symbols holds them.`)
    : null;
  replace(element,
    make("div", { class: "controls" }, make("label", {}, "Symbol ", choices.symbols), make("label", {}, "Interval ", choices.intervals), moveButtons()),
    readout, frame, slide, note, left);
  select(data.charts.reduce((a, b) => (b.time.length > a.time.length ? b : a)));
  let known = frame.clientWidth;
  new ResizeObserver(() => {
    if (frame.clientWidth === known) return;
    known = frame.clientWidth;
    showBars();
  }).observe(frame);
}
