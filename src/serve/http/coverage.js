// The heat map over all series: filtered and paged by the server, down to a day and its archives.

const PAGE_ROWS = 100;
const coverage = { offset: 0, series: "", day: "", asked: 0 };

/** What the filters say, as the server reads it. */
function filters() {
  const given = [...new FormData(byId("filters"))].filter(([, value]) => value !== "");
  return new URLSearchParams(given);
}

function keepCoverage() {
  const { offset, series, day } = coverage;
  keep("/coverage", { ...Object.fromEntries(filters()), offset: offset || null, series, day });
}

async function loadCoverage() {
  coverage.asked += 1;
  const asked = coverage.asked;
  const query = filters();
  const page = await ask(`/api/coverage.json?${query}&offset=${coverage.offset}&limit=${PAGE_ROWS}`);
  // An answer to filters that have changed since is of no use.
  if (asked !== coverage.asked) return;
  keepCoverage();
  twins(byId("coverage-files"), "coverage", query);
  showPage(page);
}

function showPage(page) {
  const series = page.series.map((one) => ({ ...one, name: seriesName(one), runs: readRuns(one) }));
  const room = page.first === null ? 0 : Math.ceil((dayOf(page.last) - dayOf(page.first)) / 300);
  view.from = dayOf(page.first ?? page.today) - room;
  view.to = dayOf(page.last ?? page.today) + room;
  setOptions(byId("filter-market"), page.markets);
  setOptions(byId("filter-type"), page.data_types);
  setOptions(byId("filter-interval"), page.intervals);
  const none = make("p", { class: "none" }, page.markets.length === 0 ? "The lake holds nothing yet: run lakehouse ingest." : "No series is like this.");
  replace(byId("heat"), series.length === 0 ? none : [axis(), ...groups(series)]);
  showStates(series);
  showPages(page);
  const chosen = series.find((one) => one.name === coverage.series) ?? series[0];
  if (chosen !== undefined) chooseSeries(chosen, [...document.querySelectorAll(".row")][series.indexOf(chosen)], coverage.day);
  byId("days").hidden = chosen === undefined;
}

/** Series under the name of their market and data type. */
function groups(series) {
  const names = [...new Set(series.map((one) => `${one.market} · ${one.data_type}`))];
  return names.map((name) => make("div", { class: "group" }, make("h3", {}, name),
    series.filter((one) => `${one.market} · ${one.data_type}` === name).map((one) => row(one, (of, button) => chooseSeries(of, button, "")))));
}

function setOptions(select, values) {
  const chosen = select.value || new URLSearchParams(location.search).get(select.name) || "";
  replace(select, make("option", { value: "" }, "all"), values.map((value) => make("option", { value }, value)));
  select.value = values.includes(chosen) ? chosen : "";
}

function showStates(series) {
  const used = new Set(series.flatMap((one) => one.runs.map((run) => run.state)));
  replace(byId("legend"), data.states.map((state) => stateOf.get(state.code)).filter((state) => used.has(state)).map((state) =>
    make("li", {}, draw("svg", { viewBox: "0 0 10 10", class: "swatch", "aria-hidden": "true" },
      draw("rect", { width: 10, height: 10, class: dayKind(state) })), state.text)));
}

function showPages(page) {
  const button = (words, offset, possible) => {
    const made = make("button", { type: "button", disabled: !possible }, words);
    made.addEventListener("click", () => turnTo(offset));
    return made;
  };
  const last = Math.min(page.total, page.offset + PAGE_ROWS);
  const words = `${number(page.offset + 1)} to ${number(last)} of ${plural(page.total, "series", "series")}`;
  replace(byId("pages"), page.total === 0 ? null : [
    button("Earlier", Math.max(0, page.offset - PAGE_ROWS), page.offset > 0), make("span", { class: "quiet" }, words),
    button("More", page.offset + PAGE_ROWS, last < page.total)]);
}

function turnTo(offset) {
  coverage.offset = offset;
  loadCoverage().catch(showLost);
}

function showLost(error) {
  replace(byId("heat"), make("p", { class: "fault", role: "alert" }, error.message));
}

function chooseSeries(series, button, day) {
  view.chosen = series;
  coverage.series = series.name;
  document.querySelectorAll(".row[aria-pressed=true]").forEach((other) => other.setAttribute("aria-pressed", "false"));
  button.setAttribute("aria-pressed", "true");
  showDays(series);
  const isBars = series.data_type === "klines";
  setAll(byId("to-candles"), { href: `/candles?${new URLSearchParams({ market: series.market, symbol: series.symbol })}` });
  byId("to-candles").hidden = !isBars;
  byId("day-choice").value = day;
  showDay(day);
}

/** Shows the archives of the chosen series that cover a day, and what audits found in it. */
function showDay(day) {
  coverage.day = day;
  keepCoverage();
  if (day === "") return replace(byId("day"), null);
  return readDay(view.chosen, day).catch((error) => replace(byId("day"), make("p", { class: "fault" }, error.message)));
}

async function readDay(series, day) {
  const interval = series.interval === null ? "bar_interval IS NULL" : `bar_interval = ${literal(series.interval)}`;
  const of = `market = ${literal(series.market)} AND data_type = ${literal(series.data_type)} AND symbol = ${literal(series.symbol)} AND ${interval}`;
  const archives = await rowsOf(`SELECT archive, status, rows, rejected_rows, size, sha256, silver_version, recorded_at, owned_days, reason
    FROM meta.archives WHERE ${of} AND period_start <= DATE ${literal(day)} AND period_end >= DATE ${literal(day)} ORDER BY frequency, archive`);
  const gaps = await gapsOf(of, day);
  const provisional = await provisionalOf(series, day);
  // Another day may have been chosen meanwhile.
  if (coverage.day !== day || view.chosen !== series) return;
  const run = runAt(series.runs, dayOf(day));
  const element = byId("day");
  const columns = [
    ARCHIVE,
    ["Status", (one) => one.status],
    ["Rows", (one) => numbers.format(BigInt(one.rows)), "number"],
    ["Rejected", (one) => numbers.format(BigInt(one.rejected_rows)), "number"],
    ["Size", (one) => (one.size === null ? "" : bytes(Number(one.size))), "number"],
    ["Table version", (one) => one.silver_version ?? "", "number"],
    ["Recorded (UTC)", (one) => instant(one.recorded_at), "when"],
    ["SHA-256", (one) => one.sha256 ?? "", "key sum"],
    ["Owns", (one) => one.owned_days ?? "", "text"],
    ["Reason", (one) => one.reason ?? "", "text"],
  ];
  // A column without any value only takes room.
  const filled = columns.filter(([, cell]) => archives.some((one) => cell(one) !== ""));
  list(element, `Archives of ${day}`, filled, archives, archives.length, "No archive of this day is known.");
  element.prepend(make("h3", {}, `${day}: ${run ? run.state.text : "nothing is known"}${run?.detail ? ` – ${run.detail}` : ""}`));
  if (provisional.length > 0) {
    const frame = make("div", {});
    element.append(frame);
    list(frame, `Provisional rows of ${day}`, [
      ["Answer of the API", (one) => one.archive, "key archive"],
      ["Provisional rows", (one) => numbers.format(BigInt(one.rows)), "number"],
    ], provisional, provisional.length, "");
  }
  if (gaps.length > 0) {
    const frame = make("div", {});
    element.append(frame);
    list(frame, `Gaps of ${day}`, [
      ["From (UTC)", (one) => instant(one.from_time), "when"], ["To (UTC)", (one) => instant(one.to_time), "when"],
      ["Class", (one) => one.class], ["Evidence", (one) => one.evidence ?? "", "text"],
    ], gaps, gaps.length, "");
  }
}

/** Counts the provisional rows of a day by the answer that they are from. */
async function provisionalOf(series, day) {
  if (!series.provisional) return [];
  const interval = series.interval === null ? "" : ` AND bar_interval = ${literal(series.interval)}`;
  return rowsOf(`SELECT archive, count(*) AS rows FROM ${series.provisional.table}
    WHERE market = ${literal(series.market)} AND symbol = ${literal(series.symbol)}${interval} AND date = DATE ${literal(day)}
    GROUP BY archive ORDER BY archive`);
}

/** Reads the gaps that audits know of a day; none where the lake was never audited. */
async function gapsOf(series, day) {
  const known = await tables();
  if (!known.some((table) => table.name === "meta.gaps")) return [];
  return rowsOf(`SELECT from_time, to_time, class, evidence FROM meta.gaps WHERE ${series} AND closed_at IS NULL
    AND from_time < DATE ${literal(day)} + INTERVAL '1 day' AND to_time > DATE ${literal(day)} ORDER BY from_time`);
}

async function showCoverage() {
  const given = new URLSearchParams(location.search);
  coverage.offset = Number(given.get("offset")) || 0;
  coverage.series = given.get("series") ?? "";
  coverage.day = given.get("day") ?? "";
  for (const name of ["market", "data_type", "interval"]) {
    const select = byId("filters").elements[name];
    if (given.get(name)) setOptions(select, [given.get(name)]);
  }
  byId("filter-symbol").value = given.get("symbol") ?? "";
  byId("filter-gaps").checked = given.get("gaps") === "true";
  byId("filters").addEventListener("input", () => turnTo(0));
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("day-choice").addEventListener("change", (event) => showDay(event.target.value));
  byId("days-calendar").addEventListener("click", (event) => {
    const { day } = event.target.dataset;
    if (day === undefined) return;
    byId("day-choice").value = day;
    showDay(day);
  });
  await loadCoverage();
}
