"""Ingests archives into a lake: ingest.py PROGRAM LAKE ARCHIVES

Real archives hold damaged lines. They become rejects, and the exit code of the program is 1, as if an archive had failed.
Here, rejected rows are fine, and everything else that makes that exit code is not.
"""

import json
import subprocess
import sys


def main(program, lake, archives):
    command = [program, "--lake", lake, "--quiet", "ingest", "--all", "--source", archives, "--format", "json"]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if run.returncode > 1:
        sys.exit(f"ingest ended with {run.returncode}")
    summary = json.loads(run.stdout)
    failed = summary["archives"]["failed"] + summary["gold"]["failed"]
    if failed or (run.returncode and not summary["rejected_rows"]):
        sys.exit(f"ingest ended with {run.returncode}: {run.stdout}")
    print(f"{summary['archives']['new']} archives, {summary['rows']} rows, {summary['rejected_rows']} rejected")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
