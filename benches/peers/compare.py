"""The same jobs with lakehouse and with its peers, in turns: compare.py PROGRAM MIRROR FOLDER RUNS [PART…].

Each job is a process of its own, so that its wall time, CPU time and peak memory are the operating system's figures.
Prints one table for each kind of job: medians, and ratios to lakehouse.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import shapes
from shapes import SHAPES

PROGRAM, MIRROR, WORK = sys.argv[1], sys.argv[2], Path(sys.argv[3])
RUNS = int(sys.argv[4])
# Which parts are run; all by default.
PARTS = sys.argv[5:]
ROWS = int(os.environ["LAKEHOUSE_BENCH_ROWS"])
JOBS = Path(__file__).with_name("jobs.py")
ARCHIVES = WORK / "archives"
OUTPUT = WORK / "output"
DONE = WORK / "done"
LOG = WORK / "stderr.log"


@dataclass
class Cost:
    wall: float
    cpu: float
    memory: float
    written: float


def measure(command):
    """Runs a command on an empty output folder.

    What the command before wrote is moved away and deleted at the very end: ext4 is slow to make files for a minute
    after many were deleted.
    """
    if OUTPUT.exists():
        OUTPUT.rename(DONE / str(time.monotonic_ns()))
    OUTPUT.mkdir(parents=True)
    os.sync()
    start = time.monotonic()
    with LOG.open("w") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=log)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"failed with {status}: {command}\n{LOG.read_text()[-2000:]}")
    tables = [path for path in OUTPUT.rglob("*.parquet") if "meta" not in path.parts]
    written = sum(path.stat().st_size for path in tables)
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, written / 1e6)


def compare(title, jobs):
    """Runs jobs in turns; the first one is lakehouse's."""
    costs = {name: [] for name in jobs}
    for _ in range(RUNS):
        for name, command in jobs.items():
            costs[name].append(measure(command))
    medians = {name: median(each) for name, each in costs.items()}
    own = next(iter(medians.values()))
    print(f"\n### {title}\n\n| | wall | CPU | memory | written | wall : lakehouse | CPU : lakehouse |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    for name, cost in medians.items():
        ratios = f"{cost.wall / own.wall:.2f} | {cost.cpu / own.cpu:.2f}"
        cells = f"{cost.wall:.2f} s | {cost.cpu:.2f} s | {cost.memory:.0f} MiB | {cost.written:.1f} MB"
        print(f"| {name} | {cells} | {ratios} |", flush=True)
    return own


def wanted(part):
    return not PARTS or part in PARTS


def median(costs):
    return Cost(*(statistics.median(getattr(cost, field) for cost in costs) for field in Cost.__annotations__))


def ingest(source, stage="silver", *flags):
    """Gold is left out: none of the peers computes anything from what it stores."""
    program = [PROGRAM, "--quiet", "--lake", OUTPUT / "lake", "ingest", "--all"]
    return [*program, "--source", source, "--stage", stage, *flags]


def job(name, *arguments):
    return [sys.executable, JOBS, name, *arguments, OUTPUT]


def large(name):
    """One archive of a shape, from the zip to a committed Delta table."""
    archive = ARCHIVES / ("large" if name == "spot-trades" else name)
    if SHAPES[name].make:
        shapes.write(archive, SHAPES[name], ROWS)
    own = compare(
        f"One large archive of {name}",
        {
            "lakehouse": ingest(archive),
            "unzip, Polars": job("large-polars", name, archive),
            "unzip, DuckDB": job("large-duckdb", name, archive),
            "unzip, chdb": job("large-clickhouse", name, archive),
            "inflate alone, Python": [sys.executable, JOBS, "inflate", archive, OUTPUT],
        },
    )
    if name == "spot-trades":
        larger = median([measure(ingest(ARCHIVES / "larger")) for _ in range(min(RUNS, 3))])
        ratio = larger.memory / own.memory
        print(f"\nFour times as many rows: {larger.wall:.2f} s, {larger.memory:.0f} MiB ({ratio:.2f} times)")


def small(folder):
    count = sum(1 for _ in (ARCHIVES / folder).rglob("*.zip"))
    with Mirror(0, folder) as url:
        compare(
            f"A day of {count} archives ({folder}) over HTTP on this machine, to committed Delta tables",
            {
                "lakehouse": ingest(url),
                "s5cmd, Polars, one Delta write per table": job("small-polars", ARCHIVES / folder, url),
            },
        )


def latency():
    """100 ms for each answer; what could be moved is the requests in flight over 100 ms.

    The listing, a request or two for each symbol, is timed by a plan, which does nothing else.
    """
    count = sum(1 for _ in (ARCHIVES / "small").rglob("*.zip"))
    with Mirror(100, "small") as url:
        for flights in (8, 64):
            flags = ["--all", "--source", url, "--max-parallel-downloads", flights]
            listing = measure([PROGRAM, "--quiet", "--lake", OUTPUT / "lake", "plan", *flags])
            cost = measure(ingest(url, "bronze", "--max-parallel-downloads", flights))
            possible = 2 * count * 0.1 / flights
            print(
                f"\n{flights} downloads at 100 ms: {listing.wall:.1f} s to list, {cost.wall - listing.wall:.1f} s to fetch"
                f" archives and checksums; {flights} requests in flight would take {possible:.1f} s",
                flush=True,
            )


def query():
    """Both read the files that lakehouse wrote: one for each day."""
    measure(ingest(ARCHIVES / "days"))
    lake = DONE / "queried"
    (OUTPUT / "lake").rename(lake)
    count = sum(1 for _ in (lake / "silver").rglob("*.parquet"))
    for name, statement in {
        "A day of one symbol": "SELECT * FROM silver.klines "
        "WHERE market = 'spot' AND symbol = 'ETHUSDT' AND date = DATE '2024-05-06'",
        "count(*)": "SELECT count(*) FROM silver.klines",
    }.items():
        own = [PROGRAM, "--quiet", "--lake", lake, "query", statement, "--format", "csv"]
        files = f"read_parquet('{lake}/silver/klines/**/*.parquet', hive_partitioning = true)"
        other = [sys.executable, JOBS, "query-duckdb", statement.replace("silver.klines", files)]
        compare(f"{name} out of {count} files, program start included", {"lakehouse": own, "DuckDB": other})


class Mirror:
    """A day of small archives over HTTP; makes all archives first."""

    def __init__(self, latency, folder):
        environment = {**os.environ, "LAKEHOUSE_BENCH_LATENCY": str(latency)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([MIRROR, str(ARCHIVES), folder], env=environment, text=True, **pipes)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self.url

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


def processor_ticks():
    """Returns those in which the processors were idle, and all, since the machine started; on Linux only."""
    with open("/proc/stat") as file:
        ticks = [int(number) for number in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def warn_of_load():
    """Looks at a second, because the load average is that of minutes, in which the program was built."""
    if not Path("/proc/stat").exists():
        return
    idle, total = processor_ticks()
    time.sleep(1)
    idle_after, total_after = processor_ticks()
    busy = 1 - (idle_after - idle) / max(total_after - total, 1)
    if busy > 0.1:
        print(f"The processors are {busy:.0%} busy: these figures say little.", flush=True)


shutil.rmtree(DONE, ignore_errors=True)
DONE.mkdir(parents=True)
warn_of_load()
with Mirror(0, "small"):
    pass
for shape in SHAPES:
    if wanted(shape):
        large(shape)
for day in ("small", "mixed"):
    if wanted(day):
        small(day)
if wanted("query"):
    query()
if wanted("latency"):
    latency()
shutil.rmtree(DONE)
