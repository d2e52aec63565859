"""Writes the files that a page shows under their names: shown_files.py PAGE FOLDER."""

import re
import sys
from pathlib import Path

page, folder = Path(sys.argv[1]), Path(sys.argv[2])
for name, text in re.findall(r"^```\w+ (\S+)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE):
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
