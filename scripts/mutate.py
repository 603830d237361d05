"""Break every decision of resilience/ on purpose, one at a time, and see whether a test notices.

    python scripts/mutate.py [--own] [MODULE ...]   all modules of resilience/, or those named (breaker retry_waits);
                                                    --own: held by tests of their own name alone, which is quicker

Each module is worked on in a copy of its own, .lab/mutate/MODULE/, so nothing here changes and two modules never meet.
What no test noticed stands in .lab/mutate/MODULE/survivors.txt as a diff. A survivor is accepted where docs/mutation.md
holds its function and its changed line; the exit code is 1 if there is another one, 2 if a module could not be run.
"""

import ast
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / ".lab" / "mutate"
PAGE = ROOT / "docs" / "mutation.md"
TESTS = "tests/unit/resilience"
MUTMUT = "mutmut==3.8.1"
# Rules that several modules share are tested in one place.
SHARED = ("test_settings.py", "test_cancellation.py", "test_pipeline.py")
# A module that tests of another name hold.
ALSO = {"link": ("test_profiles.py",), "metrics_listener": ("test_metrics.py",)}

CONFIG = """
[tool.mutmut]
source_paths = ["resilience"]
only_mutate = ["resilience/{module}.py"]
also_copy = ["conftest.py"]
pytest_add_cli_args = ["-q", "-x", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = {tests}
timeout_multiplier = 5.0
"""
CONFTEST = '''"""Few and fixed examples: what is noticed once is noticed always."""

from hypothesis import settings

settings.register_profile("mutation", max_examples=20, derandomize=True, deadline=None, database=None)
settings.load_profile("mutation")
'''


def tool() -> Path:
    """Return the tool's Python; it has an environment of its own, since nothing else needs its packages."""
    python = WORK / ".venv" / "bin" / "python"
    if not (WORK / ".venv" / ".ready").exists():
        uv = shutil.which("uv")
        make = [uv, "venv", "-q", "--clear", "--python", sys.executable] if uv else [sys.executable, "-m", "venv"]
        install = [uv, "pip", "install", "-q", "--python", python] if uv else [python, "-m", "pip", "install", "-q"]
        subprocess.run([*make, WORK / ".venv"], check=True)
        subprocess.run([*install, "-r", ROOT / "requirements.txt"], check=True)
        subprocess.run([*install, MUTMUT], check=True)
        (WORK / ".venv" / ".ready").touch()
    return python


def undecorated(source: str) -> str:
    """Write `@property def f` as `def f` and `f = property(f)`: the tool leaves decorated functions alone."""
    lines = source.splitlines()
    found = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    # From the end on, and the outer of two that end together first: what is inserted moves nothing that is still to do.
    for node in sorted(found, key=lambda node: (-(node.end_lineno or 0), node.lineno)):
        names = [ast.unparse(decorator) for decorator in node.decorator_list]
        if any(name in {"staticmethod", "classmethod", "overload"} or "." in name for name in names):
            continue
        for name, decorator in zip(names, node.decorator_list, strict=True):
            lines.insert(node.end_lineno or 0, f"{' ' * node.col_offset}{node.name} = {name}({node.name})")
            for number in range(decorator.lineno, (decorator.end_lineno or 0) + 1):
                lines[number - 1] = ""
    return "\n".join(lines) + "\n"


def decides(path: Path) -> bool:
    """Tell whether a module holds a function; names, records and values leave nothing to break."""
    return "def " in path.read_text(encoding="utf-8")


def copy(module: str, *, own: bool) -> Path:
    """Make the module's copy anew: the package, the tests that hold the module, the tool's settings."""
    room = WORK / module
    shutil.rmtree(room, ignore_errors=True)
    shutil.copytree(ROOT / "resilience", room / "resilience", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / TESTS, room / TESTS, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests/unit/conftest.py", room / "tests/unit/conftest.py")
    source = room / "resilience" / f"{module}.py"
    source.write_text(undecorated(source.read_text(encoding="utf-8")), encoding="utf-8")
    named = [path.name for path in sorted((ROOT / TESTS).glob(f"test_{module}*.py"))]
    tests = [f"{TESTS}/{name}" for name in dict.fromkeys([*named, *ALSO.get(module, ()), *(() if own else SHARED)])]
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    config = CONFIG.format(module=module, tests=json.dumps(tests))
    (room / "pyproject.toml").write_text(pyproject + config, encoding="utf-8")
    (room / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    return room


def explained(name: str, diff: str, page: str) -> bool:
    """Tell whether one line of the page holds the mutant's function and the line that it changes."""
    function = (
        name.rpartition("__mutmut_")[0].rpartition(".")[2].removeprefix("x_").removeprefix("xǁ").replace("ǁ", ".")
    )
    changed = next((line[1:].strip() for line in diff.splitlines() if line.startswith("+") and line[:3] != "+++"), None)
    # In a table's cell a bar is written with a backslash.
    lines = [line.replace("\\|", "|") for line in page.splitlines()]
    return any(f"`{function}`" in line and f"`{changed}`" in line for line in lines)


def run(module: str, python: Path, page: str, *, own: bool) -> str:
    """Break one module; return its line of the table, which ends with OK, or with what is the matter."""
    room, began = copy(module, own=own), time.perf_counter()
    mutmut = [python, ROOT / "scripts" / "mutmut_with_more.py"]
    with (room / "log.txt").open("w", encoding="utf-8") as log:
        done = subprocess.run([*mutmut, "run"], cwd=room, stdout=log, stderr=subprocess.STDOUT, check=False)
    seconds = time.perf_counter() - began
    results = subprocess.run([*mutmut, "results", "--all", "1"], cwd=room, capture_output=True, text=True, check=False)
    ends = dict(line.strip().split(": ") for line in results.stdout.splitlines())
    if done.returncode or not ends or "not checked" in ends.values():
        return f"{module:22} could not be run: see {room.relative_to(ROOT)}/log.txt"
    kept, text = 0, ""
    for name, end in ends.items():
        if end in {"killed", "timeout"}:
            continue
        diff = subprocess.run([*mutmut, "show", name], cwd=room, capture_output=True, text=True, check=True).stdout
        known = explained(name, diff, page)
        kept += known
        text += "" if known else diff + "\n"
    (room / "survivors.txt").write_text(text, encoding="utf-8")
    ended = list(ends.values())
    killed, slow = ended.count("killed"), ended.count("timeout")
    left = len(ended) - killed - slow - kept
    verdict = "OK" if not left else f"{left} NOT NOTICED: {room.relative_to(ROOT)}/survivors.txt"
    return f"{module:22}{len(ended):9}{killed:9}{slow:10}{kept:11}{seconds:7.0f} s  {verdict}"


def main(arguments: list[str]) -> int:
    """Run over the modules and print the table; return the exit code."""
    modules = [argument for argument in arguments if argument != "--own"]
    known = sorted(path.stem for path in (ROOT / "resilience").glob("*.py") if decides(path))
    if unknown := set(modules) - set(known):
        print(f"no such module: {', '.join(sorted(unknown))}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    python = tool()
    print(f"{'module':22}{'mutants':>9}{'killed':>9}{'hung':>10}{'accepted':>11}{'took':>9}")
    lines = []
    for module in modules or known:
        lines.append(run(module, python, page, own="--own" in arguments))
        print(lines[-1], flush=True)
    if any("could not be run" in line for line in lines):
        return 2
    return int(not all(line.endswith("OK") for line in lines))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
