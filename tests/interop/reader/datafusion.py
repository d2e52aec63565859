"""DataFusion for Python, which reads through the package deltalake."""

from datafusion import SessionContext
from deltalake import DeltaTable

from .sql import DataFusionReader


class Reader(DataFusionReader):
    def ask(self, table, statement):
        session = SessionContext()
        session.register_table("t", DeltaTable(table.folder))
        return [list(row.values()) for row in session.sql(statement).to_pylist()]
