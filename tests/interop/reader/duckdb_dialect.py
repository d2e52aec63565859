"""The dialect of DuckDB."""

from .sql import SqlReader


class DuckDialect(SqlReader):
    def ask(self, table, statement):
        return self.database.execute(statement).fetchall()

    @staticmethod
    def micros(name):
        return f"epoch_us({name})"

    @staticmethod
    def days(name):
        return f"({name} - DATE '1970-01-01')"

    @staticmethod
    def time(value):
        return f"make_timestamptz({value})"
