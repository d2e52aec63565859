// Days as strips: a row for each series, an axis above, and what is below the pointer.

/** Runs narrower than this share of a strip get an edge, so that a single day in ten years can be seen. */
const THIN = 0.004;

/** The days in view, the series that is chosen, and what is open of the groups. */
const view = { from: 0, to: 0, chosen: null, open: new Map(), shown: new Map() };

/** Draws pieces of days as one strip; short ones come last, so that they are never hidden. */
function strip(pieces, label) {
  const span = view.to - view.from + 1;
  const svg = draw("svg", { viewBox: `0 0 ${span} 10`, preserveAspectRatio: "none", class: "strip", role: "img", "aria-label": label });
  const clipped = pieces
    .map((piece) => ({ ...piece, start: Math.max(piece.start, view.from), end: Math.min(piece.end, view.to) }))
    .filter((piece) => piece.start <= piece.end)
    .sort((a, b) => b.end - b.start - (a.end - a.start));
  const rect = ({ start, end }, y, height, kind) => {
    const width = end - start + 1;
    return draw("rect", { x: start - view.from, y, width, height, class: width / span < THIN ? `${kind} thin` : kind });
  };
  svg.append(...clipped.map((piece) => rect(piece, 0, 10, piece.kind)));
  // In the strip of a group, a day on which anything failed has a foot.
  svg.append(...clipped.filter((piece) => piece.failed > 0).map((piece) => rect(piece, 7, 3, "day-failed")));
  return svg;
}

const dayKind = (state) => `day-${state.name}`;

function axis() {
  const room = window.innerWidth < 640 ? 4 : 10;
  const span = view.to - view.from + 1;
  const ticks = axisTicks(view.from, view.to, room).map(([day, text]) => {
    const tick = make("span", {}, text);
    tick.style.left = `${(100 * (day - view.from)) / span}%`;
    return tick;
  });
  return make("div", { class: "axis", "aria-hidden": "true" }, make("div", { class: "ticks" }, ticks));
}

/** Describes what is below the pointer. */
function follow(svg, describe) {
  const at = (event) => {
    const box = svg.getBoundingClientRect();
    const part = Math.min(0.99999, Math.max(0, (event.clientX - box.left) / box.width));
    byId("pointed").textContent = describe(view.from + Math.floor(part * (view.to - view.from + 1)));
  };
  svg.addEventListener("pointermove", at);
  svg.addEventListener("pointerdown", at);
  svg.addEventListener("pointerleave", () => { byId("pointed").textContent = ""; });
  return svg;
}

function tellDay(series, day) {
  const run = runAt(series.runs, day);
  const what = run ? `${run.state.text}${run.start === run.end ? "" : ` (${rangeText(run.start, run.end)})`}` : "nothing is known";
  return `${series.name} · ${isoOf(day)}: ${what}${run?.detail ? ` – ${run.detail}` : ""}`;
}

/** Counts the days of runs that no archive owns and the API has rows of. */
function provisionalDays(runs) {
  return runs.filter((run) => run.state.kind === "provisional").reduce((sum, run) => sum + run.end - run.start + 1, 0);
}

/** Says how many days are provisional, if any are. */
function provisionalFacts(count) {
  return count === 0 ? "" : `, ${plural(count, "day", "days")} provisional`;
}

/** Makes the row of a series; `choose(series, button)` is called when it is pressed. */
function row(series, choose) {
  const facts = `${number(series.held)} of ${plural(series.held + series.missing, "day", "days")} held` +
    provisionalFacts(provisionalDays(series.runs));
  const pieces = series.runs.map((run) => ({ ...run, kind: dayKind(run.state) }));
  const button = make("button", { type: "button", class: "row", "aria-pressed": String(view.chosen === series) },
    make("span", { class: "row-name" }, series.interval ? `${series.symbol} ${series.interval}` : series.symbol),
    follow(strip(pieces, facts), (day) => tellDay(series, day)),
    make("span", { class: "row-share" }, share(series.held, series.held + series.missing)));
  button.addEventListener("click", () => choose(series, button));
  return button;
}
