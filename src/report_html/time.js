// Days as numbers from 1970-01-01, and the runs of a series over them.

const DAY_MS = 86400000;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const dayOf = (text) => Math.round(Date.parse(`${text}T00:00:00Z`) / DAY_MS);
const dateOf = (day) => new Date(day * DAY_MS);
const isoOf = (day) => dateOf(day).toISOString().slice(0, 10);
const firstOf = (year, month) => Math.round(Date.UTC(year, month, 1) / DAY_MS);
const rangeText = (start, end) => (start === end ? isoOf(start) : `${isoOf(start)} to ${isoOf(end)}`);

/** Writes an instant (ISO 8601) as day and time, UTC. */
const instant = (text) => (text ? `${text.slice(0, 10)} ${text.slice(11, 19)}` : "");

/** Reads "31h2f" from the day `start` on. */
function readRuns(series) {
  const runs = [];
  let next = series.start === null ? 0 : dayOf(series.start);
  for (const [, length, code] of series.runs.matchAll(/(\d+)(\D)/g)) {
    const start = next;
    next += Number(length);
    runs.push({ start, end: next - 1, state: stateOf.get(code), detail: null });
  }
  for (const [at, detail] of series.details) runs[at].detail = detail;
  return runs;
}

/** Finds the run that holds a day. */
function runAt(runs, day) {
  let [low, high] = [0, runs.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (day < runs[middle].start) high = middle - 1;
    else if (day > runs[middle].end) low = middle + 1;
    else return runs[middle];
  }
  return null;
}

/** Chooses days to name on an axis: years, months or weeks, as many as there is room for. */
function axisTicks(from, to, most) {
  const span = to - from + 1;
  const ticks = [];
  const [first, last] = [dateOf(from), dateOf(to)];
  if (span > 70) {
    const months = (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + last.getUTCMonth() - first.getUTCMonth() + 1;
    const step = [1, 2, 3, 6, 12, 24, 60].find((step) => months / step <= most) ?? 120;
    let month = first.getUTCFullYear() * 12 + first.getUTCMonth();
    month = Math.ceil(month / step) * step;
    for (; ; month += step) {
      const [year, at] = [Math.floor(month / 12), month % 12];
      const day = firstOf(year, at);
      if (day > to) break;
      if (day >= from) ticks.push([day, at === 0 || step >= 12 ? String(year) : `${MONTHS[at]} ${String(year).slice(2)}`]);
    }
    return ticks;
  }
  const step = [1, 2, 7, 14].find((step) => span / step <= most) ?? 28;
  for (let day = from; day <= to; day += step) ticks.push([day, isoOf(day).slice(5)]);
  return ticks;
}
