"""Makes a source of the archives that a lake holds: publish.py LAKE FOLDER.

One-minute bars of spot are enough for the recipes.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

lake, folder = Path(sys.argv[1]), Path(sys.argv[2])
statement = "SELECT archive FROM meta.archives WHERE market = 'spot' AND bar_interval = '1m'"
found = subprocess.run(
    ["lakehouse", "--lake", lake, "query", "--format", "json", statement], check=True, stdout=subprocess.PIPE
)
for row in json.loads(found.stdout):
    published = folder / row["archive"]
    published.parent.mkdir(parents=True, exist_ok=True)
    (held,) = (lake / "bronze").glob(f"spot/**/{published.name}")
    shutil.copy(held, published)
    shutil.copy(f"{held}.CHECKSUM", f"{published}.CHECKSUM")
