"""The series that moved: which of them, whose, and what they were."""

from chaos.report.moved import moved_series
from chaos.report.recorded import Series
from chaos.run import Run


def series(service: str, arm: str, name: str, values: tuple[float, float], labels: dict[str, str]) -> Series:
    return Series(service, arm, name, labels, ((0.0, values[0]), (1.0, values[1])))


def test_only_what_moved_is_listed(slow: Run) -> None:
    """A series that stood still is counted."""
    moved, still = moved_series(
        [series("bank", "naive", "db_pool_used", (0, 2), {}), series("bank", "naive", "db_pool_size", (3, 3), {})], slow
    )

    assert ([one.name for one in moved], still) == (["db_pool_used"], 1)


def test_a_series_of_the_relay_belongs_to_the_arm_of_its_label(slow: Run) -> None:
    """What processes pushed comes from a service that all arms share; its label says whose it is."""
    arms = ("naive", "protected")
    pushed = [series("relay", "", "load_in_flight", (0, 2), {"arm": arm, "source": "run"}) for arm in arms]

    moved, _ = moved_series(pushed, slow)

    assert [(one.service, one.arm, one.name) for one in moved] == [
        ("relay", "naive", "load_in_flight {source=run}"),
        ("relay", "protected", "load_in_flight {source=run}"),
    ]
