// A chart of candles with their volume, drawn from columns; what moves it is decided elsewhere.

const CHART = { height: 380, narrowHeight: 320, right: 66, top: 10, bottom: 24, volume: 0.2, gap: 14 };
/** Bars further apart than this many intervals have a line between them. */
const WIDEST_GAP = 1.5;

/**
 * The chart with the bars in view. `isByTime` leaves room where bars lack; `moveTo(first)` shows others and returns
 * whether it did.
 */
const prices = { chart: null, first: 0, count: 0, pointed: null, parts: null, isByTime: false, moveTo: () => false };

/** Chooses round numbers between two ends. */
function priceTicks(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step / 1e6; tick += step) ticks.push(Number(tick.toPrecision(12)));
  return ticks;
}

/** Seconds of an interval such as 15m; a month counts as its shortest. */
function secondsOf(interval) {
  const [, count, unit] = interval.match(/^(\d+)(\D+)$/);
  return Number(count) * { s: 1, m: 60, h: 3600, d: 86400, w: 604800, mo: 28 * 86400 }[unit];
}

/** Writes when a bar opened, as exactly as its interval needs. */
function barTime(chart, at, short) {
  const text = new Date(chart.time[at] * 1000).toISOString();
  const daily = secondsOf(chart.interval) >= 86400;
  if (daily) return text.slice(0, 10);
  return short ? `${text.slice(5, 10)} ${text.slice(11, 16)}` : `${text.slice(0, 10)} ${text.slice(11, secondsOf(chart.interval) < 60 ? 19 : 16)}`;
}

function tellBar(chart, at) {
  const [open, high, low, close] = ["open", "high", "low", "close"].map((name) => price(chart[name][at]));
  const change = (100 * (chart.close[at] - chart.open[at])) / chart.open[at];
  const sign = change >= 0 ? "+" : "−";
  return [["", `${barTime(chart, at)} UTC`], ["O", open], ["H", high], ["L", low], ["C", close],
    ["", `${sign}${Math.abs(change).toFixed(2)} %`], ["Vol", amount(chart.volume[at])]];
}

function showReadout() {
  const { chart, first, count, pointed } = prices;
  const at = pointed ?? first + count - 1;
  const parts = tellBar(chart, at).map(([name, value]) =>
    make("span", {}, name ? make("b", {}, name) : null, name ? " " : null, value));
  const name = make("strong", {}, `${chart.market} ${chart.symbol} ${chart.interval}`);
  replace(prices.parts.readout, name, parts);
}

/** Returns how many intervals after the first bar in view a bar stands. */
function slots(chart, first) {
  // A month has no length of its own.
  if (!prices.isByTime || chart.interval.endsWith("mo")) return (at) => at - first;
  return (at) => Math.round((chart.time[at] - chart.time[first]) / secondsOf(chart.interval));
}

/** Says where the bars in view stand on the screen. */
function layOut() {
  const { chart, first, count, parts } = prices;
  const width = Math.max(280, parts.frame.clientWidth);
  const height = width < 560 ? CHART.narrowHeight : CHART.height;
  const [plotWidth, plotHeight] = [width - CHART.right, height - CHART.top - CHART.bottom];
  const volumeHeight = plotHeight * CHART.volume;
  const priceHeight = plotHeight - volumeHeight - CHART.gap;
  const bars = Array.from({ length: count }, (_, at) => first + at);
  const [low, high] = [Math.min(...bars.map((at) => chart.low[at])), Math.max(...bars.map((at) => chart.high[at]))];
  const space = (high - low || Math.abs(high) || 1) * 0.04;
  const slotOf = slots(chart, first);
  const slot = plotWidth / (slotOf(first + count - 1) + 1);
  return {
    width, height, plotWidth, volumeHeight, priceHeight, bars, low, high, slot,
    most: Math.max(...bars.map((at) => chart.volume[at])) || 1,
    floor: CHART.top + plotHeight,
    x: (at) => (slotOf(at) + 0.5) * slot,
    y: (value) => CHART.top + ((high + space - value) / (high - low + 2 * space)) * priceHeight,
  };
}

/** Draws the bars in view: paths for risen and fallen bars, since single elements would be too many. */
function shapes(chart, { bars, slot, x, y, floor, most, volumeHeight }) {
  const shape = { upWicks: "", downWicks: "", up: "", down: "", upVolume: "", downVolume: "" };
  const body = Math.max(1, Math.min(14, slot * 0.68));
  const box = (left, top, height) => `M${left.toFixed(2)} ${top.toFixed(2)}h${body.toFixed(2)}v${height.toFixed(2)}h${-body.toFixed(2)}z`;
  const line = (at, from, to) => `M${x(at).toFixed(2)} ${from.toFixed(2)}V${to.toFixed(2)}`;
  for (const at of bars) {
    const kind = chart.close[at] >= chart.open[at] ? "up" : "down";
    const top = y(Math.max(chart.open[at], chart.close[at]));
    const tall = Math.max(1, y(Math.min(chart.open[at], chart.close[at])) - top);
    const volume = (chart.volume[at] / most) * volumeHeight;
    const left = x(at) - body / 2;
    shape[kind] += box(left, top, tall);
    shape[`${kind}Wicks`] += line(at, y(chart.high[at]), top) + line(at, top + tall, y(chart.low[at]));
    shape[`${kind}Volume`] += box(left, floor - volume, volume);
  }
  return Object.entries(shape).map(([kind, path]) => draw("path", { class: `bars ${kind}`, d: path }));
}

/** Draws prices at the right, the largest volume, and times below. */
function axes(chart, { bars, plotWidth, priceHeight, volumeHeight, low, high, most, floor, height, x, y }) {
  const right = plotWidth + 6;
  const prices = priceTicks(low, high, Math.max(3, Math.round(priceHeight / 60))).flatMap((tick) => [
    draw("line", { class: "grid", x1: 0, x2: plotWidth, y1: y(tick), y2: y(tick) }),
    draw("text", { x: right, y: y(tick) + 4 }, price(tick)),
  ]);
  const every = Math.ceil(bars.length / Math.max(2, Math.floor(plotWidth / 110)));
  const named = bars.filter((_, at) => at % every === Math.floor(every / 2));
  return [...prices,
    draw("text", { x: right, y: floor - volumeHeight + 8 }, amount(most)),
    draw("line", { class: "base", x1: 0, x2: plotWidth, y1: floor, y2: floor }),
    ...named.map((at) => draw("text", { x: x(at), y: height - 7, "text-anchor": "middle" }, barTime(chart, at, true)))];
}

/** Bars that stand side by side although time passed between them have a line there; room for bars that lack is shaded. */
function breaks(chart, { bars, slot, x, floor }) {
  const seconds = chart.interval.endsWith("mo") ? Infinity : WIDEST_GAP * secondsOf(chart.interval);
  const late = bars.slice(1).filter((at) => chart.time[at] - chart.time[at - 1] > seconds);
  return late.map((at) => {
    const words = draw("title", {}, `no bars from ${barTime(chart, at - 1)} to ${barTime(chart, at)}`);
    const [left, right] = [x(at - 1) + slot / 2, x(at) - slot / 2];
    if (prices.isByTime) return draw("rect", { class: "gap", x: left, y: CHART.top, width: right - left, height: floor - CHART.top }, words);
    return draw("line", { class: "break", x1: right, x2: right, y1: CHART.top, y2: floor }, words);
  });
}

function drawCandles() {
  const { chart, first, count, parts } = prices;
  const place = layOut();
  const last = first + count - 1;
  const name = `${chart.market} ${chart.symbol} ${chart.interval}`;
  const label = `Candles of ${name}, ${number(count)} bars from ${barTime(chart, first)} to ${barTime(chart, last)}, ` +
    `low ${price(place.low)}, high ${price(place.high)}, last ${price(chart.close[last])}`;
  const cross = draw("line", { class: "cross", y1: CHART.top, y2: place.floor });
  const svg = draw("svg", { class: "candles", width: place.width, height: place.height, role: "img", tabindex: "0",
    viewBox: `0 0 ${place.width} ${place.height}`, "aria-label": label, "data-series": name, "data-bars": count },
    axes(chart, place), breaks(chart, place), shapes(chart, place), cross);
  listen(svg, cross, place.slot, place.x);
  replace(parts.frame, svg);
  showReadout();
}

/** Returns the bar in view that is nearest to a place. */
function nearest(place, x) {
  let [low, high] = [prices.first, prices.first + prices.count - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x(middle) + x(middle + 1) < 2 * place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Follows the pointer; dragging moves through time, and so do the arrow keys. */
function listen(svg, cross, slot, x) {
  let grip = null;
  const point = (at) => {
    prices.pointed = at === null ? null : Math.min(prices.first + prices.count - 1, Math.max(prices.first, at));
    cross.classList.toggle("shown", prices.pointed !== null);
    if (prices.pointed !== null) setAll(cross, { x1: x(prices.pointed), x2: x(prices.pointed) });
    showReadout();
  };
  const barAt = (event) => nearest(event.clientX - svg.getBoundingClientRect().left, x);
  svg.addEventListener("pointerdown", (event) => { grip = { x: event.clientX, first: prices.first }; });
  svg.addEventListener("pointermove", (event) => {
    const moved = grip && event.buttons === 1 && event.pointerType === "mouse" ? Math.round((grip.x - event.clientX) / slot) : 0;
    if (grip && moved !== 0 && prices.moveTo(grip.first + moved)) return;
    point(barAt(event));
  });
  svg.addEventListener("pointerleave", () => point(null));
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    point((prices.pointed ?? prices.first + prices.count - 1) + by);
  });
}
