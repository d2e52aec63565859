"""Expressions of numbers: arithmetic, casts, parts of times."""

from .expressions import MOST_DIGITS, UNITS, Expression, common_type, produces, replace

FIELDS = ("year", "quarter", "month", "week", "day", "hour", "minute", "dow", "isodow", "doy", "isoyear")
OF_DOUBLES = (
    "sqrt(abs({0}))",
    "ln(abs({0}) + 1)",
    "log10(abs({0}) + 1)",
    "exp(- abs({0}) / 1000000)",
    "power({0}, 2)",
)


@produces("decimal", 3)
@produces("int", 2)
def sum_or_difference(draw, depth):
    a, b = draw.number(depth), draw.number(depth)
    text = f"({a.text} {draw.pick('+-')} {b.text})"
    size = max(a.size, b.size) + 1
    if a.kind == b.kind == "int":
        return Expression(text, "int", size=size)
    found = common_type(a, b)
    return found and Expression(text, "decimal", min(MOST_DIGITS, found[0] + 1), found[1], size)


@produces("decimal", 3)
@produces("int", 1)
def product(draw, depth):
    a, b = draw.number(depth), draw.number(depth)
    text, size = f"({a.text} * {b.text})", a.size + b.size
    if a.kind == b.kind == "int":
        return Expression(text, "int", size=size)
    scale = a.scale + b.scale
    return Expression(text, "decimal", min(MOST_DIGITS, a.digits + b.digits + scale), scale, size)


@produces("decimal", 2)
@produces("int", 2)
def of_one_number(draw, depth):
    a = draw.number(depth)
    form = draw.random.randrange(5)
    if form == 0:
        return replace(a, text=f"(- {a.text})", samples=())
    if form == 1:
        return replace(a, text=f"abs({a.text})", samples=())
    if form == 2:
        return Expression(f"sign({a.text})", "int", size=1)
    if a.kind == "int":
        return None
    if form == 3:
        name = draw.pick(("floor", "ceil"))
        return Expression(f"{name}({a.text})", "decimal", a.digits + 1, 0, a.size + 1)
    places = draw.random.randrange(a.scale + 1)
    return Expression(f"round({a.text}, {places})", "decimal", a.digits + 1 + places, places, a.size + 1)


@produces("int", 2)
def quotient_and_remainder(draw, depth):
    a, b = draw.value("int", depth), draw.value("int", depth)
    if (a.kind, b.kind) != ("int", "int"):
        # Of decimals, `//` has no fraction here, and is `/` in DuckDB.
        return None
    return replace(a, text=f"({a.text} {draw.pick(('//', '%'))} {b.text})", samples=(), size=max(a.size, b.size))


@produces("decimal", 2)
def cast_to_decimal(draw, depth):
    a = draw.number(depth)
    scale = draw.pick((0, 1, 2, 4, 8))
    precision = min(MOST_DIGITS, a.size + 2 + scale)
    return Expression(f"CAST({a.text} AS DECIMAL({precision}, {scale}))", "decimal", precision, scale, a.size + 1)


@produces("int")
def cast_to_integer(draw, depth):
    a = draw.value("decimal", depth)
    return Expression(f"CAST({a.text} AS BIGINT)", "int", size=a.size + 1)


@produces("int", 3)
def field_of_time(draw, depth):
    a = draw.value(draw.pick(("time", "date", "local")), depth)
    fields = FIELDS if a.kind != "date" else ("year", "quarter", "month", "week", "day", "dow", "isodow", "doy")
    name = draw.pick(fields)
    spelled = f"extract({name} FROM {a.text})" if draw.one_in(2) else f"date_part('{name}', {a.text})"
    if draw.one_in(3) and name in ("year", "quarter", "month", "week", "day", "hour", "minute") and a.kind != "date":
        spelled = f"{name}({a.text})"
    return Expression(spelled, "int", size=4)


@produces("int")
def days_or_boundaries(draw, depth):
    if draw.one_in(2):
        a, b = draw.value("date", depth), draw.value("date", depth)
        return Expression(f"({a.text} - {b.text})", "int", size=6)
    a, b = draw.value("time", depth), draw.value("time", depth)
    return Expression(f"date_diff('{draw.pick(UNITS)}', {a.text}, {b.text})", "int", size=12)


@produces("int")
def number_of_text(draw, depth):
    a, b = draw.value("text", depth), draw.value("text", 0)
    text = draw.pick((f"length({a.text})", f"strpos({a.text}, {b.text})", f"position({b.text} IN {a.text})"))
    return Expression(text, "int", size=4)


@produces("int")
def epoch(draw, depth):
    a = draw.value("time", depth)
    name = draw.pick(("epoch_ms", "epoch_us"))
    return Expression(f"{name}({a.text})", "int", size=13 if name == "epoch_ms" else 16)


@produces("double", 4)
def quotient(draw, depth):
    a, b = draw.number(depth), draw.number(depth)
    return Expression(f"({a.text} / {b.text})", "double")


@produces("double", 2)
def function_of_double(draw, depth):
    a = draw.value(draw.pick(("double", "decimal")), depth)
    return Expression(draw.pick(OF_DOUBLES).format(a.text), "double")


@produces("double", 2)
def arithmetic_of_doubles(draw, depth):
    a, b = draw.value("double", depth), draw.value(draw.pick(("double", "decimal", "int")), depth)
    if draw.one_in(2):
        a, b = b, a
    return Expression(f"({a.text} {draw.pick('+-*')} {b.text})", "double")


@produces("double")
def cast_to_double(draw, depth):
    return Expression(f"CAST({draw.number(depth).text} AS DOUBLE)", "double")


@produces("double")
def seconds(draw, depth):
    a = draw.value(draw.pick(("time", "interval")), depth)
    return Expression(f"extract(epoch FROM {a.text})", "double")


@produces("interval", 3)
def difference_of_times(draw, depth):
    a, b = draw.value("time", depth), draw.value("time", depth)
    return Expression(f"({a.text} - {b.text})", "interval")
