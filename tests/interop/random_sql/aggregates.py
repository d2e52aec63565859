"""Aggregates over the rows of a scope."""

from .conditions import condition
from .expressions import MOST_DIGITS, Expression, common_type, replace
from .text import either

OF_TWO = ("corr", "covar_pop", "covar_samp", "regr_slope", "regr_intercept", "regr_r2", "regr_avgx", "regr_avgy")
DEVIATIONS = ("stddev", "stddev_pop", "stddev_samp", "var_pop", "var_samp", "variance")
FRACTIONS = ("0.0", "0.05", "0.25", "0.5", "0.9", "1.0")


def aggregate(draw, unique=None):
    """Draws an aggregate; `unique` is a column that no two rows of a group share, where there is one."""
    forms = ORDERED + ANY if unique else ANY
    for _ in range(5):
        form = draw.pick(forms)
        found = form(draw, unique)
        if found:
            return filtered(draw, found) if form in BARE and draw.one_in(5) else found
    return Expression("count(*)", "int", size=8)


def filtered(draw, expression):
    return replace(expression, text=f"{expression.text} FILTER (WHERE {condition(draw, 1)})")


def count(draw, unique):
    a = draw.exact(1)
    return Expression(draw.pick(("count(*)", f"count({a.text})", f"count(DISTINCT {a.text})")), "int", size=8)


def total(draw, unique):
    a = draw.number(1)
    if a.size > 14:
        return None
    distinct = "DISTINCT " if draw.one_in(6) else ""
    text = f"sum({distinct}{a.text})"
    if a.kind == "int":
        return Expression(text, "int", size=a.size + 7)
    return Expression(text, "decimal", MOST_DIGITS, a.scale, a.size + 7)


def mean(draw, unique):
    return Expression(f"avg({draw.number(1).text})", "double")


def extreme(draw, unique):
    a = draw.value(draw.kind(("int", "decimal", "text", "date", "time", "double")), 1)
    return Expression(f"{draw.pick(('min', 'max'))}({a.text})", a.kind, a.precision, a.scale, a.size)


def deviation(draw, unique):
    return Expression(f"{draw.pick(DEVIATIONS)}({draw.number(0).text})", "double")


def of_two(draw, unique):
    a, b = draw.number(0), draw.number(0)
    if draw.one_in(6):
        return Expression(f"regr_count({a.text}, {b.text})", "int", size=8)
    return Expression(f"{draw.pick(OF_TWO)}({a.text}, {b.text})", "double")


def truth(draw, unique):
    wanted = condition(draw, 1)
    if draw.one_in(2):
        # Of no rows, DuckDB's count_if is NULL.
        spelled = f"count(CASE WHEN {wanted} THEN 1 END)"
        return Expression(either(f"count_if({wanted})", spelled), "int", size=8)
    return Expression(f"{draw.pick(('bool_and', 'bool_or'))}({wanted})", "bool")


def quantile(draw, unique):
    a = draw.column("int", "decimal")
    if a is None:
        return None
    form = draw.pick(("median({0})", "quantile_cont({0}, {1})", "quantile_disc({0}, {1})", "quantile({0}, {1})"))
    return Expression(form.format(a.text, draw.pick(FRACTIONS)), "double")


def conditional_total(draw, unique):
    a = draw.column("int", "decimal")
    if a is None or a.size > 14:
        return None
    text = f"sum(CASE WHEN {condition(draw, 1)} THEN {a.text} ELSE 0 END)"
    if a.kind == "int":
        return Expression(text, "int", size=a.size + 7)
    return Expression(text, "decimal", MOST_DIGITS, a.scale, a.size + 7)


def average_price(draw, unique):
    a, b = draw.column("decimal"), draw.column("decimal", "int")
    if a is None or a.size + b.size > 15 or a.scale + b.scale > 20:
        return None
    quantity = f"sum({b.text}) FILTER (WHERE {a.text} IS NOT NULL)"
    spelled = f"(sum({a.text} * {b.text}) / nullif({quantity}, 0))"
    return Expression(either(f"vwap({a.text}, {b.text})", spelled), "double")


def joined(draw, unique):
    a = draw.column("text")
    distinct = "DISTINCT " if draw.one_in(2) else ""
    way = draw.pick(("", " DESC"))
    return a and Expression(f"left(string_agg({distinct}{a.text}, ',' ORDER BY {a.text}{way}), 200)", "text")


def at_extreme(draw, unique):
    a = draw.exact(1)
    name = draw.pick(("arg_max", "arg_min", "max_by", "min_by"))
    return Expression(f"{name}({a.text}, {unique.text})", a.kind, a.precision, a.scale, a.size)


def at_end(draw, unique):
    a = draw.exact(1)
    name, way = draw.pick(("first", "last", "first_value", "last_value")), draw.pick(("", " DESC"))
    name = either(name, name.removesuffix("_value"))
    return Expression(f"{name}({a.text} ORDER BY {unique.text}{way})", a.kind, a.precision, a.scale, a.size)


def listed(draw, unique):
    a = draw.column("int", "text", "decimal", "bool")
    return a and Expression(f"array_agg({a.text} ORDER BY {unique.text})[1:5]", "list")


def ratio_of_totals(draw, unique):
    a, b = total(draw, unique), total(draw, unique)
    return a and b and Expression(f"({a.text} / {b.text})", "double")


def sum_of_totals(draw, unique):
    a, b = total(draw, unique), extreme(draw, unique)
    if not a or b.kind not in ("int", "decimal"):
        return None
    found = common_type(a, b)
    if found is None or a.kind == b.kind == "int":
        return None
    return Expression(f"({a.text} - {b.text})", "decimal", MOST_DIGITS, found[1], a.size + 1)


ANY = (count, count, total, total, total, mean, mean, extreme, extreme, deviation, deviation, of_two, truth, quantile)
ANY += (conditional_total, average_price, joined, ratio_of_totals, sum_of_totals)
ORDERED = (at_extreme, at_extreme, at_end, at_end, listed)

# Those that are one call, which a FILTER may follow.
BARE = (count, total, mean, extreme, deviation, of_two, truth, conditional_total, at_extreme)
