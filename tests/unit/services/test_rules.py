"""Rules of this room that no type checker sees."""

import inspect
import re
from pathlib import Path

import services
from services.common import errors

ROOM = Path(str(services.__file__)).parent
MODULES = sorted(ROOM.glob("*/*.py"))


def test_only_upstreams_call_through_a_pipeline() -> None:
    """A second pipeline around the first would multiply retries, so there is one place where calls are wrapped.

    Where that does not fit into one module, the others are called after it.
    """
    wrapping = {path.name for path in MODULES if "pipeline.call(" in path.read_text()}

    assert "upstreams.py" in wrapping
    assert {name for name in wrapping if not name.startswith("upstreams")} == set()


def test_every_link_of_a_service_is_named_after_it() -> None:
    """A service's settings name exactly the links that its upstreams build, and all of them begin with its name."""
    for path in ROOM.glob("*/upstreams.py"):
        service = path.parent.name
        built = set(re.findall(r'kit\.pipeline\(\s*"(\w+)"', path.read_text()))
        read = set(re.findall(rf'"({service}_to_\w+)"', (path.parent / "settings.py").read_text()))
        assert built == read
        assert built


def test_the_drawn_tree_of_errors_is_the_tree() -> None:
    """The drawing at the top of errors.py lists every error, in its place."""
    drawn = re.findall(r"^    (\+-- )?(\w+Error)\b", str(errors.__doc__), flags=re.MULTILINE)
    children = [cls.__name__ for cls in errors.DependencyError.__subclasses__()]

    assert drawn == [("", "DependencyError"), *(("+-- ", name) for name in children)]
    known = {name for name, member in inspect.getmembers(errors, inspect.isclass) if issubclass(member, Exception)}
    assert known == {"DependencyError", *children}


def test_only_failures_count_against_a_dependency() -> None:
    """A refusal is an answer; so is everything that is no error of the dependency at all."""
    counted = [
        errors.DependencyDownError("x", ""),
        errors.DependencyTimeoutError("x", ""),
        errors.DependencyBrokenError("x", ""),
    ]
    assert all(errors.counts_against(error) for error in counted)
    assert not errors.counts_against(errors.DependencyRefusedError("x", 1))
    assert not errors.counts_against(ValueError())
