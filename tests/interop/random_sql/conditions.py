"""Conditions: what WHERE, HAVING, FILTER and CASE ask."""

from .expressions import SIMPLE_CONDITIONS, Expression, common_type, produces, replace
from .text import quoted

COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
ODD_NUMBERS = ("0.123456789", "1.7320508", "31415.926", "-0.271828")
PATTERNS = ("BTC%", "%USDT", "%_PERP", "1_", "%", "%u%", "_", "A%T")


def condition(draw, depth=2):
    return draw.value("bool", depth).text


def comparable(draw, depth):
    """Two values that can be compared exactly; the first is a column more often than not."""
    a = draw.column("int", "decimal", "text", "date", "time") if draw.one_in(2) else draw.exact(depth)
    a = a or draw.exact(depth)
    is_sample = a.samples and not draw.one_in(4)
    b = replace(a, text=draw.pick(a.samples)) if is_sample else draw.value(a.kind, depth)
    if a.kind == "decimal" and common_type(a, b) is None:
        return None
    return a, b


@produces("bool", 6)
def comparison(draw, depth):
    pair = comparable(draw, depth)
    return pair and Expression(f"({pair[0].text} {draw.pick(COMPARISONS)} {pair[1].text})", "bool")


def distinction(draw, depth):
    pair = comparable(draw, depth)
    if pair is None:
        return None
    other = "NULL" if draw.one_in(4) else pair[1].text
    return f"{pair[0].text} IS {draw.pick(('', 'NOT '))}DISTINCT FROM {other}"


@produces("bool", 2)
def distinctions(draw, depth):
    """Without parentheses, which the grammar does not need."""
    text, other = distinction(draw, depth), draw.value("bool", depth).text
    form = draw.pick(("({0})", "({0} AND {1})", "({1} AND {0})", "({0} OR {1})", "({1} OR {0} AND {1})"))
    return text and Expression(form.format(text, other), "bool")


@produces("bool", 3)
def membership(draw, depth):
    column = draw.column("int", "decimal", "text", "date", "time")
    if column is None or not column.samples:
        return None
    values = [draw.pick(column.samples) for _ in range(draw.random.randrange(1, 5))]
    if draw.one_in(4):
        values.insert(draw.random.randrange(len(values) + 1), "NULL")
    return Expression(f"({column.text} {draw.pick(('IN', 'NOT IN'))} ({', '.join(values)}))", "bool")


@produces("bool", 2)
def between(draw, depth):
    column = draw.column("int", "decimal", "text", "date", "time")
    if column is None or not column.samples:
        return None
    low, high = draw.pick(column.samples), draw.pick(column.samples)
    low = "NULL" if draw.one_in(12) else low
    return Expression(f"({column.text} {draw.pick(('', 'NOT '))}BETWEEN {low} AND {high})", "bool")


@produces("bool", 2)
def is_null(draw, depth):
    a = draw.exact(depth)
    return Expression(f"({a.text} IS {draw.pick(('', 'NOT '))}NULL)", "bool")


@produces("bool")
def truth(draw, depth):
    a = draw.value("bool", depth)
    return Expression(f"({a.text} IS {draw.pick(('', 'NOT '))}{draw.pick(('TRUE', 'FALSE'))})", "bool")


@produces("bool", 2)
def pattern(draw, depth):
    a = draw.column("text") or draw.value("text", depth)
    wanted = quoted(draw.pick(PATTERNS))
    piece = quoted(draw.pick(PATTERNS).strip("%"))
    forms = (
        f"({a.text} LIKE {wanted})",
        f"({a.text} NOT LIKE {wanted})",
        f"({a.text} ILIKE {wanted})",
        f"starts_with({a.text}, {piece})",
        f"ends_with({a.text}, {piece})",
        f"contains({a.text}, {piece})",
    )
    return Expression(draw.pick(forms), "bool")


@produces("bool", 4)
def connected(draw, depth):
    a, b = draw.value("bool", depth), draw.value("bool", depth)
    form = draw.pick(("({0} AND {1})", "({0} OR {1})", "(NOT {0})", "({0} AND NOT {1})", "({0} OR NOT ({1}))"))
    return Expression(form.format(a.text, b.text), "bool")


@produces("bool")
def comparison_of_doubles(draw, depth):
    """With a number that no quotient of the tables is near."""
    a = draw.value("double", depth)
    return Expression(f"({a.text} {draw.pick('<>')} {draw.pick(ODD_NUMBERS)})", "bool")


SIMPLE_CONDITIONS += [comparison, comparison, membership, between]
