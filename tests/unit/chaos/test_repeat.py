"""The line with which the same is asked again."""

from argparse import Namespace

import pytest

from chaos.commands import repeat_of


@pytest.mark.parametrize(
    ("asked", "env", "line"),
    [
        ({}, {}, "make scenario-slow-db SEED=7"),
        ({"engine": "compose"}, {"PATH": "x"}, "ENGINE=compose make scenario-slow-db SEED=7"),
        ({}, {"LAB_KAFKA": "tansu", "LAB_WATCH": "0"}, "LAB_KAFKA=tansu make scenario-slow-db SEED=7"),
        (
            {"arms": "protected,naive", "sets": ["faults=[]"]},
            {"LAB_TOXIPROXY": "my toxiproxy"},
            "LAB_TOXIPROXY='my toxiproxy' lab run slow-db --seed 7 --arms protected,naive --set 'faults=[]'",
        ),
        ({"name": "my/own.yaml"}, {"LAB_TOXIPROXY": ""}, "lab run my/own.yaml --seed 7"),
    ],
)
def test_it_has_all_that_was_chosen(asked: dict[str, object], env: dict[str, str], line: str) -> None:
    options = {"name": "slow-db", "seed": 7, "engine": None, "arms": None, "sets": [], **asked}

    assert repeat_of(Namespace(**options), env) == line
