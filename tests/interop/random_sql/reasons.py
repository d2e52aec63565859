"""Differences that are known and meant: docs/sql.md says what is right."""

import re

from .answers import AND, DOUBLE_HERE, NEARLY_THE_SAME, NULL_HERE, ROUNDED_THERE

STATISTICS = r"stddev|var_|variance|corr|covar|regr_"

# For each what the text of the statement has to match, and the kind of difference or the error.
REASONS = (
    ("error: a sum or product that does not fit its type", ".", "does not fit"),
    ("a quantile between two values is a double, in DuckDB a decimal", "quantile_cont|median", DOUBLE_HERE),
    ("the mean of two decimals is exact, and rounded in DuckDB", "quantile_cont|median", ROUNDED_THERE),
    ("a statistic that is not defined is NULL, in DuckDB NaN", STATISTICS, NULL_HERE),
    ("a statistic comes from exact sums, in DuckDB from rounded ones", STATISTICS, NEARLY_THE_SAME),
)


def reason_of(statement, difference):
    """Returns why a statement may differ; None where nothing says so of one of the differences."""
    reasons = [reason_of_kind(statement, kind) for kind in kinds_of(difference)]
    return None if None in reasons else AND.join(sorted(set(reasons)))


def kinds_of(difference):
    """Returns the kinds of differences between two answers, or the error."""
    found = re.match(r"\d+ of \d+ rows: (.*)\n", difference)
    return found[1].split(AND) if found else [difference]


def reason_of_kind(statement, kind):
    for reason, text, found in REASONS:
        if re.search(text, statement) and re.search(found, kind):
            return reason
    return None
