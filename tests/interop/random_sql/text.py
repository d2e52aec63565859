"""Text of SQL, with places that the two dialects spell differently."""

import re

PLACE = re.compile("\x01([^\x01\x02\x03]*)\x02([^\x01\x02\x03]*)\x03")


def either(ours, theirs):
    """Text that is one thing for the program and another for DuckDB; both may have such places inside."""
    return f"\x01{ours}\x02{theirs}\x03"


def for_program(text):
    return chosen(text, r"\1")


def for_duckdb(text):
    return chosen(text, r"\2")


def chosen(text, side):
    while "\x01" in text:
        text = PLACE.sub(side, text)
    return text


def quoted(value):
    return "'" + value.replace("'", "''") + "'"
