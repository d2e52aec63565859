"""Runs the Python code of pages in the working folder: readme.py README.md PAGE.md…"""

import sys
from pathlib import Path

for page in sys.argv[1:]:
    blocks = [block.split("```")[0] for block in Path(page).read_text().split("```python\n")[1:]]
    if not blocks:
        sys.exit(f"{page} has no example of Python")
    for block in blocks:
        exec(compile(block, page, "exec"), {})
    print(f"{page}: {len(blocks)} examples of Python run")
