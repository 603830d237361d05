"""Locust's command lines, the lines of a summary, and whom a lab that is up lets be asked."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from chaos.doors import Door, door_of, doors
from chaos.engines.state import ChildState, LabState
from chaos.errors import UsageError
from chaos.locust_words import Wanted, headless, master, summary_lines, targets, web, worker, written

NAIVE = Door("naive", "http://127.0.0.1:18100", "http://127.0.0.1:18120", "async")
GUARDED = Door("protected", "http://127.0.0.1:18200", "http://127.0.0.1:18220", "def")
FOUND = {"naive": NAIVE, "protected": GUARDED}
OPEN = Wanted(30, 40, None, "steady", 7)


def child(name: str, arm: str | None, port: int) -> ChildState:
    return ChildState(name=name, pid=1, started="x", orphan_signal="SIGTERM", arm=arm, url=f"http://127.0.0.1:{port}")


def state(*children: ChildState) -> LabState:
    return LabState(pid=1, started="x", mark="m", ready=True, log_dir="logs", children=children)


def test_the_doors_of_a_lab_are_its_gateways_and_inventories() -> None:
    found = doors(
        state(
            child("relay", None, 18090),
            child("inventory-a", "naive", 18120), child("gateway-a", "naive", 18100),
            child("inventory-b", "protected", 18220), child("gateway-b", "protected", 18200),
        )
    )  # fmt: skip

    assert found == {
        "naive": NAIVE,
        "protected": Door("protected", "http://127.0.0.1:18200", "http://127.0.0.1:18220", "async"),
    }


def test_an_arm_that_is_named_after_a_handler_has_it() -> None:
    found = doors(state(*(child(f"inventory-{slot}", arm, 18120) for slot, arm in (("a", "def"), ("b", "blocking")))))

    assert {door.arm: door.handler for door in found.values()} == {"def": "def", "blocking": "blocking"}


@dataclass
class Arm:
    name: str
    handler: str


@dataclass
class ComposeState:
    """A lab whose processes are not its children; it says its arms in the order of their slots."""

    arms: tuple[Arm | str, ...]
    children: tuple[ChildState, ...] = ()


def test_a_lab_without_children_is_asked_at_the_ports_of_its_slots() -> None:
    arms = (Arm("naive", "async"), Arm("protected", "def"))

    assert doors(cast("LabState", ComposeState(arms))) == FOUND
    assert doors(cast("LabState", ComposeState(("naive",)))) == {"naive": NAIVE}


def test_a_lab_without_arms_has_nobody_to_ask() -> None:
    with pytest.raises(UsageError, match="no arm to ask"):
        doors(state(child("relay", None, 18090)))


def test_the_protected_arm_is_asked_unless_another_is_named() -> None:
    assert door_of(FOUND, None) is GUARDED
    assert door_of(FOUND, "naive") is NAIVE
    assert door_of({"naive": NAIVE}, None) is NAIVE


def test_an_unknown_arm_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="did you mean 'protected'"):
        door_of(FOUND, "protectd")


@pytest.mark.parametrize(
    ("wanted", "classes"),
    [
        (OPEN, ("OpenArrivals",)),
        (Wanted(30, None, 20, "steady", 7), ("Browsing", "Buying")),
        (Wanted(30, 40, 20, "steady", 7), ("PacedBrowsing",)),
        (Wanted(30, None, 20, "steady", 7, ("DefHandler",)), ("DefHandler",)),
    ],
)
def test_users_and_rate_say_which_customers_come(wanted: Wanted, classes: tuple[str, ...]) -> None:
    assert wanted.user_classes == classes


def test_a_command_line_names_the_target_every_arm_and_the_relay() -> None:
    words = targets(FOUND, GUARDED)

    assert words[words.index("--host") + 1] == GUARDED.gateway
    assert words[words.index("--arms") + 1] == "naive=http://127.0.0.1:18100,protected=http://127.0.0.1:18200"
    assert words[words.index("--inventories") + 1] == "async=http://127.0.0.1:18120,def=http://127.0.0.1:18220"
    assert words[words.index("--relay") + 1] == "http://127.0.0.1:18090"


def test_of_two_inventories_of_a_kind_the_one_under_test_is_asked() -> None:
    twin = Door("twin", "http://127.0.0.1:18300", "http://127.0.0.1:18320", "async")
    words = targets({**FOUND, "twin": twin}, NAIVE)

    assert f"async={NAIVE.inventory}" in words[words.index("--inventories") + 1]


def test_open_arrivals_have_one_user_a_process() -> None:
    for processes in (1, 3):
        words = headless(OPEN, Path("f"), processes)
        assert words[words.index("--users") + 1] == str(processes)
    words = headless(Wanted(30, None, 20, "steady", 7), Path("f"), 3)
    assert words[words.index("--users") + 1] == "20"
    assert "--rate" not in words


def test_nothing_of_it_listens_beyond_this_machine() -> None:
    assert web(8089)[:2] == ["--web-host", "127.0.0.1"]
    assert master(5000, 2, 20)[1:3] == ["--master-bind-host", "127.0.0.1"]
    assert worker(5000)[1:3] == ["--master-host", "127.0.0.1"]


SUMMARY = {
    "arm": "protected", "late_s": 0.01, "offered": 1203, "sent": 1200, "late": 2, "skipped": 3,
    "outcomes": {"answered": 1190, "refused": 7, "failed": 0, "gave_up": 1}, "p50_ms": 3.67, "p95_ms": 12.2,
    "p99_ms": None,
}  # fmt: skip


def test_a_summary_says_what_was_sent_how_it_ended_and_from_when_it_counts() -> None:
    assert list(summary_lines(SUMMARY, OPEN, "http://127.0.0.1:18200")) == [
        "load     protected http://127.0.0.1:18200, open arrivals 40/s for 30 s, seed 7",
        "sent     1,200 of 1,203 offered, 2 late (> 10 ms), 3 skipped",
        "ended    1,190 answered, 7 refused, 0 failed, 1 gave up, 2 cut off by the end",
        "latency  p50 3.7 ms, p95 12 ms, p99 -, from the intended instant",
    ]


@pytest.mark.parametrize(
    ("knee", "words"),
    [(None, "knee     none up to 400/s"), (181.4, "knee     about 181/s: from there on fewer than 90 % were in time")],
)
def test_a_ramp_says_where_its_knee_is(knee: float | None, words: str) -> None:
    ramp = Wanted(30, 400, None, "ramp", 7)

    assert list(summary_lines({**SUMMARY, "knee_per_s": knee}, ramp, "http://h:1"))[-1].startswith(words)


def test_users_who_wait_have_no_intended_instant() -> None:
    lines = list(summary_lines(SUMMARY, Wanted(30, None, 20, "ramp", 7), "http://127.0.0.1:18200"))

    assert lines[0].endswith("20 users who wait, ramp for 30 s, seed 7")
    assert lines[-1].endswith("from the sending, by users who wait")


def test_the_files_are_named_with_the_report_first(tmp_path: Path) -> None:
    for name in ("locust.html", "summary.json", "locust_stats.csv"):
        (tmp_path / name).touch()
    (tmp_path / "logs").mkdir()

    assert list(written(tmp_path, "runs/load/x")) == [
        "report   runs/load/x/locust.html",
        "files    runs/load/x/: locust_stats.csv, summary.json",
    ]
