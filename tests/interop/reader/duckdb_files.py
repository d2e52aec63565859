"""DuckDB over the active files, whose names it is given: without an extension it does not know Delta."""

import duckdb
from deltalake import DeltaTable

from .duckdb_dialect import DuckDialect


class Reader(DuckDialect):
    def __init__(self):
        self.database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        self.sources = {}

    def source(self, table):
        if table.name not in self.sources:
            self.sources[table.name] = self.files_of(DeltaTable(table.folder))
        return self.sources[table.name]

    def files_of(self, delta):
        files = delta.file_uris()
        if files:
            return f"read_parquet({files!r}, hive_partitioning = true)"
        self.database.register("empty_table", delta.to_pyarrow_table())
        return "empty_table"
