// One series day by day: a calendar of a year, weeks from left to right, and its gaps.

const CELL = 13;

function facts(series) {
  const held = series.runs.filter((run) => run.state.kind === "held");
  if (held.length === 0) return "Nothing of it is held.";
  const days = `${plural(series.held, "day", "days")} held from ${isoOf(held[0].start)} to ${isoOf(held.at(-1).end)}`;
  const behind = series.behind > 1 ? `, ${number(series.behind)} days behind` : "";
  return `${days}${behind}; ${number(series.missing)} missing; ${plural(series.archives, "archive", "archives")} of ` +
    `${bytes(series.bytes)}; ${plural(series.rows, "row", "rows")}, ${number(series.rejected_rows)} rejected` +
    `${series.provisional ? `; ${plural(series.provisional.rows, "provisional row", "provisional rows")}` : ""}.`;
}

/** Draws the days of a year, a column for each week from Monday to Sunday. */
function calendar(series, year) {
  const [first, last] = [firstOf(year, 0), firstOf(year + 1, 0) - 1];
  const weekday = (day) => (dateOf(day).getUTCDay() + 6) % 7;
  const place = (day) => [Math.floor((day - first + weekday(first)) / 7), weekday(day)];
  const [left, top] = [28, 18];
  const weeks = place(last)[0] + 1;
  const provisional = series.runs.filter((run) => first <= run.start && run.end <= last);
  const label = `${series.name} in ${year}${provisionalFacts(provisionalDays(provisional))}`;
  const svg = draw("svg", { class: "calendar", role: "img", "aria-label": label, width: left + weeks * CELL, height: top + 7 * CELL });
  for (const [at, text] of [[0, "Mon"], [2, "Wed"], [4, "Fri"], [6, "Sun"]]) {
    svg.append(draw("text", { x: 0, y: top + at * CELL + CELL - 4 }, text));
  }
  for (let month = 0; month < 12; month += 1) {
    const [week] = place(firstOf(year, month) + 6);
    svg.append(draw("text", { x: left + week * CELL, y: 12 }, MONTHS[month]));
  }
  const latest = series.runs.findLast((run) => run.state.kind === "held" && run.start <= last);
  for (let day = first; day <= last; day += 1) {
    const [week, at] = place(day);
    const run = runAt(series.runs, day);
    const kind = `${run ? dayKind(run.state) : "day-none"}${latest && day === Math.min(last, latest.end) ? " last" : ""}`;
    const what = run ? `${run.state.text}${run.detail ? ` – ${run.detail}` : ""}` : "not looked at";
    svg.append(draw("rect", { x: left + week * CELL, y: top + at * CELL, width: CELL - 2, height: CELL - 2, rx: 2, class: kind, "data-day": isoOf(day) },
      draw("title", {}, `${isoOf(day)}: ${what}`)));
  }
  return svg;
}

function showYear(series, year) {
  const frame = replace(byId("days-calendar"), calendar(series, year));
  const last = frame.querySelector("rect.last");
  // On a narrow screen the latest days are worth more than January.
  if (last) frame.scrollLeft = Number(last.getAttribute("x")) - frame.clientWidth + 3 * CELL;
  for (const button of byId("days-years").children) {
    button.setAttribute("aria-pressed", String(button.textContent === String(year)));
  }
}

function showDays(series) {
  byId("days").hidden = false;
  byId("days-title").textContent = series.name;
  byId("days-facts").textContent = facts(series);
  const held = series.runs.filter((run) => run.state.kind === "held");
  const known = held.length ? held : series.runs;
  const [first, last] = series.runs.length
    ? [series.runs[0].start, series.runs.at(-1).end].map((day) => dateOf(day).getUTCFullYear())
    : [0, -1];
  const years = Array.from({ length: last - first + 1 }, (_, at) => first + at);
  replace(byId("days-years"), years.map((year) => {
    const button = make("button", { type: "button" }, String(year));
    button.addEventListener("click", () => showYear(series, year));
    return button;
  }));
  byId("days-years").hidden = years.length < 2;
  if (known.length) showYear(series, dateOf(known.at(-1).end).getUTCFullYear());
  const gaps = series.runs.filter((run) => run.state.kind !== "held");
  list(byId("days-gaps"), `Gaps of ${series.name}`, [
    ["When", (run) => dates(run.start, run.end)],
    ["Days", (run) => number(run.end - run.start + 1), "number"],
    ["Reason", (run) => [run.state.text, run.detail].filter(Boolean).join(": "), "text"],
  ], gaps, gaps.length, "No day lacks between the first and the last.");
}
