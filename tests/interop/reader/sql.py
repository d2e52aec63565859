"""What readers share that are asked in SQL. Methods give what dialects spell in their own ways."""

from .common import chunks, figures, figures_of


class SqlReader:
    """A reader whose subclass has `ask(table, statement)`, which returns rows as lists."""

    text_type = "VARCHAR"
    big_decimal = "DECIMAL(38, 0)"
    # Filters that one statement asks for.
    at_once = 16

    def aggregates(self, table):
        asked = ["count(*)"]
        for column, kind in table.columns.items():
            found = self.column(self.quoted(column), kind)
            asked += [found[figure] for figure in figures_of(kind)]
        named = [f"{self.as_text(text)} AS c{place}" for place, text in enumerate(asked)]
        cells = iter(self.ask(table, f"SELECT {', '.join(named)} FROM {self.source(table)}")[0])
        rows = next(cells)
        found = {
            (column, figure): next(cells) for column, kind in table.columns.items() for figure in figures_of(kind)
        }
        return figures(table, rows, lambda column, figure: found[column, figure])

    def column(self, name, kind):
        """Returns an expression for each figure of a column."""
        values = name
        summed = self.summed(name, kind)
        if kind == "timestamp":
            values = self.micros(name)
        elif kind == "boolean":
            values = self.integer(name)
        nulls = f"count(*) - count({name})"
        distinct = f"count(DISTINCT {name})"
        ends = {"min": f"min({values})", "max": f"max({values})"}
        return ends | {"nulls": nulls, "sum": f"sum({summed})", "distinct": distinct}

    def summed(self, name, kind):
        """Returns what is summed up of a column."""
        if kind.startswith("decimal") or kind == "double":
            return name
        if kind == "string":
            return f"character_length({name})"
        values = {"timestamp": self.micros, "date": self.days, "boolean": self.integer}.get(kind, str)(name)
        return f"CAST({values} AS {self.big_decimal})"

    def counts(self, table):
        found = {}
        for part in chunks(table.filters.items(), self.at_once):
            counts = [
                f"SELECT {place} AS place, count(*) AS found FROM {self.source(table)} WHERE {self.condition(table, all)}"
                for place, (_, all) in enumerate(part)
            ]
            for place, count in self.ask(table, " UNION ALL ".join(counts)):
                found[part[int(place)][0]] = str(count)
        return found

    def condition(self, table, comparisons):
        parts = (
            f"{self.quoted(column)} {operator} {self.literal(table.columns[column], value)}"
            for column, operator, value in comparisons
        )
        return " AND ".join(parts)

    def literal(self, kind, value):
        if kind == "timestamp":
            return self.time(value)
        if kind == "string":
            return "'" + value.replace("'", "''") + "'"
        if kind == "date":
            return f"DATE '{value}'"
        return f"CAST('{value}' AS {self.sql_type(kind)})"

    @staticmethod
    def sql_type(kind):
        return {"long": "BIGINT", "integer": "INTEGER", "short": "SMALLINT"}.get(kind, kind)

    @staticmethod
    def quoted(column):
        return f'"{column}"'

    def as_text(self, expression):
        return f"CAST({expression} AS {self.text_type})"

    @staticmethod
    def integer(name):
        return f"CAST({name} AS INTEGER)"


class DataFusionReader(SqlReader):
    """The dialect of DataFusion."""

    @staticmethod
    def source(table):
        return "t"

    @staticmethod
    def micros(name):
        return f"CAST({name} AS BIGINT)"

    @staticmethod
    def days(name):
        return f"CAST({name} AS INTEGER)"

    @staticmethod
    def time(value):
        return f"arrow_cast({value}, 'Timestamp(Microsecond, Some(\"UTC\"))')"
