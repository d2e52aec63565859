"""Answers the questions about all tables with one reader: python -m reader READER QUESTIONS ANSWERS"""

import importlib
import json
import os
import sys
from pathlib import Path

from .common import Table


def main(name, questions, answers):
    reader = importlib.import_module(f"reader.{name}").Reader()
    found = {}
    for described in json.loads(Path(questions).read_text()):
        table = Table(**described)
        try:
            found[table.name] = reader.aggregates(table) | reader.counts(table)
        except Exception as error:
            found[table.name] = f"{type(error).__name__}: {' '.join(str(error).split())[:600]}"
    Path(answers).write_text(json.dumps(found))
    # Threads of some readers outlive the interpreter and abort it at its end.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
