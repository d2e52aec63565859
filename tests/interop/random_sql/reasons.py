"""Differences that docs/sql.md documents: where the program has an error or another answer, and is right to."""

import re

# What a statement that differs has to be like: its text, and the error or the difference.
REASONS = (
    ("a result that does not fit its type is an error", "", "overflow|does not fit|more than the 38 digits"),
)


def reason_of(statement, difference):
    for reason, text, found in REASONS:
        if re.search(text, statement, re.IGNORECASE) and re.search(found, difference, re.IGNORECASE):
            return reason
    return None
