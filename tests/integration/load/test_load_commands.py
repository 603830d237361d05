"""`lab load` and `lab locust` against a lab that is up, and that nothing of them is left behind."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaos.cli import main
from chaos.engines.adoption import setpriv
from chaos.engines.ports import is_free
from loadtests.open_schedule import open_arrivals
from tests.integration.load.gateway import gateway, mute, prompt
from tests.integration.load.generator import eventually
from tests.integration.load.locusts import left_of, pretend_lab, run
from tests.ports import free_port

pytestmark = pytest.mark.integration


def lab(root: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "chaos", "--root", str(root), "--runs", str(root / "runs"), *words]


@asynccontextmanager
async def started(root: Path, *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start `lab WORDS`; it is gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        *lab(root, *words), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_load_ends_with_its_figures_and_locusts_files(tmp_path: Path) -> None:
    async with gateway(prompt) as naive, gateway(prompt) as protected:
        state = pretend_lab(tmp_path, naive=naive.url, protected=protected.url)
        code, said = await run(*lab(tmp_path, "load", "--rate", "40", "--duration", "2"))

    assert code == 0, said
    assert naive.asked == []
    told = json.loads((tmp_path / "runs" / "load" / "latest" / "summary.json").read_text())
    assert told["arm"] == "protected"
    assert told["sent"] == len(protected.asked) > 40
    assert f"sent     {told['sent']} of {told['sent']} offered" in said
    assert "from the intended instant" in said
    (folder,) = (path for path in (tmp_path / "runs" / "load").iterdir() if path.name != "latest")
    assert {path.name for path in folder.iterdir()} == {
        "locust.html", "locust_exceptions.csv", "locust_failures.csv", "locust_stats.csv", "locust_stats_history.csv",
        "logs", "summary.json",
    }  # fmt: skip
    assert left_of(state) == set()


async def test_workers_carry_a_load_together_to_the_arm_that_is_named(tmp_path: Path) -> None:
    async with gateway(prompt) as naive, gateway(prompt) as protected:
        state = pretend_lab(tmp_path, naive=naive.url, protected=protected.url)
        words = ("load", "--rate", "40", "--duration", "2", "--arm", "naive", "--workers", "2")
        code, said = await run(*lab(tmp_path, *words))

    assert code == 0, said
    assert protected.asked == []
    told = json.loads((tmp_path / "runs" / "load" / "latest" / "summary.json").read_text())
    assert (told["arm"], told["sent"], told["outcomes"]["answered"]) == ("naive", len(naive.asked), len(naive.asked))
    # Each has its own seed and its part of the rate.
    assert told["sent"] == sum(
        len(list(open_arrivals(f"7/{index}", 20, "steady", 2, 0.33, key="k"))) for index in range(2)
    )
    keys = [key for _, _, key, _ in naive.asked if key]
    assert len(set(keys)) == len(keys) > 10
    logs = {path.name for path in (tmp_path / "runs" / "load" / "latest" / "logs").iterdir()}
    assert logs == {"locust.log", "worker-1.log", "worker-2.log"}
    assert left_of(state) == set()


async def test_a_shop_that_fails_is_a_result_and_no_error(tmp_path: Path) -> None:
    async with gateway(mute) as shop:
        pretend_lab(tmp_path, naive=shop.url)
        await shop.close()
        code, said = await run(*lab(tmp_path, "load", "--users", "3", "--duration", "1"))

    assert code == 0, said
    assert "0 answered" in said
    assert "3 users who wait" in said


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (("load", "--duration", "60", "--workers", "2"), signal.SIGINT),
        (("locust", "--port", "0"), signal.SIGINT),
        (("locust", "--port", "0"), signal.SIGTERM),
    ],
)
async def test_a_signal_ends_it_and_all_that_it_started(
    tmp_path: Path, words: tuple[str, ...], number: signal.Signals
) -> None:
    words = tuple(str(free_port()) if word == "0" else word for word in words)
    async with gateway(prompt) as shop:
        state = pretend_lab(tmp_path, naive=shop.url)
        async with started(tmp_path, *words) as process:
            await eventually(lambda: bool(shop.asked) or ("locust" in words and not is_free(int(words[-1]))))
            process.send_signal(number)
            async with asyncio.timeout(20):
                said, _ = await process.communicate()

    assert process.returncode == 128 + number
    assert f"stopped by {number.name}; nothing is left running" in said.decode()
    assert left_of(state) == set()


@pytest.mark.skipif(setpriv() is None, reason="this platform has no death signal")
async def test_a_killed_command_takes_its_locusts_along(tmp_path: Path) -> None:
    async with gateway(prompt) as shop:
        state = pretend_lab(tmp_path, naive=shop.url)
        async with started(tmp_path, "load", "--duration", "60", "--workers", "2") as process:
            await eventually(lambda: bool(shop.asked))
            assert len(left_of(state)) == 3
            process.kill()
            await process.wait()
            await eventually(lambda: not left_of(state))


async def test_a_locust_that_ends_by_itself_is_told_with_its_last_lines(tmp_path: Path) -> None:
    async with gateway(prompt) as shop:
        state = pretend_lab(tmp_path, naive=shop.url)
        async with started(tmp_path, "load", "--duration", "60") as process:
            await eventually(lambda: bool(shop.asked))
            (locust,) = left_of(state)
            os.kill(locust, signal.SIGKILL)
            async with asyncio.timeout(20):
                said, _ = await process.communicate()

    assert process.returncode == 3
    assert "Locust ended with exit code -9" in said.decode()


async def test_locust_ends_with_the_lab_that_it_asks(tmp_path: Path) -> None:
    port = free_port()
    async with gateway(prompt) as shop:
        state = pretend_lab(tmp_path, naive=shop.url)
        async with started(tmp_path, "locust", "--port", str(port)) as process:
            await eventually(lambda: not is_free(port))
            code, another = await run(*lab(tmp_path, "locust", "--port", str(port)))
            assert code == 3
            assert f"a Locust is there already: http://127.0.0.1:{port}" in another
            # What the lab's own end does to everything that carries its mark.
            (tmp_path / ".lab" / "state.json").unlink()
            for pid in left_of(state):
                os.kill(pid, signal.SIGKILL)
            async with asyncio.timeout(20):
                said, _ = await process.communicate()

    assert process.returncode == 3
    assert "the lab went down, and Locust with it" in said.decode()


def test_a_port_that_is_taken_is_named_with_its_holder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pretend_lab(tmp_path, naive="http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(lab(tmp_path, "locust", "--port", str(port))[3:]) == 3

    said = capsys.readouterr().err
    assert f"port {port}, wanted by Locust's web UI" in said
    assert str(os.getpid()) in said


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("load", "--rate", "5000"), "'5000' must be a number from 0.1 to 1000"),
        (("load", "--rate", "fast"), "'fast' must be a number from 0.1 to 1000"),
        (("load", "--rate", "nan"), "'nan' must be a number"),
        (("load", "--duration", "7200"), "'7200' must be a number from 1 to 3600"),
        (("load", "--users", "0"), "'0' must be a whole number from 1 to 2000"),
        (("load", "--users", "2.5"), "'2.5' must be a whole number"),
        (("load", "--workers", "99"), "'99' must be a whole number from 1 to 8"),
        (("load", "--shape", "round"), "invalid choice: 'round'"),
        (("load", "--class", "DefHandler"), "say how many with --users"),
        (("load", "--class", "DefHandler", "--users", "3"), "no inventory of this lab has def handlers"),
        (("load", "--class", "OpenArrivals", "--users", "3"), "no number of users"),
        (("load", "--arm", "protectd"), "did you mean 'protected'?"),
        (("locust", "--arm", "navie"), "did you mean 'naive'?"),
        (("locust", "--port", "0"), "'0' must be a whole number from 1 to 65535"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    pretend_lab(tmp_path, naive="http://127.0.0.1:1", protected="http://127.0.0.1:2")

    assert main(lab(tmp_path, *words)[3:]) == 3

    assert why in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("command", ["load", "locust"])
def test_without_a_lab_it_says_how_to_start_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    pretend_lab(tmp_path, naive="http://127.0.0.1:1")
    (tmp_path / ".lab" / "state.json").unlink()

    assert main(lab(tmp_path, command)[3:]) == 3

    assert capsys.readouterr().err.strip() == "lab: no lab is up, so there is nobody to ask: `make up` starts one"
