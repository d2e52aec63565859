"""Differences that are known and meant: docs/sql.md says what is right."""

import re

from .answers import DOUBLE_HERE, NULL_HERE

# For each what the text of the statement and the difference or error have to match.
REASONS = (
    ("error: a sum or product that does not fit its type is no number", ".", "does not fit"),
    ("a quantile between two values is a double, in DuckDB a decimal with the places of the column",
     r"quantile_cont|median", f": {DOUBLE_HERE}\n"),
    ("a statistic that is not defined is NULL, in DuckDB NaN", r"corr|regr_", f": {NULL_HERE}\n"),
)


def reason_of(statement, difference):
    """Returns why a statement may differ; None where nothing says so."""
    for reason, text, found in REASONS:
        if re.search(text, statement) and re.search(found, difference):
            return reason
    return None
