"""Time and chance are parameters: a policy on a fake clock must be the policy of the service.

Only resilience/clock.py asks the machine what time it is, or for a random number. `random.Random` stays allowed as a
type and as `Random(seed)`: a generator that is passed in, or whose seed is given, repeats. loadtests/ imports nothing
of ours, so it cannot take the clock and is outside this rule.
"""

import ast

import pytest

# path: why it may.
ALLOWED = {
    "resilience/clock.py": "it is the door",
    "chaos/engines/sweep.py": "the last kill waits without an event loop, for whose end would interrupt it",
}


def touches(node: ast.AST) -> bool:
    """Tell whether a node asks the machine for time or chance."""
    match node:
        case ast.Import(names=names):
            return any(name.name == "time" or (name.name == "random" and name.asname is not None) for name in names)
        case ast.ImportFrom(module=module, names=names):
            return module == "time" or (module == "random" and any(name.name != "Random" for name in names))
        case ast.Attribute(value=ast.Name(id="random"), attr=attribute):
            return attribute != "Random"
        case ast.Attribute(value=ast.Name(id="datetime" | "date"), attr=attribute):
            return attribute in {"now", "utcnow", "today"}
        case ast.Call(func=ast.Attribute(attr=called) | ast.Name(id=called), args=[], keywords=[]):
            return called in {"Random", "default_rng"}
    return False


def offences(path: str, text: str) -> list[str]:
    """Return each use of the machine's time or chance, with its line."""
    return [
        f"{path}:{getattr(node, 'lineno', 0)}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(text))
        if touches(node)
    ]


def test_only_the_clock_asks_the_machine(code: dict[str, str]) -> None:
    found = [
        offence
        for path, text in code.items()
        if path not in ALLOWED and not path.startswith("loadtests/")
        for offence in offences(path, text)
    ]

    assert not found, "\n".join(found)


def test_what_is_allowed_is_needed(code: dict[str, str]) -> None:
    assert [path for path in ALLOWED if not offences(path, code[path])] == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "from time import monotonic",
        "from random import choice",
        "import random as chance",
        "import random\nrandom.random()",
        "import random\nrandom.Random()",
        "datetime.now(UTC)",
        "numpy.random.default_rng()",
    ],
)
def test_time_or_chance_from_the_machine_is_an_offence(text: str) -> None:
    assert len(offences("chaos/x.py", text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "import random\ndef wait_s(rng: random.Random) -> float: return rng.random()",
        "from random import Random\nRandom(seed)",
        "numpy.random.default_rng(seed)",
        "datetime.fromtimestamp(clock.wall(), UTC)",
    ],
)
def test_a_generator_or_clock_that_is_passed_in_is_none(text: str) -> None:
    assert offences("chaos/x.py", text) == []
