// The heat map: a strip of days for each series, under a strip for each market and data type.

/** Strips that a group shows at first, and again with each press of its button. */
const ROWS_AT_ONCE = 100;
/** Groups are closed at first where there are more series than this. */
const OPEN_SERIES = 60;
const all = data.series.map((series) => ({ ...series, name: seriesName(series), runs: readRuns(series) }));

/** Counts, day by day, how many series of a group hold it, and cuts the days where that changes. */
function groupPieces(series) {
  const changes = new Map();
  const change = (day, name, by) => {
    const at = changes.get(day) ?? { held: 0, wanted: 0, failed: 0, provisional: 0 };
    at[name] += by;
    changes.set(day, at);
  };
  const FAILED = ["failed", "quarantined", "rejected", "rows_rejected"];
  for (const { start, end, state } of series.flatMap((one) => one.runs)) {
    const counts = [["wanted", state.kind !== "outside"], ["held", state.kind === "held"], ["failed", FAILED.includes(state.name)],
      ["provisional", state.kind === "provisional"]];
    for (const [name] of counts.filter(([, counts]) => counts)) {
      change(start, name, 1);
      change(end + 1, name, -1);
    }
  }
  const days = [...changes.keys()].sort((a, b) => a - b);
  const now = { held: 0, wanted: 0, failed: 0, provisional: 0 };
  const pieces = [];
  days.forEach((day, at) => {
    for (const name of Object.keys(now)) now[name] += changes.get(day)[name];
    if (now.wanted === 0 || at + 1 === days.length) return;
    const nothing = now.provisional > 0 ? "day-provisional" : "level-none";
    const kind = now.held === 0 ? nothing : `level-${Math.floor((4 * now.held) / now.wanted)}`;
    pieces.push({ start: day, end: days[at + 1] - 1, kind, ...now });
  });
  return pieces;
}

function choose(series, button) {
  view.chosen = series;
  document.querySelectorAll(".row[aria-pressed=true]").forEach((other) => other.setAttribute("aria-pressed", "false"));
  button.setAttribute("aria-pressed", "true");
  showDays(series);
  showChartOf(series);
}

function group(name, series) {
  const [held, missing] = ["held", "missing"].map((field) => series.reduce((sum, one) => sum + one[field], 0));
  const pieces = groupPieces(series);
  const provisional = series.reduce((sum, one) => sum + provisionalDays(one.runs), 0);
  const open = view.open.get(name) ?? all.length <= OPEN_SERIES;
  const describe = (day) => {
    const piece = pieces.find((piece) => piece.start <= day && day <= piece.end);
    const failed = piece?.failed ? `, ${number(piece.failed)} failed` : "";
    const provisional = piece?.provisional ? `, ${number(piece.provisional)} provisional` : "";
    return `${name} · ${isoOf(day)}: ${piece ? `${number(piece.held)} of ${number(piece.wanted)} series held${failed}${provisional}` : "no series"}`;
  };
  const head = make("button", { type: "button", class: "group-head", "aria-expanded": String(open) },
    make("span", { class: "row-name" }, name, make("small", {}, plural(series.length, "series", "series"))),
    follow(strip(pieces, `${number(held)} of ${number(held + missing)} days held${provisionalFacts(provisional)}`), describe),
    make("span", { class: "row-share" }, share(held, held + missing)));
  head.addEventListener("click", () => {
    view.open.set(name, !open);
    showHeat();
  });
  const element = make("div", { class: "group" }, head);
  if (!open) return element;
  const shown = view.shown.get(name) ?? ROWS_AT_ONCE;
  fill(element, series.slice(0, shown).map((one) => row(one, choose)));
  if (shown >= series.length) return element;
  const more = make("button", { type: "button", class: "more" },
    `Show ${number(Math.min(ROWS_AT_ONCE, series.length - shown))} more of ${number(series.length - shown)}`);
  more.addEventListener("click", () => {
    view.shown.set(name, shown + ROWS_AT_ONCE);
    showHeat();
  });
  return fill(element, [more]);
}

/** Returns the series that the filters leave. */
function filtered() {
  const [market, type, interval] = ["market", "type", "interval"].map((name) => byId(`filter-${name}`).value);
  const part = byId("filter-symbol").value.trim().toUpperCase();
  const gapsOnly = byId("filter-gaps").checked;
  return all.filter((series) =>
    (market === "" || series.market === market) && (type === "" || series.data_type === type) &&
    (interval === "" || series.interval === interval) && series.symbol.toUpperCase().includes(part) &&
    (!gapsOnly || series.missing > 0 || series.failed > 0 || series.rejected_rows > 0));
}

/** Sets the days to show: all that the series have, a year, or the last ones. */
function setView(series) {
  const bounds = (series.length ? series : all).flatMap((one) => one.runs);
  const last = bounds.reduce((latest, run) => Math.max(latest, run.end), -Infinity);
  const first = bounds.reduce((earliest, run) => Math.min(earliest, run.start), Infinity);
  const wanted = byId("filter-days").value;
  if (wanted === "all" || !Number.isFinite(last)) {
    [view.from, view.to] = Number.isFinite(last) ? [first, last] : [dayOf(data.today) - 30, dayOf(data.today)];
    // A little room, so that the edge of a single day at an end is seen.
    const room = Math.ceil((view.to - view.from) / 300);
    [view.from, view.to] = [view.from - room, view.to + room];
  } else if (wanted.startsWith("last-")) {
    [view.from, view.to] = [last - Number(wanted.slice(5)) + 1, last];
  } else {
    [view.from, view.to] = [firstOf(Number(wanted), 0), firstOf(Number(wanted) + 1, 0) - 1];
  }
}

function showHeat() {
  const series = filtered();
  setView(series);
  const groups = new Map();
  for (const one of series) {
    const name = `${one.market} · ${one.data_type}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  const none = all.length === 0 ? "The lake holds nothing of this yet." : "No series is like this.";
  const shown = groups.size ? [axis(), ...[...groups].map(([name, series]) => group(name, series))] : [make("p", { class: "none" }, none)];
  replace(byId("heat"), ...shown);
}

function showLegend() {
  const used = new Set(all.flatMap((series) => series.runs.map((run) => run.state)));
  replace(byId("legend"), data.states.filter((state) => used.has(state)).map((state) =>
    make("li", {}, draw("svg", { viewBox: "0 0 10 10", class: "swatch", "aria-hidden": "true" },
      draw("rect", { width: 10, height: 10, class: dayKind(state) })), state.text)));
}

function offer(select, name, values) {
  replace(select, make("option", { value: "" }, "all"), values.map((value) => make("option", { value }, value)));
  select.disabled = values.length < 2;
}

function startCoverage() {
  const values = (field) => [...new Set(data.series.map((series) => series[field]).filter(Boolean))];
  offer(byId("filter-market"), "market", values("market"));
  offer(byId("filter-type"), "data type", values("data_type"));
  offer(byId("filter-interval"), "interval", values("interval"));
  const years = new Set(all.flatMap((series) => series.runs.flatMap((run) => {
    const [first, last] = [run.start, run.end].map((day) => dateOf(day).getUTCFullYear());
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  })));
  replace(byId("filter-days"),
    make("option", { value: "all" }, "all"),
    [30, 90, 365].map((days) => make("option", { value: `last-${days}` }, `last ${days}`)),
    [...years].sort((a, b) => b - a).map((year) => make("option", { value: String(year) }, String(year))));
  byId("filters").addEventListener("input", showHeat);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  showLegend();
  showHeat();
}
