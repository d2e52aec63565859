"""What lakehouse is compared with, one job a call: jobs.py JOB ARGUMENT… OUTPUT.

Written as people write it: the obvious calls of each library, decimals and timestamps of the same types, zstd.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

DECIMALS = {"price": (18, 8), "qty": (28, 8), "quote_qty": (28, 8)}
TRADES = ["id", *DECIMALS, "time", "is_buyer_maker", "is_best_match"]


def unzip(archives, output):
    archive = next(Path(archives).rglob("*.zip"))
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(output)
        return output / zipped.namelist()[0]


def large_polars(archives, output):
    import polars as pl
    from deltalake import convert_to_deltalake

    csv, table = unzip(archives, output), output / "table"
    table.mkdir()
    decimals = {name: pl.Decimal(*digits) for name, digits in DECIMALS.items()}
    text = {"is_buyer_maker": pl.String, "is_best_match": pl.String}
    schema = {name: decimals.get(name, text.get(name, pl.Int64)) for name in TRADES}
    rows = pl.scan_csv(csv, has_header=False, schema=schema)
    flags = [(pl.col(name) == "True").alias(name) for name in text]
    rows = rows.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC")), *flags)
    rows = rows.with_columns(pl.lit("BTCUSDT").alias("symbol"), pl.lit(csv.name).alias("archive"))
    rows.sink_parquet(table / "part.parquet", compression="zstd", compression_level=1)
    convert_to_deltalake(str(table))


def large_duckdb(archives, output):
    import duckdb
    from deltalake import convert_to_deltalake

    csv, table = unzip(archives, output), output / "table"
    table.mkdir()
    types = {name: f"DECIMAL{digits}" for name, digits in DECIMALS.items()}
    types |= {"is_buyer_maker": "BOOLEAN", "is_best_match": "BOOLEAN"}
    columns = {name: types.get(name, "BIGINT") for name in TRADES}
    duckdb.sql(
        f"COPY (SELECT * REPLACE (make_timestamptz(time) AS time), 'BTCUSDT' AS symbol, '{csv.name}' AS archive "
        f"FROM read_csv('{csv}', header = false, columns = {columns})) "
        f"TO '{table}/part.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    convert_to_deltalake(str(table))


def download(archives, url, output):
    """Copies every archive with s5cmd: its bucket is the first folder."""
    keys = sorted(path.relative_to(archives) for path in Path(archives).rglob("*.zip"))
    commands = "\n".join(f"cp s3://{key} {output}/raw/{key}" for key in keys)
    s5cmd = Path(sys.executable).with_name("s5cmd")
    flags = ["--no-sign-request", "--endpoint-url", url, "--log", "error"]
    # With a region it does not ask the bucket for one.
    region = {**os.environ, "AWS_REGION": "us-east-1"}
    subprocess.run([s5cmd, *flags, "run"], input=commands, text=True, check=True, env=region)
    return [output / "raw" / key for key in keys]


def read_archive(path):
    """Reads one archive: bars have no header on spot, metrics have one."""
    import polars as pl

    with zipfile.ZipFile(path) as zipped:
        content = zipped.read(zipped.namelist()[0])
    header = not content[:1].isdigit()
    rows = pl.read_csv(content, has_header=header)
    if not header or "open_time" in rows.columns:
        rows.columns = [f"column_{index}" for index in range(rows.width)]
        prices = [pl.col(f"column_{index}").cast(pl.Decimal(28, 8)) for index in (1, 2, 3, 4, 5, 7, 9, 10)]
        rows = rows.with_columns(prices)
    return rows.with_columns(pl.lit(path.name).alias("archive"))


def table_of(path):
    return path.parts[path.parts.index("daily") + 1]


def small_per_file(archives, url, output):
    for path in download(archives, url, output):
        read_archive(path).write_delta(output / table_of(path), mode="append")


def small_per_table(archives, url, output):
    import polars as pl

    tables = {}
    for path in download(archives, url, output):
        tables.setdefault(table_of(path), []).append(read_archive(path))
    for table, rows in tables.items():
        pl.concat(rows, how="vertical_relaxed").write_delta(output / table, mode="append")


def query_duckdb(statement):
    import duckdb

    duckdb.sql(f"COPY ({statement}) TO '/dev/stdout' (FORMAT csv)")


JOBS = {function.__name__.replace("_", "-"): function for function in
        (large_polars, large_duckdb, small_per_file, small_per_table)}
job, *arguments = sys.argv[1:]
if job == "query-duckdb":
    query_duckdb(arguments[0])
else:
    JOBS[job](*arguments[:-1], Path(arguments[-1]))
