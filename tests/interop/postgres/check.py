"""Reads a lake through `lakehouse serve` with clients of PostgreSQL: check.py PROGRAM LAKE

Every client reads the same statements, whose values must be those of `lakehouse query`. psql, if there is one, also
lists what there is, and cancels. Java's driver is used if it is where Debian's package libpostgresql-jdbc-java puts it.
"""

import asyncio
import csv
import io
import shutil
import signal
import subprocess
import sys
import time
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import adbc_driver_postgresql.dbapi
import asyncpg
import pandas
import polars
import psycopg
import sqlalchemy

import explorers
import grafana

STATEMENTS = [
    "SELECT 1 AS a, 'x' AS b, true AS c, NULL AS d",
    "SELECT CAST('99999999999999999999.123456789012345678' AS DECIMAL(38, 18)) AS d",
    "SELECT CAST(0 AS DECIMAL(38, 16)) AS zero, CAST(-0.00000001 AS DECIMAL(18, 8)) AS small",
    "SELECT symbol, count(*) AS bars, sum(volume * close) AS worth, min(open_time) AS first, max(high) AS high"
    " FROM silver.klines GROUP BY symbol ORDER BY symbol",
    "SELECT * FROM silver.klines ORDER BY market, symbol, bar_interval, open_time LIMIT 2000",
    "SELECT * FROM gold.daily_ohlcv ORDER BY 1, 2, 3, 4 LIMIT 500",
    "SELECT DATE '2024-02-29' AS day, CAST('2024-01-02T03:04:05.000006Z' AS TIMESTAMP WITH TIME ZONE) AS t",
]
ENDLESS = "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = 7"


def text(value):
    """Returns a value as `query -o x.csv` writes it."""
    if value is None or value is pandas.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (Decimal, float)):
        return f"{Decimal(str(value)):f}"
    if isinstance(value, datetime):
        value = value.astimezone(timezone.utc)
        fraction = f".{value.microsecond:06}".rstrip("0").rstrip(".")
        return value.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
    if isinstance(value, date):
        return value.isoformat()
    return str(value)


def tidy(cell):
    """Returns a cell of the program's CSV in the form of `text`."""
    if len(cell) >= 20 and cell[4] == "-" and cell[10] == "T" and cell.endswith("Z") and "." in cell:
        return cell[:-1].rstrip("0").rstrip(".") + "Z"
    return cell


def rows_of(program, lake, sql):
    """Returns the rows of a statement by the program itself."""
    answer = subprocess.run(
        [program, "--lake", lake, "query", "--format", "csv", sql], check=True, capture_output=True, text=True
    )
    return [[tidy(cell) for cell in row] for row in list(csv.reader(io.StringIO(answer.stdout)))[1:]]


def by_psycopg(url, sql, binary=False, cursor=None):
    with psycopg.connect(url) as connection:
        with connection.cursor(name=cursor, binary=binary) as cursor_:
            cursor_.execute(sql)
            return cursor_.fetchall()


def by_prepared(url, sql):
    with psycopg.connect(url) as connection:
        for _ in range(2):
            rows = connection.execute(f"SELECT * FROM ({sql}) WHERE %s = 7", [7], prepare=True).fetchall()
        return rows


def by_asyncpg(url, sql):
    async def read():
        connection = await asyncpg.connect(url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(read())


def by_adbc(url, sql):
    with adbc_driver_postgresql.dbapi.connect(url) as connection:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            table = cursor.fetch_arrow_table()
    return [tuple(row.values()) for row in table.to_pylist()]


def by_pandas(url, sql):
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    frame = pandas.read_sql(sql, engine, coerce_float=False)
    return [tuple(row) for row in frame.astype(object).itertuples(index=False, name=None)]


def by_polars(url, sql):
    return polars.read_database_uri(sql, url).rows()


CLIENTS = {
    "psycopg": by_psycopg,
    "psycopg, binary": lambda url, sql: by_psycopg(url, sql, binary=True),
    "psycopg, cursor": lambda url, sql: by_psycopg(url, sql, cursor="c"),
    "psycopg, prepared": by_prepared,
    "asyncpg": by_asyncpg,
    "adbc": by_adbc,
    "pandas": by_pandas,
    "polars": by_polars,
}


# What a client's own types cannot hold, which is not the server's doing.
LOSSY = {"polars", "adbc"}


def is_same(client, found, expected):
    if found == expected:
        return True
    if client not in LOSSY:
        return False
    try:
        return float(found) == float(expected) or abs(float(found) / float(expected) - 1) < 1e-9
    except ValueError:
        return {found, expected} <= {"true", "false", "True", "False", "", "None"}


def compare(client, sql, found, expected):
    found = [[text(value) for value in row] for row in found]
    if client == "psycopg, prepared":  # Its statement is one around the other, and has no order.
        found, expected = sorted(found), sorted(expected)
    assert len(found) == len(expected), f"{client}: {len(found)} rows, not {len(expected)}: {sql}"
    for row, right in zip(found, expected):
        for cell, true in zip(row, right):
            assert is_same(client, cell, true), f"{client}: {cell!r}, not {true!r}: {sql}"


def cancel(url):
    """A cancelled statement ends long before its limit, and the connection goes on."""
    with psycopg.connect(url, autocommit=True) as connection:
        begin = time.monotonic()
        signal.signal(signal.SIGALRM, lambda *_: connection.cancel())
        signal.setitimer(signal.ITIMER_REAL, 1, 1)
        try:
            connection.execute(ENDLESS)
        except psycopg.errors.QueryCanceled:
            pass
        else:
            raise AssertionError("the statement was not cancelled")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        assert time.monotonic() - begin < 20
        assert connection.execute("SELECT 1").fetchone() == (1,)


def psql(url, command):
    answer = subprocess.run(["psql", "--no-psqlrc", url, "-c", command], capture_output=True, text=True)
    assert answer.returncode == 0, f"{command}: {answer.stderr}"
    return answer.stdout


def check_psql(url):
    if shutil.which("psql") is None:
        print("skipped: psql, because it is not installed")
        return
    expected = {
        "\\l": "lake",
        "\\dn": "silver",
        "\\dt silver.*": "klines",
        "\\dv": "",
        "\\d": "klines",
        "\\d silver.klines": "open_time",
        "\\d+ silver.klines": "Description",
        "\\timing": "Timing is on",
    }
    for command, part in expected.items():
        shown = psql(url, command)
        assert part in shown, f"{command} lacks {part!r}:\n{shown}"
    running = subprocess.Popen(["psql", "--no-psqlrc", url, "-c", ENDLESS], stderr=subprocess.PIPE, text=True)
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    _, words = running.communicate(timeout=20)
    assert "cancel" in words, words


DRIVER_OF_JAVA = Path("/usr/share/java/postgresql.jar")


def check_java(url, expected):
    """Runs Jdbc.java, which reads all statements and checks everything else by itself."""
    if shutil.which("java") is None or not DRIVER_OF_JAVA.exists():
        print("skipped: Java, because java or its driver is not installed")
        return
    address = "jdbc:" + url.replace("lake@", "") + "?user=lake"
    command = ["java", "-Duser.timezone=UTC", "-cp", str(DRIVER_OF_JAVA), "Jdbc.java", address, *STATEMENTS]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, f"Java: {answer.stdout[-300:]}{answer.stderr[-2000:]}"
    lines = answer.stdout.splitlines()
    for number, rows in enumerate(expected, 1):
        assert lines.pop(0) == f"statement {number}"
        for row in rows:
            for true in row:
                found = lines.pop(0)
                assert found == true, f"Java: {found!r}, not {true!r}: {STATEMENTS[number - 1]}"


def main():
    program, lake = sys.argv[1:]
    server = subprocess.Popen(
        [program, "--lake", lake, "serve", "--postgres", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True
    )
    try:
        port = server.stdout.readline().split("port=")[1].split(" ")[0]
        url = f"postgresql://lake@127.0.0.1:{port}/lake"
        failures = 0
        answers = [rows_of(program, lake, sql) for sql in STATEMENTS]
        for sql, expected in zip(STATEMENTS, answers):
            for name, read in CLIENTS.items():
                if name == "polars" and "DECIMAL(38, 18)" in sql:
                    continue  # Its driver takes no number of more digits than it expects.
                try:
                    compare(name, sql, read(url, sql), expected)
                except Exception as error:  # All of them are listed.
                    failures += 1
                    print(f"FAILED {name}: {sql[:60]}: {type(error).__name__}: {str(error)[:300]}")
        cancel(url)
        check_psql(url)
        check_java(url, answers)
        explorers.check(url)
        panels = grafana.check(url)
        print(f"{len(CLIENTS)} clients, {len(STATEMENTS)} statements, {failures} failures; {panels} panels of Grafana")
        sys.exit(failures > 0)
    finally:
        server.terminate()
        server.wait()


main()
