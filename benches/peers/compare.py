"""The same jobs with lakehouse and with its peers, in turns: compare.py PROGRAM MIRROR FOLDER RUNS.

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

PROGRAM, MIRROR, WORK = sys.argv[1], sys.argv[2], Path(sys.argv[3])
RUNS = int(sys.argv[4])
JOBS = Path(__file__).with_name("jobs.py")
ARCHIVES = WORK / "archives"
OUTPUT = WORK / "output"
DONE = WORK / "done"
LOG = WORK / "stderr.log"
# Writing one Delta commit for each of thousands of files takes minutes; its time hardly varies.
SLOW_RUNS = 1


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
    for run in range(RUNS):
        for name, command in jobs.items():
            if run < SLOW_RUNS or "per file" not in name:
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


def median(costs):
    return Cost(*(statistics.median(getattr(cost, field) for cost in costs) for field in Cost.__annotations__))


def ingest(source, stage="silver", *flags):
    """Gold is left out: none of the peers computes anything from what it stores."""
    program = [PROGRAM, "--quiet", "--lake", OUTPUT / "lake", "ingest", "--all"]
    return [*program, "--source", source, "--stage", stage, *flags]


def job(name, *arguments):
    return [sys.executable, JOBS, name, *arguments, OUTPUT]


def large():
    archive = ARCHIVES / "large"
    own = compare(
        "One large archive of trades, from the zip to a committed Delta table",
        {
            "lakehouse": ingest(archive),
            "unzip, Polars": job("large-polars", archive),
            "unzip, DuckDB": job("large-duckdb", archive),
        },
    )
    larger = median([measure(ingest(ARCHIVES / "larger")) for _ in range(min(RUNS, 3))])
    print(f"\nFour times as many rows: {larger.wall:.2f} s, {larger.memory:.0f} MiB ({larger.memory / own.memory:.2f} times)")


def small(url):
    count = sum(1 for _ in (ARCHIVES / "small").rglob("*.zip"))
    compare(
        f"A day of {count} small archives over HTTP on this machine, to committed Delta tables",
        {
            "lakehouse": ingest(url),
            "s5cmd, Polars, one Delta write per table": job("small-per-table", ARCHIVES / "small", url),
            "s5cmd, Polars, one Delta write per file": job("small-per-file", ARCHIVES / "small", url),
        },
    )


def latency():
    """100 ms for each answer; what could be moved is the requests in flight over 100 ms.

    The listing, a request or two for each symbol, is timed by a plan, which does nothing else.
    """
    count = sum(1 for _ in (ARCHIVES / "small").rglob("*.zip"))
    with Mirror(100) as url:
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
    """The day of small archives over HTTP; makes all archives first."""

    def __init__(self, latency):
        environment = {**os.environ, "LAKEHOUSE_BENCH_LATENCY": str(latency)}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen([MIRROR, str(ARCHIVES)], env=environment, text=True, **pipes)
        self.url = self.process.stdout.readline().strip()

    def __enter__(self):
        return self.url

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()


shutil.rmtree(DONE, ignore_errors=True)
DONE.mkdir(parents=True)
with Mirror(0) as served:
    large()
    small(served)
query()
latency()
shutil.rmtree(DONE)
