"""The files for cron, systemd and Kubernetes are valid, and their commands run."""

import shlex
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import kubernetes_validate
import yaml
from cronsim import CronSim


def run(command: str) -> None:
    words = shlex.split(command)
    assert words[0] == "lakehouse", command
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


for line in Path("lakehouse.cron").read_text().splitlines()[1:]:
    *times, command = line.split(maxsplit=5)
    next(CronSim(" ".join(times), datetime(2026, 1, 1)))
    run(command)

units = ["lakehouse-refresh.service", "lakehouse-refresh.timer"]
(command,) = [line for line in Path(units[0]).read_text().splitlines() if line.startswith("ExecStart=")]
run(command.removeprefix("ExecStart="))
if shutil.which("systemd-analyze"):
    # The program of the service has to be there, and is not where services look for it.
    service = Path(units[0])
    service.write_text(service.read_text().replace("ExecStart=lakehouse", "ExecStart=/bin/true"))
    subprocess.run(["systemd-analyze", "verify", *units], check=True)

(job,) = yaml.safe_load_all(Path("lakehouse.yaml").read_text())
kubernetes_validate.validate(job, "1.37", strict=True)
CronSim(job["spec"]["schedule"], datetime(2026, 1, 1))
(container,) = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
run(shlex.join(["lakehouse", *container["args"]]))
