"""Makes a statement that differs smaller, as long as it differs in the same way."""

MOST_TRIES = 80


def reduced(statement, outcome, outcome_of):
    tries = 0
    shrinks = True
    while shrinks and tries < MOST_TRIES:
        shrinks = False
        for smaller in statement.smaller():
            tries += 1
            if tries >= MOST_TRIES:
                break
            if outcome_of(smaller) == outcome:
                statement, shrinks = smaller, True
                break
    return statement
