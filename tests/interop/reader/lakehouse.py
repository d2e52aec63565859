"""The program itself: what others find is compared with this."""

import json
import subprocess
from decimal import Decimal

from .common import exact
from .sql import DataFusionReader


class Reader(DataFusionReader):
    # Each statement is a process, which reads the log.
    at_once = 100

    def __init__(self, lake, program):
        self.command = [program, "--lake", lake, "--quiet", "query", "--format", "json", "-"]

    @staticmethod
    def source(table):
        return table.name

    def ask(self, table, statement):
        answer = subprocess.run(self.command, input=statement, text=True, stdout=subprocess.PIPE, check=True)
        return [list(row.values()) for row in json.loads(answer.stdout, parse_float=Decimal)]

    def greatest_by_partition(self, table, columns):
        """Returns the values of each partition, in order, with the greatest value of each column in it."""
        partition = table.partition_columns
        kinds = [table.columns[column] for column in columns]
        greatest = [self.column(self.quoted(column), kind)["max"] for column, kind in zip(columns, kinds)]
        asked = [self.quoted(column) for column in partition] + greatest
        named = [f"{self.as_text(text)} AS c{place}" for place, text in enumerate(asked)]
        keys = ", ".join(asked[: len(partition)])
        rows = self.ask(table, f"SELECT {', '.join(named)} FROM {table.name} GROUP BY {keys} ORDER BY {keys}")
        result = []
        for row in rows:
            ends = [exact(kind, value) for kind, value in zip(kinds, row[len(partition) :])]
            result.append((dict(zip(partition, row)), dict(zip(columns, ends))))
        return result
