"""Whether a run may use the lab that is up, and what it is told where it may not."""

from pathlib import Path

import pytest

from chaos.engines.attached import AttachedEngine, AttachedLab, check_fits
from chaos.engines.state import LabState, only_run
from chaos.engines.state_file import seated
from chaos.engines.topology import Topology
from chaos.errors import LabAlreadyUp, ProcessFaultError
from chaos.scenario import Arm, Scenario
from chaos.victims import check_hurtable

NAIVE, PROTECTED = Arm(name="naive", profile="naive"), Arm(name="protected", profile="protected")


def up(*arms: Arm, ready: bool = True) -> LabState:
    """Return the state of a local lab with these arms."""
    return LabState(
        pid=1,
        started="x",
        mark="m",
        ready=ready,
        stays=True,
        log_dir="logs",
        arms=seated(arms),
        toxiproxy_url="http://t:1",
    )


@pytest.mark.parametrize("engine", [None, "local"])
def test_a_lab_with_the_same_arms_fits(engine: None) -> None:
    check_fits(up(NAIVE, PROTECTED), [NAIVE, PROTECTED], engine)


@pytest.mark.parametrize(
    ("arms", "said"),
    [
        ([PROTECTED, NAIVE], "this run needs the arms protected, naive"),
        ([NAIVE], "this run needs the arms naive:"),
        ([NAIVE, Arm(name="protected", profile="naive")], r"needs the arms naive, protected \(naive\)"),
        ([Arm(name="naive", profile="naive", handler="def"), PROTECTED], r"needs the arms naive \(def\), protected"),
    ],
)
def test_other_arms_do_not_fit_and_are_named(arms: list[Arm], said: str) -> None:
    """Another order, number, profile or handler would be another experiment."""
    with pytest.raises(LabAlreadyUp, match=f"the lab that is up has the arms naive, protected, and .*{said}.*lab down"):
        check_fits(up(NAIVE, PROTECTED), arms, None)


def test_a_lab_without_a_part_that_the_run_needs_does_not_fit() -> None:
    """A lab with more than is needed does."""
    with_events = up(NAIVE).model_copy(update={"parts": ("events",)})

    check_fits(with_events, [NAIVE], None)
    check_fits(with_events, [NAIVE], None, ["events"])
    with pytest.raises(
        LabAlreadyUp, match=r"runs without catalog \(mysql, catalog\), which this run needs: `lab down`"
    ):
        check_fits(with_events, [NAIVE], None, ["events", "catalog"])


def test_another_engine_than_the_one_asked_for_does_not_fit() -> None:
    with pytest.raises(LabAlreadyUp, match="runs on the engine local"):
        check_fits(up(NAIVE), [NAIVE], "compose")


def test_a_lab_that_is_still_starting_does_not_fit() -> None:
    with pytest.raises(LabAlreadyUp, match="still starting"):
        check_fits(up(NAIVE, ready=False), [NAIVE], None)


async def test_one_run_at_a_time(tmp_path: Path) -> None:
    """The second run is refused while the first has the lab, and not afterwards."""
    lines: list[str] = []
    second = AttachedEngine(tmp_path, up(NAIVE), Topology({}, (), {}), tmp_path / "logs", lines.append)

    with only_run(tmp_path), pytest.raises(LabAlreadyUp, match="a run goes on already"):
        await second.__aenter__()
    async with AttachedEngine(tmp_path, up(NAIVE), Topology({}, (), {}), tmp_path / "logs", lines.append) as lab:
        assert (lab.engine, lab.mark, lab.toxiproxy_url) == ("local", "m", "http://t:1")
    assert "stays up" in lines[0]


async def test_its_processes_are_another_labs_to_kill_and_to_pause() -> None:
    """One line says why and what to do instead, before a run has begun."""
    lab = AttachedLab(
        engine="local", mark="m", components=(), services=(), links=(), toxiproxy_url="", ready_s=0.0,
        state=up(NAIVE), root=Path(),
    )  # fmt: skip
    scenario = Scenario.model_validate(
        {
            "name": "killed", "question": "?", "arms": [NAIVE.model_dump()],
            "load": {"checkout_per_s": 1, "browse_per_s": 1}, "faults": [{"type": "kill", "services": ["orders"]}],
        }
    )  # fmt: skip

    with pytest.raises(
        ProcessFaultError, match=r"orders: the lab that is up belongs to another process \(pid 1\).*lab down"
    ):
        check_hurtable(scenario, lab)
    for harm in (lab.processes.kill, lab.processes.pause, lab.processes.resume, lab.processes.start_again):
        with pytest.raises(ProcessFaultError, match="orders-a: the lab that is up belongs to another process"):
            await harm("orders-a")
    check_hurtable(scenario.model_copy(update={"faults": ()}), lab)
