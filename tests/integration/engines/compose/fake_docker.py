"""A docker for machines that have none: a program that answers as the real one does and writes down what it was asked.

It stands for the program, not for Docker: what is tested with it is how the lab asks, waits, ends and reports. What the
real one makes of compose.yaml is docs/compose.md's matter.
"""

import json
import sys
from pathlib import Path
from typing import Any

PROGRAM = r"""#!{python}
import json, pathlib, signal, sys, time
home = pathlib.Path({home!r})
words = sys.argv[1:]
with (home / "calls").open("a") as calls:
    calls.write(" ".join(words) + "\n")
plan = json.loads((home / "plan.json").read_text())
state = home / "up"
labels = {{"com.docker.compose.service": "bank-a"}}
def has(*wanted):
    return all(word in words for word in wanted)
if has("version"):
    print(plan["version"])
elif words[0] == "info":
    print(plan["memory"]) if plan["memory"] else sys.exit("Cannot connect to the Docker daemon")
elif has("config"):
    print(json.dumps(plan["config"]))
elif has("up"):
    state.touch()
    print("making it so", flush=True)
    time.sleep(plan["up_s"])
    sys.exit(plan["up_code"])
elif has("down"):
    if not plan["immortal"]:
        state.unlink(missing_ok=True)
elif words[0] == "ps":
    if state.exists():
        print("chaoslab-bank-a-1")
elif words[0] == "inspect":
    code = plan["exit_code"]
    if (home / "killed").exists():
        code = 137
    told = {{"Name": "/chaoslab-bank-a-1", "Id": "0" * 64, "Image": "sha256:feed", "Config": {{"Labels": labels}}}}
    now = {{"Pid": 0, "Running": code is None, "ExitCode": code or 0, "Paused": (home / "paused").exists()}}
    now["StartedAt"] = "2026-01-01T00:00:0%d.123456789Z" % (home / "starts").exists()
    print(json.dumps([{{**told, "State": now}}]))
elif has("kill"):
    if (home / "killed").exists():
        sys.exit("Cannot kill container: it is not running")
    (home / "killed").touch()
    (home / "die").touch()
elif has("start"):
    (home / "killed").unlink(missing_ok=True)
    (home / "starts").touch()
elif has("pause"):
    (home / "paused").touch()
elif has("unpause"):
    (home / "paused").unlink()
elif words[0] == "logs":
    print("the bank says hello")
    print("and then: the reason", file=sys.stderr)
elif words[0] == "events":
    told = {{**labels, "name": "chaoslab-bank-a-1", "exitCode": "137"}}
    while True:
        if (home / "die").exists():
            (home / "die").unlink()
            print(json.dumps(told), flush=True)
        time.sleep(0.05)
else:
    sys.exit("unexpected: " + " ".join(words))
"""


class FakeDocker:
    """A docker program in a folder for PATH, which does as `plan` says."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self.home = home
        self.plan: dict[str, Any] = {
            "version": "2.40.3", "memory": 8 * 2**30, "up_s": 0, "up_code": 0, "immortal": False, "exit_code": None,
            "config": {"services": {"bank-a": {"image": "chaoslab:dev", "mem_limit": str(2**28)}}},
        }  # fmt: skip
        program = home / "docker"
        program.write_text(PROGRAM.format(python=sys.executable, home=str(home)))
        program.chmod(0o755)
        self.set()

    def set(self, **changes: object) -> None:
        """Do otherwise from now on."""
        self.plan |= changes
        (self.home / "plan.json").write_text(json.dumps(self.plan))

    def calls(self) -> list[str]:
        """Return what it was asked, in order."""
        path = self.home / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def is_up(self) -> bool:
        """Return whether the project is there."""
        return (self.home / "up").exists()

    def kill_bank(self) -> None:
        """Tell of the end of a container."""
        (self.home / "die").touch()
