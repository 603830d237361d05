"""A soak's runs, drawn from their seeds, and the words at its end."""

from pathlib import Path

import pytest

from chaos.scenario.file import load_scenario
from chaos.soak.command import SCENARIO
from chaos.soak.plan import BASELINE_S, DOWN_MS, VICTIMS, kill_of

ROOT = Path(__file__).resolve().parents[3]


def test_each_round_has_every_victim_once_and_the_rest_is_drawn() -> None:
    kills = [kill_of(seed) for seed in range(40)]

    for first in range(0, 40, len(VICTIMS)):
        assert {kill.victim for kill in kills[first : first + len(VICTIMS)]} == set(VICTIMS)
    assert all(BASELINE_S[0] <= kill.baseline_s <= BASELINE_S[1] for kill in kills)
    assert all(DOWN_MS[0] <= kill.down_ms <= DOWN_MS[1] for kill in kills)
    assert len({kill.down_ms for kill in kills}) > 30
    assert kills == [kill_of(seed) for seed in range(40)]
    assert len({tuple(kill.victim for kill in kills[at : at + 4]) for at in range(0, 40, 4)}) > 3


@pytest.mark.parametrize("seed", range(8))
def test_every_run_is_a_valid_scenario(seed: int) -> None:
    kill = kill_of(seed)
    scenario = load_scenario(SCENARIO, root=ROOT, sets=kill.sets)

    (fault,) = scenario.faults
    assert fault.targets == (kill.victim,)
    assert scenario.phases.baseline_s == kill.baseline_s
