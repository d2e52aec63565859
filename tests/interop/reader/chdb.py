"""ClickHouse inside of Python."""

import csv
import io
import os

import chdb

from .sql import SqlReader

# The least, the greatest and the sum of nothing are NULL in standard SQL, and 0 or the like here.
SETTINGS = "aggregate_functions_null_for_empty = 1, cast_keep_nullable = 1, session_timezone = 'UTC'"


class Reader(SqlReader):
    text_type = "Nullable(String)"
    big_decimal = "Decimal(38, 0)"

    def __init__(self):
        # It reads tables below its working folder only.
        os.chdir("/")

    @staticmethod
    def source(table):
        return f"deltaLakeLocal('{table.folder}')"

    def ask(self, table, statement):
        answer = str(chdb.query(f"SELECT * FROM ({statement}) SETTINGS {SETTINGS}", "TSV"))
        rows = csv.reader(io.StringIO(answer), delimiter="\t", quoting=csv.QUOTE_NONE)
        return [[None if cell == "\\N" else cell for cell in row] for row in rows]

    @staticmethod
    def integer(name):
        return f"toInt64({name})"

    @staticmethod
    def micros(name):
        return f"toUnixTimestamp64Micro({name})"

    @staticmethod
    def days(name):
        return f"toInt32({name})"

    @staticmethod
    def time(value):
        return f"fromUnixTimestamp64Micro({value}, 'UTC')"
