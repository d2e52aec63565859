"""Expressions without aggregates: what they are drawn from, and those of any kind, such as CASE.

What is drawn has the same value by the rules that both dialects share. Doubles are not compared with one another, not
rounded and not grouped by, because their last digits may differ.
"""

from dataclasses import dataclass, replace

from .text import quoted

MOST_DIGITS = 38
INTERVALS = ("1 minute", "5 minutes", "17 minutes", "1 hour", "4 hours", "1 day", "3 days", "1 month", "90 seconds")
WIDTHS = ("1 minute", "5 minutes", "15 minutes", "1 hour", "4 hours", "1 day", "7 days", "1 month")
UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
ZONES = ("America/New_York", "Asia/Tokyo", "Europe/London", "Asia/Kolkata", "UTC")
KINDS = ("int", "decimal", "double", "text", "bool", "date", "time", "local", "interval")


@dataclass(frozen=True)
class Expression:
    """Text, the kind of its value, and of a decimal its type; `size` bounds the digits before the point."""

    text: str
    kind: str
    precision: int = 0
    scale: int = 0
    size: int = 0
    samples: tuple = ()

    @property
    def is_exact(self):
        return self.kind != "double"

    @property
    def digits(self):
        """Digits before the point that its type has."""
        return self.precision - self.scale if self.kind == "decimal" else max(self.size, 10)


class Draw:
    """Draws expressions from the columns of a scope."""

    def __init__(self, random, columns):
        self.random = random
        self.columns = [column for column in columns if column.kind in KINDS]

    def one_in(self, number):
        return self.random.randrange(number) == 0

    def pick(self, values):
        return self.random.choice(list(values))

    def column(self, *kinds):
        found = [column for column in self.columns if column.kind in kinds]
        return self.pick(found) if found else None

    def kind(self, kinds=("int", "decimal", "decimal", "double", "text", "bool", "date", "time", "local", "interval")):
        """A kind that there is a column for, or that can be made from others."""
        return self.pick(kinds)

    def value(self, kind, depth=2):
        """Draws an expression of a kind, `depth` operators deep at most."""
        if depth > 0:
            for _ in range(4):
                found = self.pick(PRODUCERS[kind])(self, depth - 1)
                if found and fits(found):
                    return found
        return self.simple(kind)

    def simple(self, kind):
        """A column, a comparison of one, or a constant."""
        if kind == "bool" and self.columns and not self.one_in(6):
            return self.pick(SIMPLE_CONDITIONS)(self, 0) or self.constant(kind)
        return self.column(kind) or self.constant(kind)

    def exact(self, depth=2):
        return self.value(self.kind(("int", "decimal", "text", "bool", "date", "time")), depth)

    def number(self, depth=2):
        return self.value(self.pick(("int", "decimal")), depth)

    def constant(self, kind):
        """A literal, of a value that occurs where there is a column of the kind."""
        column = self.column(kind)
        if column and column.samples and not self.one_in(4):
            return replace(column, text=self.pick(column.samples))
        return self.pick(CONSTANTS[kind])


def fits(expression):
    if expression.kind == "decimal":
        return expression.scale <= 24 and expression.size + expression.scale <= 34
    return expression.kind != "int" or expression.size <= 17


CONSTANTS = {
    "int": [Expression(text, "int", size=len(text)) for text in ("0", "1", "2", "3", "7", "10", "-1", "100")],
    "decimal": [
        Expression(text, "decimal", precision, scale, precision - scale)
        for text, precision, scale in (("0.5", 2, 1), ("1.25", 3, 2), ("-2.0", 2, 1), ("100.00", 5, 2), ("0.001", 4, 3))
    ],
    "double": [Expression(f"CAST({text} AS DOUBLE)", "double") for text in ("0.5", "1.1", "-3", "1000000", "0.1")],
    "text": [Expression(quoted(text), "text") for text in ("", "BTCUSDT", "a b", "spot", "100%", "_", "ü")],
    "bool": [Expression(text, "bool") for text in ("true", "false")],
    "date": [Expression(f"DATE '{text}'", "date") for text in ("2023-01-21", "2024-02-29", "2025-08-31")],
    "time": [
        Expression(f"TIMESTAMPTZ '{text}+00:00'", "time")
        for text in ("2023-01-21 12:00:00", "2024-03-10 07:30:00", "2025-11-02 05:59:59.999999", "2026-05-08 00:00:00")
    ],
    "local": [Expression(f"TIMESTAMP '{text}'", "local") for text in ("2023-01-21 12:00:00", "2025-08-15 06:45:30.5")],
    "interval": [Expression(f"INTERVAL '{text}'", "interval") for text in ("1 hour", "90 seconds", "2 days")],
}

PRODUCERS = {kind: [] for kind in KINDS}
# Conditions on a column, which `conditions` adds.
SIMPLE_CONDITIONS = []


def produces(kind, weight=1):
    """Registers a function that draws an expression of a kind from parts; it may return None."""

    def register(function):
        PRODUCERS[kind] += [function] * weight
        return function

    return register


def common_type(a, b):
    """Precision and scale that hold both of two exact numbers; None where no decimal does."""
    scale = max(a.scale, b.scale)
    digits = max(a.digits, b.digits)
    return (digits + scale, scale) if digits + scale <= MOST_DIGITS else None


def either_of(a, b):
    """The type of a value that is one of two of the same kind; None where they have none in common."""
    if a.kind != "decimal":
        return replace(a, size=max(a.size, b.size), samples=())
    found = common_type(a, b)
    return found and Expression("", "decimal", *found, max(a.size, b.size))


def column(draw, depth, kind):
    return draw.column(kind)


def conditional(draw, depth, kind):
    """CASE, coalesce, nullif, greatest, least."""
    a, b = draw.value(kind, depth), draw.value(kind, depth)
    result = either_of(a, b)
    if result is None:
        return None
    form = draw.random.randrange(6)
    if form == 0:
        text = f"CASE WHEN {draw.value('bool', depth).text} THEN {a.text} ELSE {b.text} END"
    elif form == 1:
        text = f"CASE WHEN {draw.value('bool', depth).text} THEN {a.text} END"
    elif form == 2:
        text = f"coalesce({a.text}, {b.text})"
    elif form == 3 and a.is_exact:
        text = f"nullif({a.text}, {b.text})"
    elif form == 4 and kind not in ("bool", "interval"):
        text = f"{draw.pick(('greatest', 'least'))}({a.text}, {b.text})"
    else:
        column = draw.column("int", "text", "bool")
        if column is None or not column.samples:
            return None
        text = f"CASE {column.text} WHEN {draw.pick(column.samples)} THEN {a.text} ELSE {b.text} END"
    return replace(result, text=text)


for each in KINDS:
    PRODUCERS[each] += [lambda draw, depth, kind=each: column(draw, depth, kind)] * 3
    if each != "interval":
        PRODUCERS[each].append(lambda draw, depth, kind=each: conditional(draw, depth, kind))
