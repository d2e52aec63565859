"""Statements over two tables."""

from .conditions import condition
from .relations import COUNT, as_expression, has, items
from .select import Join, Select
from .text import either

MATCHES = (">=", ">=", ">", "<=", "<")


def joins(of):
    """Groups of two tables, joined by their keys."""
    left, right, keys = of.pair()
    if not keys:
        return None
    left, right = of.grouped_rows(left, keys), of.grouped_rows(right, keys)
    equal = "IS NOT DISTINCT FROM" if of.one_in(4) else "="
    on = [f"l.k{place} {equal} r.k{place}" for place in range(len(keys))]
    if of.one_in(5):
        name = of.random.choice(("SEMI", "ANTI"))
        return Select(items(left.columns("l")), Join(left, right, either(f"LEFT {name} JOIN", f"{name} JOIN"), on))
    kind = of.random.choice(("JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"))
    draw = of.draw(left.columns("l") + right.columns("r"))
    if kind in ("JOIN", "LEFT JOIN"):
        on += of.perhaps(draw, 3)
    values = [draw.value(draw.kind(("int", "decimal", "text", "date", "double")), 2) for _ in range(3)]
    columns = items(left.columns("l")[: len(keys)] + values)
    return Select(columns, Join(left, right, kind, on), conditions=of.perhaps(draw, 3))


class AsOf(Join):
    """A join with the nearest row; the two dialects spell it differently."""

    def __init__(self, left, right, matched, equal, kind):
        super().__init__(left, right, kind, [])
        self.matched, self.equal = matched, equal

    def on_text(self):
        ours = f" MATCH_CONDITION ({self.matched})" + f" ON {self.equal}" * bool(self.equal)
        theirs = f" ON {self.equal} AND {self.matched}" if self.equal else f" ON {self.matched}"
        return either(ours, theirs)

    def smaller(self):
        for join in super().smaller():
            yield AsOf(join.left, join.right, self.matched, self.equal, self.kind)


def nearest_rows(of):
    """Rows of one table with the nearest rows in time of another."""
    left, right = of.table(), of.table()
    right = left if of.one_in(3) else right
    if not all(table.column(table.key[-1]).kind == "time" for table in (left, right)):
        return None
    keys = ["symbol"] if has(left, "symbol") and has(right, "symbol") and of.one_in(2) else []
    left, _ = of.unique_rows(left, keys + [left.key[-1]])
    right, _ = of.unique_rows(right, keys + [right.key[-1]])
    time = len(keys)
    matched = f"l.k{time} {of.random.choice(MATCHES)} r.k{time}"
    equal = " AND ".join(f"l.k{place} = r.k{place}" for place in range(len(keys)))
    join = AsOf(left, right, matched, equal, of.random.choice(("ASOF JOIN", "ASOF LEFT JOIN")))
    return Select(items(left.columns("l") + right.columns("r")[time:]), join)


def subqueries(of):
    """Rows of one table that a statement over another one decides on."""
    left, right, keys = of.pair()
    if not keys:
        return None
    key = keys[0]
    wanted = condition(of.of_table(right, "r."), 1)
    draw = of.of_table(left, "l.")
    inner = f"FROM {right.name} AS r WHERE {wanted}"
    same = " AND ".join(f"r.{name} = l.{name}" for name in keys)
    exists = f"EXISTS (SELECT 1 {inner} AND {same})"
    forms = (
        f"l.{key} IN (SELECT r.{key} {inner})",
        f"l.{key} NOT IN (SELECT r.{key} {inner})",
        exists,
        f"NOT {exists}",
        f"l.{key} {draw.pick(('=', '<', '>='))} (SELECT max(r.{key}) {inner})",
        f"(l.{key} IN (SELECT r.{key} {inner}) OR {condition(draw, 1)})",
        f"(SELECT count(*) {inner} AND {same}) > {of.random.randrange(30)}",
    )
    columns = items([as_expression(left.column(key), "l."), COUNT])
    conditions = [draw.pick(forms)] + of.perhaps(draw, 2)
    return Select(columns, left.name, "AS l", conditions=conditions, groups=1)
