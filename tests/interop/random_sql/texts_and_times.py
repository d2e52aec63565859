"""Expressions of texts, dates and times."""

from .expressions import INTERVALS, UNITS, WIDTHS, ZONES, Expression, produces
from .text import quoted

FORMATS = ("%Y-%m-%d", "%H:%M", "%Y%m%d %H:%M:%S", "%d.%m.%y", "%j", "%A %B", "%b %-d", "%I %p")
PIECES = ("USD", "T", "BTC", "_", "1", "P")


@produces("text", 3)
def function_of_text(draw, depth):
    a = draw.value("text", depth)
    piece = quoted(draw.pick(PIECES))
    start, length = draw.random.randrange(1, 5), draw.random.randrange(6)
    forms = (
        f"upper({a.text})",
        f"lower({a.text})",
        f"reverse({a.text})",
        f"substr({a.text}, {start})",
        f"substring({a.text}, {start}, {length})",
        f"substring({a.text} FROM {start} FOR {length})",
        f"left({a.text}, {length})",
        f"right({a.text}, {length})",
        f"replace({a.text}, {piece}, '-')",
        f"split_part({a.text}, {piece}, {start})",
        f"lpad({a.text}, {length + 4}, '*')",
        f"rpad({a.text}, {length + 4}, '*')",
        f"trim({a.text})",
        f"regexp_replace({a.text}, '[0-9]+', '#', 'g')",
        f"regexp_replace({a.text}, '(U)(S)', '\\2\\1')",
    )
    return Expression(draw.pick(forms), "text")


@produces("text")
def joined_texts(draw, depth):
    a, b = draw.value("text", depth), draw.value("text", depth)
    form = draw.pick(("({0} || {1})", "concat({0}, '/', {1})", "concat_ws('-', {0}, {1})"))
    return Expression(form.format(a.text, b.text), "text")


@produces("text")
def cast_to_text(draw, depth):
    a = draw.value(draw.pick(("int", "decimal", "date", "bool")), depth)
    return Expression(f"CAST({a.text} AS VARCHAR)", "text")


@produces("text")
def formatted_time(draw, depth):
    a = draw.value(draw.pick(("time", "local", "date")), depth)
    return Expression(f"strftime({a.text}, {quoted(draw.pick(FORMATS))})", "text")


@produces("date", 2)
def day_of_time(draw, depth):
    a = draw.value(draw.pick(("time", "local")), depth)
    return Expression(f"CAST({a.text} AS DATE)", "date")


@produces("date")
def moved_date(draw, depth):
    a = draw.value("date", depth)
    return Expression(f"({a.text} {draw.pick('+-')} {draw.random.randrange(400)})", "date")


@produces("time", 3)
def truncated_time(draw, depth):
    a = draw.value("time", depth)
    width = draw.pick(WIDTHS)
    form = draw.random.randrange(4)
    if form == 0:
        text = f"date_trunc('{draw.pick(UNITS)}', {a.text})"
    elif form == 1 or width == "1 month":
        text = f"time_bucket(INTERVAL '{width}', {a.text})"
    elif form == 2:
        text = f"time_bucket(INTERVAL '{width}', {a.text}, INTERVAL '{draw.pick(INTERVALS[:5])}')"
    else:
        origin = draw.pick(("2000-01-03 00:00:00", "2023-01-21 01:30:00"))
        text = f"time_bucket(INTERVAL '{width}', {a.text}, TIMESTAMPTZ '{origin}+00:00')"
    return Expression(text, "time")


@produces("time", 2)
def moved_time(draw, depth):
    a = draw.value("time", depth)
    return Expression(f"({a.text} {draw.pick('+-')} INTERVAL '{draw.pick(INTERVALS)}')", "time")


@produces("time")
def time_of_clock(draw, depth):
    a = draw.value("local", depth)
    return Expression(f"({a.text} AT TIME ZONE '{draw.pick(ZONES)}')", "time")


@produces("time")
def time_of_seconds(draw, depth):
    return Expression(f"to_timestamp({draw.random.randrange(1_500_000_000, 1_790_000_000)})", "time")


@produces("local", 3)
def clock(draw, depth):
    """The program keeps the zone until the cast; in DuckDB the cast changes nothing."""
    a = draw.value("time", depth)
    return Expression(f"CAST({a.text} AT TIME ZONE '{draw.pick(ZONES)}' AS TIMESTAMP)", "local")


@produces("local")
def moved_clock(draw, depth):
    a = draw.value("local", depth)
    form = draw.pick(("({0} + INTERVAL '{1}')", "({0} - INTERVAL '{1}')", "date_trunc('{2}', {0})"))
    return Expression(form.format(a.text, draw.pick(INTERVALS), draw.pick(UNITS)), "local")


@produces("local")
def clock_of_date(draw, depth):
    a = draw.value("date", depth)
    form = draw.pick(("CAST({0} AS TIMESTAMP)", "({0} + INTERVAL '{1}')"))
    return Expression(form.format(a.text, draw.pick(INTERVALS)), "local")
