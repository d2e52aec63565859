"""Reads a lake through `lakehouse serve` with the ADBC driver for Flight SQL: check.py PROGRAM LAKE

Every table of silver, gold and meta, read into pyarrow, pandas and Polars, must have the rows and types that
`lakehouse query` writes. Then what else the driver does: lists, parameters, cancelling, a login, and TLS.
"""

import contextlib
import subprocess
import sys
import tempfile
import threading
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path

import adbc_driver_flightsql
import adbc_driver_flightsql.dbapi as flight
import pandas
import polars
import pyarrow
import pyarrow.ipc

ENDLESS = "SELECT count(*) FROM range(1000000) a(x), range(1000000) b(y) WHERE x + y = 7"
TLS = Path(__file__).resolve().parents[2] / "fixtures" / "tls"


@contextlib.contextmanager
def served(program, lake, *flags):
    """Runs a server, and yields the line that it prints to copy."""
    command = [program, "--lake", lake, "serve", "--flight", "127.0.0.1:0", *flags]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield server.stdout.readline()
    finally:
        server.terminate()
        assert server.wait() == 0


def address_in(line):
    return line.split('"')[1]


def plain(table):
    """Returns a table in types that all readers share."""
    fields = []
    for field in table.schema:
        text = pyarrow.types.is_large_string(field.type) or pyarrow.types.is_string_view(field.type)
        fields.append(pyarrow.field(field.name, pyarrow.string() if text else field.type))
    return table.cast(pyarrow.schema(fields))


def by_query(program, lake, sql):
    """Returns the rows of a statement by the program itself."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answer.arrow"
        command = [program, "--lake", lake, "--quiet", "query", "-o", str(file), sql]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with pyarrow.ipc.open_file(file) as reader:
            return reader.read_all()


def by_pyarrow(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetch_arrow_table()


def by_pandas(connection, sql):
    frame = pandas.read_sql(sql, connection, dtype_backend="pyarrow")
    return pyarrow.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()


def by_polars(connection, sql):
    return polars.read_database(sql, connection).to_arrow()


READERS = {"pyarrow": by_pyarrow, "pandas": by_pandas, "polars": by_polars}


def compare(name, found, expected):
    """Compares rows in any order, and types."""
    found, expected = plain(found), plain(expected)
    assert found.schema.names == expected.schema.names, f"{name}: {found.schema.names}"
    for column, right in zip(found.schema, expected.schema):
        assert column.type == right.type, f"{name}: {column} is not {right}"
    assert found.num_rows == expected.num_rows, f"{name}: {found.num_rows} rows, not {expected.num_rows}"
    hashes = [polars.from_arrow(table).hash_rows().sort() for table in (found, expected)]
    assert hashes[0].equals(hashes[1]), f"{name}: the rows differ"


def tables_of(connection):
    """Returns the tables by what the driver lists."""
    catalogs = connection.adbc_get_objects(depth="tables").read_all().to_pylist()
    assert [catalog["catalog_name"] for catalog in catalogs] == ["lake"], catalogs
    tables = []
    for schema in catalogs[0]["catalog_db_schemas"]:
        for table in schema["db_schema_tables"]:
            tables.append(f"{schema['db_schema_name']}.{table['table_name']}")
    return sorted(tables)


def check_tables(program, lake, connection):
    tables = tables_of(connection)
    for layer in ("silver", "gold", "meta"):
        assert any(table.startswith(layer) for table in tables), tables
    rows = 0
    for table in tables:
        sql = f"SELECT * FROM {table}"
        expected = by_query(program, lake, sql)
        rows += expected.num_rows
        for name, read in READERS.items():
            compare(f"{table} by {name}", read(connection, sql), expected)
        layer, name = table.split(".")
        schema = connection.adbc_get_table_schema(name, db_schema_filter=layer)
        assert schema.names == expected.schema.names, f"{table}: {schema.names}"
    print(f"{len(tables)} tables, {rows} rows, {len(READERS)} readers: equal")


def check_lists(connection):
    info = connection.adbc_get_info()
    assert info["vendor_name"] == "lakehouse", info
    assert connection.adbc_get_table_types() == ["TABLE", "VIEW"]
    columns = connection.adbc_get_objects(depth="all", table_name_filter="klines").read_all().to_pylist()
    schemas = [schema for schema in columns[0]["catalog_db_schemas"] if schema["db_schema_tables"]]
    names = [column["column_name"] for column in schemas[0]["db_schema_tables"][0]["table_columns"]]
    assert "open_time" in names, names


def check_parameters(connection):
    values = [
        "it's; -- ?",
        -5,
        1.5,
        True,
        Decimal("99999999999999999999.123456789012345678"),
        date(2024, 2, 29),
        datetime(2024, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
    ]
    with connection.cursor() as cursor:
        for _ in range(2):
            cursor.execute("SELECT ? AS a, ? AS b, ? AS c, ? AS d, ? AS e, ? AS f, ? AS g", values)
            found = list(cursor.fetchone())
            assert found == values, found
        cursor.execute("SELECT count(*) FROM silver.klines WHERE symbol = ?", ["BTCUSDT"])
        (rows,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM silver.klines WHERE symbol = 'BTCUSDT'")
        assert cursor.fetchone() == (rows,)
        schema = cursor.adbc_execute_schema("SELECT 1 AS one")
        assert schema.names == ["one"], schema


def check_refusals(connection):
    with connection.cursor() as cursor:
        for sql, words in [
            ("DROP TABLE silver.klines", "only reading is possible"),
            ("SELECT * FROM nothing_such", "nothing_such"),
            ("SELECT 1 +", "syntax"),
        ]:
            try:
                cursor.execute(sql)
                cursor.fetchall()
            except flight.Error as error:
                assert words.lower() in str(error).lower(), error
            else:
                raise AssertionError(f"{sql} was answered")


def check_cancelling(connection):
    """A cancelled statement ends long before its limit, and the connection goes on."""
    with connection.cursor() as cursor:
        cursor.execute(ENDLESS)
        timer = threading.Timer(1, cursor.adbc_cancel)
        timer.start()
        try:
            cursor.fetchall()
        except Exception as error:  # Its class depends on where the cancel is noticed.
            assert "ancel" in str(error), error
        else:
            raise AssertionError("the statement was not cancelled")
        finally:
            timer.cancel()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)


def check_login(program, lake):
    with tempfile.TemporaryDirectory() as folder:
        users = str(Path(folder) / "users.txt")
        add = [program, "serve", "add-user", "ann", "--users", users]
        subprocess.run(add, input="a secret\n", text=True, check=True)
        flags = ["--users", users, "--tls-cert", str(TLS / "certificate.pem"), "--tls-key", str(TLS / "key.pem")]
        with served(program, lake, *flags) as line:
            assert "grpc+tls://" in line and "username" in line, line
            options = {
                "username": "ann",
                "password": "a secret",
                adbc_driver_flightsql.DatabaseOptions.TLS_ROOT_CERTS.value: (TLS / "certificate.pem").read_text(),
            }
            with flight.connect(address_in(line), db_kwargs=options, autocommit=True) as connection:
                assert by_pyarrow(connection, "SELECT 42 AS n").to_pylist() == [{"n": 42}]
            try:
                wrong = {**options, "password": "x"}
                with flight.connect(address_in(line), db_kwargs=wrong, autocommit=True) as connection:
                    by_pyarrow(connection, "SELECT 42 AS n")
            except flight.Error as error:
                assert "a name and its password are needed" in str(error), error
            else:
                raise AssertionError("a wrong password was accepted")


def main():
    program, lake = sys.argv[1:]
    with served(program, lake) as line:
        # The line to copy is what a person types.
        shared = {}
        exec(line, shared)
        with shared["lake"] as connection:
            check_tables(program, lake, connection)
            check_lists(connection)
            check_parameters(connection)
            check_refusals(connection)
            check_cancelling(connection)
    check_login(program, lake)
    print("lists, parameters, refusals, cancelling, login and TLS: as expected")


main()
