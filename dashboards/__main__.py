"""`python -m dashboards` writes what Grafana and Prometheus read; `--check` says what is not as it would be written."""

import json
import sys
from pathlib import Path

from dashboards.boards import files
from dashboards.lint import findings

HERE = Path(__file__).parent
USAGE = "usage: python -m dashboards [--check]"


def differing(folder: Path) -> list[str]:
    """Return the paths below `folder` whose content is not what is made of the boards, strays among the JSON too."""
    made = files()
    stray = {path.relative_to(folder).as_posix() for path in folder.glob("json/*")} - made.keys()
    return sorted(stray | {name for name, text in made.items() if _read(folder / name) != text})


def write(folder: Path) -> list[str]:
    """Make every file as it should be and remove what no board makes; returns the paths that changed."""
    made = files()
    changed = differing(folder)
    for name in changed:
        path = folder / name
        if name in made:
            path.parent.mkdir(exist_ok=True)
            path.write_text(made[name], encoding="utf-8", newline="\n")
        else:
            path.unlink()
    return changed


def main(arguments: list[str]) -> int:
    """Return 0, 1 where a rule of `dashboards.lint` or `--check` found something, 2 for what is no command line."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(f"{USAGE}\n")
        return 2
    wrong = [line for name, text in files().items() if name.endswith(".json") for line in findings(json.loads(text))]
    if arguments:
        changed = differing(HERE)
        wrong += [
            f"dashboards/{name} is not what dashboards/*.py make: `make dashboards` writes it" for name in changed
        ]
    elif not wrong:
        changed = write(HERE)
        sys.stdout.write(
            "".join(f"dashboards/{name}\n" for name in changed) or "dashboards/ is as its modules make it\n"
        )
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return 1 if wrong else 0


def _read(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
