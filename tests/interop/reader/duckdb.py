"""DuckDB with its own extension for Delta tables, which comes as a package."""

from pathlib import Path

import duckdb
import duckdb_extension_delta

from .duckdb_dialect import DuckDialect


class Reader(DuckDialect):
    def __init__(self):
        self.database = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        folder = Path(next(iter(duckdb_extension_delta.__path__)))
        (extension,) = folder.rglob("delta.duckdb_extension")
        self.database.execute(f"LOAD '{extension}'")
        self.database.execute("SET TimeZone = 'UTC'")
        self.attached = set()

    def source(self, table):
        name = f'"{table.name}"'
        if table.name not in self.attached:
            # It reads the log once, and not for each filter.
            self.database.execute(f"ATTACH '{table.folder}' AS {name} (TYPE delta, PIN_SNAPSHOT)")
            self.attached.add(table.name)
        return name
