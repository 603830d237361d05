"""The file that the load generator is started with, read back by the generator's own reader."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from chaos.recording.load import LoadPlan, LoadProcess, ProcessLike
from chaos.scenario import Load
from loadtests.plan import read_plan


class Ended:
    """A process that has come to its end already."""

    pid = 1
    returncode = 0

    async def wait(self) -> int:
        return 0

    def terminate(self) -> None:
        """Do nothing."""

    def kill(self) -> None:
        """Do nothing."""


async def start(argv: Sequence[str], env: Mapping[str, str], log: Path) -> ProcessLike:
    return Ended()


@pytest.mark.parametrize("relay", [None, "http://127.0.0.1:18090"])
async def test_the_generator_is_told_where_the_relay_is(tmp_path: Path, relay: str | None) -> None:
    """The field is there where there is a relay, and absent where there is none."""
    plan = LoadPlan(7, {"naive": "http://127.0.0.1:18100"}, Load(checkout_per_s=1, browse_per_s=1), 10.0, relay)

    async with LoadProcess(plan, root=tmp_path, folder=tmp_path, log=tmp_path / "log", mark="m", start=start):
        text = (tmp_path / "load.json").read_text()

    assert ('"relay"' in text) is (relay is not None)
    assert read_plan(tmp_path / "load.json").relay == relay
