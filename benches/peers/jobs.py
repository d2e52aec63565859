"""What lakehouse is compared with, one job a call: jobs.py JOB ARGUMENT… OUTPUT.

Written as somebody would who knows each library: what it does in parallel is left to it, archives that are many are read
by as many threads as there are cores, each table is one commit, decimals and timestamps have the same types, zstd.
"""

import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shapes import SHAPES


def archive_in(folder):
    return next(Path(folder).rglob("*.zip"))


def symbol_of(archive):
    return archive.name.split("-")[0]


def unzip(archive, output):
    with zipfile.ZipFile(archive) as zipped:
        zipped.extractall(output)
        return output / zipped.namelist()[0]


def begin(name, folder, output):
    """Returns the shape, the archive, its CSV and the folder of the table to make."""
    archive, table = archive_in(folder), output / "table"
    csv = unzip(archive, output)
    table.mkdir()
    return SHAPES[name], archive, csv, table


def commit(table):
    from deltalake import convert_to_deltalake

    convert_to_deltalake(str(table))


def large_polars(name, folder, output):
    import polars as pl

    shape, archive, csv, table = begin(name, folder, output)
    schema = shape.types({"int": pl.Int64, "time": pl.Int64, "bool": pl.String}, lambda digits: pl.Decimal(*digits))
    rows = pl.scan_csv(csv, has_header=shape.header, schema=schema)
    flags = [pl.col(column).str.to_lowercase() == "true" for column in shape.of_kind("bool")]
    times = [pl.col(column).cast(pl.Datetime(shape.unit, "UTC")).cast(pl.Datetime("us", "UTC"))
             for column in shape.of_kind("time")]
    rows = rows.with_columns(*flags, *times, symbol=pl.lit(symbol_of(archive)), archive=pl.lit(archive.name))
    rows.sink_parquet(table / "part.parquet", compression="zstd", compression_level=1)
    commit(table)


def large_duckdb(name, folder, output):
    import duckdb

    shape, archive, csv, table = begin(name, folder, output)
    columns = shape.types({"int": "BIGINT", "time": "BIGINT", "bool": "BOOLEAN"}, "DECIMAL{}".format)
    factor = {"us": 1, "ms": 1_000}[shape.unit]
    times = ", ".join(f"make_timestamptz({column} * {factor}) AS {column}"
                      for column in shape.of_kind("time"))
    duckdb.sql(
        f"COPY (SELECT * REPLACE ({times}), '{symbol_of(archive)}' AS symbol, '{archive.name}' AS archive "
        f"FROM read_csv('{csv}', header = {shape.header}, columns = {columns})) "
        f"TO '{table}/part.parquet' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    commit(table)


def large_clickhouse(name, folder, output):
    import chdb

    shape, archive, csv, table = begin(name, folder, output)
    types = shape.types({"int": "Int64", "time": "Int64", "bool": "Bool"}, "Decimal{}".format)
    structure = ", ".join(f"{column} {kind}" for column, kind in types.items())
    convert = {"us": "fromUnixTimestamp64Micro", "ms": "fromUnixTimestamp64Milli"}[shape.unit]
    times = ", ".join(f"CAST({convert}({column}, 'UTC') AS DateTime64(6, 'UTC')) AS {column}"
                      for column in shape.of_kind("time"))
    form = "CSVWithNames" if shape.header else "CSV"
    chdb.query(
        f"INSERT INTO FUNCTION file('{table}/part.parquet', Parquet) "
        f"SELECT * REPLACE ({times}), '{symbol_of(archive)}' AS symbol, '{archive.name}' AS archive "
        f"FROM file('{csv}', {form}, '{structure}') "
        "SETTINGS output_format_parquet_compression_method = 'zstd', engine_file_truncate_on_insert = 1")
    commit(table)


def inflate(folder, _):
    """What every program has to do; nothing is kept."""
    with zipfile.ZipFile(archive_in(folder)) as zipped, zipped.open(zipped.namelist()[0]) as csv:
        while csv.read(1 << 20):
            pass


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
    """Reads one archive: bars and aggregate trades have no header on spot, metrics have one."""
    import polars as pl

    with zipfile.ZipFile(path) as zipped:
        content = zipped.read(zipped.namelist()[0])
    header = not content[:1].isdigit()
    rows = pl.read_csv(content, has_header=header)
    if not header or "open_time" in rows.columns:
        rows.columns = [f"column_{index}" for index in range(rows.width)]
        exact = (1, 2) if rows.width == 8 else (1, 2, 3, 4, 5, 7, 9, 10)
        prices = [pl.col(f"column_{index}").cast(pl.Decimal(28, 8)) for index in exact]
        rows = rows.with_columns(prices)
    return rows.with_columns(pl.lit(path.name).alias("archive"))


def table_of(path):
    return path.parts[path.parts.index("daily") + 1]


def small_polars(archives, url, output):
    import polars as pl

    tables = {}
    paths = download(archives, url, output)
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for path, rows in zip(paths, threads.map(read_archive, paths)):
            tables.setdefault(table_of(path), []).append(rows)
    for table, rows in tables.items():
        pl.concat(rows, how="vertical_relaxed").write_delta(output / table, mode="append")


def query_duckdb(statement):
    import duckdb

    duckdb.sql(f"COPY ({statement}) TO '/dev/stdout' (FORMAT csv)")


JOBS = {function.__name__.replace("_", "-"): function for function in
        (large_polars, large_duckdb, large_clickhouse, inflate, small_polars)}
job, *arguments = sys.argv[1:]
if job == "query-duckdb":
    query_duckdb(arguments[0])
else:
    JOBS[job](*arguments[:-1], Path(arguments[-1]))
