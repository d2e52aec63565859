"""The package deltalake, asked in SQL."""

import pyarrow
from deltalake import DeltaTable, QueryBuilder

from .sql import DataFusionReader


class Reader(DataFusionReader):
    def ask(self, table, statement):
        found = QueryBuilder().register("t", DeltaTable(table.folder)).execute(statement)
        rows = pyarrow.table(found.read_all()).to_pylist()
        return [list(row.values()) for row in rows]
