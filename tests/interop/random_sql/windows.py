"""Window functions over rows that a time tells apart within a partition."""

from .expressions import MOST_DIGITS, Expression, replace
from .text import either

ROWS = (
    "ROWS BETWEEN {0} PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN {0} PRECEDING AND 1 PRECEDING",
    "ROWS BETWEEN {0} PRECEDING AND {1} FOLLOWING",
    "ROWS BETWEEN CURRENT ROW AND {1} FOLLOWING",
    "ROWS BETWEEN {1} FOLLOWING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
    "ROWS BETWEEN UNBOUNDED PRECEDING AND {0} PRECEDING",
)
RANGES = (
    "RANGE BETWEEN INTERVAL '{2}' PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN INTERVAL '{2}' PRECEDING AND INTERVAL '{2}' FOLLOWING",
    "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
    "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
)
LENGTHS = ("3 minutes", "1 hour", "6 hours", "1 day", "7 days")
DEVIATIONS = ("stddev", "stddev_pop", "var_pop", "var_samp", "variance")
OF_TWO = ("corr", "covar_pop", "covar_samp", "regr_slope", "regr_avgx")


class Window:
    """PARTITION BY and ORDER BY of a scope whose rows they separate."""

    def __init__(self, draw, partition, order):
        self.draw = draw
        self.partition = f"PARTITION BY {', '.join(column.text for column in partition)} " if partition else ""
        self.order = order
        self.way = draw.pick(("", " DESC"))

    def ordered(self):
        return f"({self.partition}ORDER BY {self.order.text}{self.way})"

    def framed(self):
        draw = self.draw
        frames = ROWS + RANGES if self.order.kind == "time" else ROWS
        few, more = draw.random.randrange(1, 5), draw.random.randrange(2, 40)
        frame = draw.pick(frames).format(more, few, draw.pick(LENGTHS))
        return f"({self.partition}ORDER BY {self.order.text}{self.way} {frame})"

    def whole(self):
        return f"({self.partition.strip()})"


def windowed(draw, window):
    """Draws a call of a window function."""
    for _ in range(5):
        found = draw.pick(CALLS)(draw, window)
        if found:
            return found
    return Expression(f"row_number() OVER {window.ordered()}", "int", size=6)


def ranked(draw, window):
    name = draw.pick(("row_number()", "rank()", "dense_rank()", "ntile(4)", "cume_dist()", "percent_rank()"))
    kind = "double" if name in ("cume_dist()", "percent_rank()") else "int"
    return Expression(f"{name} OVER {window.ordered()}", kind, size=6)


def shifted(draw, window):
    a = draw.exact(1)
    offset = draw.random.randrange(1, 4)
    name = draw.pick(("lag", "lead"))
    default = f", {draw.pick((a, draw.constant(a.kind))).text}" if draw.one_in(3) else ""
    if default and a.kind == "decimal":
        default = f", {a.text}"
    arguments = a.text if draw.one_in(3) and not default else f"{a.text}, {offset}{default}"
    return replace(a, text=f"{name}({arguments}) OVER {window.ordered()}", samples=())


def change(draw, window):
    a = draw.column("decimal", "int")
    forms = (
        "({0} - lag({0}) OVER {1})",
        "({0} / lag({0}) OVER {1} - 1)",
        "({0} / nullif(lag({0}, 2) OVER {1}, 0))",
        "({0} - first_value({0}) OVER {1})",
    )
    form = draw.pick(forms)
    kind = "double" if "/" in form else a and a.kind
    return a and replace(a, text=form.format(a.text, window.ordered()), kind=kind, samples=())


def log_return(draw, window):
    a = draw.column("decimal")
    if a is None:
        return None
    before = f"lag({a.text}) OVER {window.ordered()}"
    spelled = f"CASE WHEN {a.text} > 0 AND {before} > 0 THEN ln({a.text} / {before}) END"
    return Expression(either(f"log_return({a.text}) OVER {window.ordered()}", spelled), "double")


def picked(draw, window):
    a = draw.column("int", "decimal", "text", "date", "bool")
    form = draw.pick(("first_value({0})", "last_value({0})", "nth_value({0}, 2)"))
    nulls = either(") IGNORE NULLS", " IGNORE NULLS)") if draw.one_in(3) else ")"
    text = form.format(a.text).removesuffix(")") + nulls if a else ""
    return a and replace(a, text=f"{text} OVER {window.framed()}", samples=())


def rolling_total(draw, window):
    a = draw.number(1)
    if a.size > 14:
        return None
    over = draw.pick((window.framed(), window.framed(), window.whole(), window.ordered()))
    if a.kind == "int":
        return Expression(f"sum({a.text}) OVER {over}", "int", size=a.size + 6)
    return Expression(f"sum({a.text}) OVER {over}", "decimal", MOST_DIGITS, a.scale, a.size + 6)


def rolling(draw, window):
    a = draw.exact(1)
    form = draw.pick(("count({0})", "count(*)", "min({0})", "max({0})"))
    over = draw.pick((window.framed(), window.whole()))
    result = Expression("", "int", size=6) if form.startswith("count") else a
    return replace(result, text=f"{form.format(a.text)} OVER {over}", samples=())


def rolling_mean(draw, window):
    a = draw.number(1)
    return Expression(f"avg({a.text}) OVER {draw.pick((window.framed(), window.framed(), window.whole()))}", "double")


def rolling_deviation(draw, window):
    a = draw.column("decimal", "int")
    return a and Expression(f"{draw.pick(DEVIATIONS)}({a.text}) OVER {window.framed()}", "double")


def rolling_of_two(draw, window):
    a, b = draw.column("decimal", "int"), draw.column("decimal", "int")
    return a and Expression(f"{draw.pick(OF_TWO)}({a.text}, {b.text}) OVER {window.framed()}", "double")


def share(draw, window):
    a = draw.column("decimal")
    return a and Expression(f"({a.text} / sum({a.text}) OVER {window.whole()})", "double")


CALLS = (ranked, shifted, shifted, change, change, log_return, picked, picked, rolling_total, rolling_total, rolling)
CALLS += (rolling, rolling_mean, rolling_mean, rolling_deviation, rolling_deviation, rolling_of_two, share)
