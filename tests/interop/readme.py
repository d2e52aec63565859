"""Runs the Python code of a README in the working folder: readme.py README.md"""

import sys
from pathlib import Path

blocks = [block.split("```")[0] for block in Path(sys.argv[1]).read_text().split("```python\n")[1:]]
for block in blocks:
    exec(compile(block, sys.argv[1], "exec"), {})
print(f"{len(blocks)} examples of Python run")
