"""load.json: a file that cannot be used is refused in one line that names the field."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtests.plan import Plan, PlanError, read_plan

Write = Callable[[object], Path]

GOOD: dict[str, object] = {
    "seed": 7,
    "arms": {"naive": "http://127.0.0.1:18100", "protected": "http://127.0.0.1:18200"},
    "checkout_per_s": 40,
    "browse_per_s": 80.5,
    "repeat_share": 0.05,
    "in_time_s": 1.0,
    "patience_s": 5,
    "max_in_flight": 2000,
    "duration_s": 63.0,
    "records": "requests.csv",
    "ready": "load.ready",
    "go": "load.go",
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: object) -> Path:
        path = tmp_path / "load.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def test_a_good_file_becomes_a_plan(write: Write) -> None:
    plan = read_plan(write(GOOD))

    assert plan == Plan(
        seed=7,
        arms={"naive": "http://127.0.0.1:18100", "protected": "http://127.0.0.1:18200"},
        checkout_per_s=40.0,
        browse_per_s=80.5,
        repeat_share=0.05,
        in_time_s=1.0,
        patience_s=5.0,
        max_in_flight=2000,
        duration_s=63.0,
        records=Path("requests.csv"),
        ready=Path("load.ready"),
        go=Path("load.go"),
    )


@pytest.mark.parametrize("field", sorted(GOOD))
def test_a_missing_field_is_named(write: Write, field: str) -> None:
    path = write({name: value for name, value in GOOD.items() if name != field})

    with pytest.raises(PlanError) as refused:
        read_plan(path)

    assert str(refused.value) == f"{path}: field '{field}' is missing"


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("seed", 1.5, "a whole number"),
        ("seed", True, "a whole number"),
        ("arms", {}, "an object of at least one name and URL"),
        ("arms", ["naive"], "an object of at least one name and URL"),
        ("checkout_per_s", -1, "a number >= 0"),
        ("checkout_per_s", "40", "a number >= 0"),
        ("browse_per_s", float("nan"), "a number >= 0"),
        ("browse_per_s", float("inf"), "a number >= 0"),
        ("browse_per_s", None, "a number >= 0"),
        ("repeat_share", -0.1, "a number from 0 to 1"),
        ("repeat_share", 1.5, "a number from 0 to 1"),
        ("repeat_share", float("nan"), "a number from 0 to 1"),
        ("repeat_share", True, "a number from 0 to 1"),
        ("repeat_share", "5 %", "a number from 0 to 1"),
        ("in_time_s", 0, "a number > 0"),
        ("patience_s", 0, "a number > 0"),
        ("max_in_flight", 0, "a whole number >= 1"),
        ("max_in_flight", 2.0, "a whole number >= 1"),
        ("duration_s", False, "a number >= 0"),
        ("records", "", "a path"),
        ("go", 3, "a path"),
    ],
)
def test_a_field_that_cannot_be_used_is_named_with_its_value_and_bound(
    write: Write, field: str, value: object, wanted: str
) -> None:
    path = write({**GOOD, field: value})

    with pytest.raises(PlanError) as refused:
        read_plan(path)

    assert str(refused.value) == f"{path}: field '{field}' must be {wanted}, is {value!r}"


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:18100", "https://127.0.0.1:18100", "http://127.0.0.1", "http://:80", "http://h:x", "http://h:1/a", 3],
)
def test_an_arm_without_a_base_url_is_named(write: Write, url: object) -> None:
    path = write({**GOOD, "arms": {"naive": url}})

    with pytest.raises(PlanError, match=r"field 'arms\.naive' must be http://host:port"):
        read_plan(path)


def test_a_relay_may_be_named(write: Write) -> None:
    assert read_plan(write(GOOD)).relay is None
    assert read_plan(write({**GOOD, "relay": None})).relay is None
    assert read_plan(write({**GOOD, "relay": "http://127.0.0.1:18090"})).relay == "http://127.0.0.1:18090"


@pytest.mark.parametrize("relay", ["127.0.0.1:18090", "", 5, "http://127.0.0.1:18090/sources"])
def test_a_relay_without_a_base_url_is_refused(write: Write, relay: object) -> None:
    with pytest.raises(PlanError, match=r"field 'relay' must be http://host:port"):
        read_plan(write({**GOOD, "relay": relay}))


def test_an_unknown_field_is_refused(write: Write) -> None:
    with pytest.raises(PlanError, match="unknown field 'patience'"):
        read_plan(write({**GOOD, "patience": 5}))


@pytest.mark.parametrize(("content", "why"), [("{", "not JSON"), ("[]", "must be an object, is a list")])
def test_what_is_no_json_object_is_refused(write: Write, content: str, why: str) -> None:
    with pytest.raises(PlanError, match=why):
        read_plan(write(content))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="No such file"):
        read_plan(tmp_path / "load.json")
