"""How a load process begins, ends and fails."""

import asyncio
import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil
import pytest
from aiohttp import web

from chaos.engines.adoption import setpriv
from chaos.engines.leftovers import clean_leftovers
from chaos.engines.liveness import Identity
from chaos.engines.state import LabState, write_state
from chaos.errors import LoadFailed
from chaos.recording.load import LoadPlan, LoadProcess, ProcessLike, start_process
from chaos.records import read_requests
from chaos.scenario import Load
from resilience.clock import SystemClock
from tests.integration.load.gateway import gateway, mute, prompt
from tests.integration.load.generator import MARK, ROOT, eventually, load_process, sending, soon

pytestmark = pytest.mark.integration

LOAD = Load(checkout_per_s=20, browse_per_s=40, in_time_s=0.3, patience_s=0.5, max_in_flight=200)
LONG_S = 60.0


def program_in(folder: Path, code: str) -> LoadProcess:
    """Return a load process whose program is not Locust but `code`."""

    async def start(_: Sequence[str], env: Mapping[str, str], log: Path) -> ProcessLike:
        return await start_process([sys.executable, "-c", code], env, log)

    plan = LoadPlan(seed=1, arms={"naive": "http://127.0.0.1:1"}, load=LOAD, duration_s=1)
    return LoadProcess(plan, root=ROOT, folder=folder, log=folder / "locust.log", mark=MARK, start=start)


def running(process: LoadProcess) -> psutil.Process:
    assert isinstance(process._process, asyncio.subprocess.Process)
    return psutil.Process(process._process.pid)


async def test_what_is_too_much_in_flight_is_skipped_and_counted(tmp_path: Path) -> None:
    load = LOAD.model_copy(update={"max_in_flight": 2})
    async with sending(tmp_path, {"mute": mute, "prompt": prompt}, load, 2.0) as run:
        scheduled = await run.process.ready()
        await run.go()
        await run.process.wait_done(20)

    outcomes = [row.outcome for row in run.rows() if row.arm == "mute"]
    assert len(outcomes) == scheduled
    assert set(outcomes) == {"gave_up", "skipped"}
    # Two at a time, each for 0.5 s, in 2 s; and the ones that were under way at the end.
    assert outcomes.count("gave_up") <= 10
    assert {row.status for row in run.rows() if row.outcome == "skipped"} == {0}


async def test_one_arm_that_is_full_takes_nothing_from_the_other(tmp_path: Path) -> None:
    load = LOAD.model_copy(update={"max_in_flight": 20, "patience_s": 2.0})
    async with sending(tmp_path, {"mute": mute, "prompt": prompt}, load, 1.5) as run:
        await run.go()
        await run.process.wait_done(20)

    assert any(row.outcome == "skipped" for row in run.rows() if row.arm == "mute")
    assert {row.outcome for row in run.rows() if row.arm == "prompt"} == {"answered"}


async def test_a_gateway_that_goes_away_fails_its_customers_and_not_the_run(tmp_path: Path) -> None:
    async with sending(tmp_path, {"naive": prompt}, LOAD, 2.0) as run:
        scheduled = await run.process.ready()
        await run.go()
        await eventually(lambda: bool(run.process.tail.read()))
        await run.gateways["naive"].close()
        await run.process.wait_done(20)

    rows = run.rows()
    assert len(rows) == scheduled
    assert {(row.outcome, row.status) for row in rows if row.outcome != "answered"} == {("failed", 0)}
    assert rows[-1].outcome == "failed"


async def test_a_shop_that_makes_two_orders_of_one_key_is_seen_in_the_rows(tmp_path: Path) -> None:
    numbers = itertools.count()

    async def doubling(request: web.Request) -> web.Response:
        return web.json_response({"order_id": f"order-{next(numbers)}"}, status=201)

    load = LOAD.model_copy(update={"browse_per_s": 0.0, "repeat_share": 1.0})
    async with sending(tmp_path, {"doubling": doubling, "prompt": prompt}, load, 2.5) as run:
        await run.go()
        await run.process.wait_done(20)

    orders: dict[str, dict[str, list[str]]] = {"doubling": {}, "prompt": {}}
    for row in run.rows():
        assert row.outcome == "answered"
        orders[row.arm].setdefault(row.key, []).append(row.order_id)
    twice = {arm: [ids for ids in of_key.values() if len(ids) == 2] for arm, of_key in orders.items()}
    assert len(twice["doubling"]) == len(twice["prompt"]) > 10
    assert all(first != again for first, again in twice["doubling"])
    assert all(first == again for first, again in twice["prompt"])


SAID: dict[str, tuple[bytes, str]] = {
    "length": (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "answered"),
    "close": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}", "answered"),
    "chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "answered"),
    "short": (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", "failed"),
    "half-chunked": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "failed"),
    "half-head": (b"HTTP/1.1 200 OK\r\nConte", "failed"),
    "alien": (b"SSH-2.0-something else\r\n", "failed"),
    "silent": (b"", "failed"),
}


async def test_a_generator_that_is_late_adds_its_lag_to_what_the_customer_waited(tmp_path: Path) -> None:
    async with sending(tmp_path, {"naive": prompt}, LOAD, 1.0) as run:
        await run.process.ready()
        # The first half second of the schedule has passed before it begins.
        run.process.go(SystemClock().wall() - 0.5)
        await run.process.wait_done(20)

    late = [row for row in run.rows() if row.intended_s < 0.3]
    assert len(late) > 5
    assert {row.outcome for row in late} <= {"answered", "gave_up"}
    for row in late:
        assert row.lag_ms >= 150
        assert row.latency_ms > row.lag_ms or row.outcome == "gave_up"


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[str]:
    """Run a server that closes the connection after what it has to say, and yield its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        health = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
        writer.write(health if b"/healthz" in request else answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield "http://{}:{}".format(*server.sockets[0].getsockname())


async def test_an_answer_counts_when_it_is_whole(tmp_path: Path) -> None:
    load = LOAD.model_copy(update={"checkout_per_s": 0.0})
    async with AsyncExitStack() as stack:
        arms = {arm: await stack.enter_async_context(saying(answer)) for arm, (answer, _) in SAID.items()}
        process = await stack.enter_async_context(load_process(tmp_path, arms, load, 0.5))
        await process.ready()
        process.go(soon())
        await process.wait_done(20)
        rows = process.tail.read()

    outcomes = {arm: {row.outcome for row in rows if row.arm == arm} for arm in SAID}
    assert outcomes == {arm: {outcome} for arm, (_, outcome) in SAID.items()}


async def test_sigterm_ends_a_run_at_once_and_keeps_its_rows(tmp_path: Path) -> None:
    async with sending(tmp_path, {"naive": prompt}, LOAD, LONG_S) as run:
        await run.go()
        read = 0
        while read < 20:
            await asyncio.sleep(0.05)
            read += len(run.process.tail.read())
        child = running(run.process)
        await run.process.stop()

        assert run.process._process is not None
        assert run.process._process.returncode not in (None, -9)
        assert not child.is_running()
    assert len(run.rows()) >= read


async def test_sigterm_writes_the_rows_that_still_wait_in_memory(tmp_path: Path) -> None:
    """The generator here never flushes of itself, so every row of the file is written on the way out."""

    async def start(argv: Sequence[str], env: Mapping[str, str], log: Path) -> ProcessLike:
        _python, _dash_m, _locust, *options = argv
        code = (
            "import runpy, sys, loadtests.rows\n"
            "loadtests.rows.FLUSH_S = 3600.0\n"
            f"sys.argv = ['locust', *{options!r}]\n"
            "runpy.run_module('locust', run_name='__main__', alter_sys=True)\n"
        )
        return await start_process([sys.executable, "-c", code], env, log)

    async with gateway(prompt) as served:
        plan = LoadPlan(seed=1, arms={"naive": served.url}, load=LOAD, duration_s=LONG_S)
        log = tmp_path / "locust.log"
        async with LoadProcess(plan, root=ROOT, folder=tmp_path, log=log, mark=MARK, start=start) as process:
            await process.ready()
            process.go(soon())
            await eventually(lambda: len(served.asked) >= 60)
            assert process.tail.read() == []
            await process.stop()
        rows = read_requests(tmp_path / "requests.csv")

    # All but the last few, whose answers may have been on their way.
    assert len(rows) >= 50
    assert {row.outcome for row in rows} == {"answered"}


async def test_sigterm_ends_a_wait_for_go(tmp_path: Path) -> None:
    async with sending(tmp_path, {"naive": prompt}, LOAD, LONG_S) as run:
        await run.process.ready()
        await run.process.stop()

        assert run.process._process is not None
        assert run.process._process.returncode not in (None, -9)


async def test_cancelling_the_lab_ends_the_process(tmp_path: Path) -> None:
    started: asyncio.Future[psutil.Process] = asyncio.get_running_loop().create_future()

    async def lab() -> None:
        async with sending(tmp_path, {"naive": prompt}, LOAD, LONG_S) as run:
            await run.go()
            started.set_result(running(run.process))
            await run.process.wait_done(LONG_S)

    task = asyncio.create_task(lab())
    child = await started
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not child.is_running()


async def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    async with program_in(tmp_path, code) as process:
        await eventually(lambda: "deaf" in (tmp_path / "locust.log").read_text())
        child = running(process)

    assert not child.is_running()
    assert process._process is not None
    assert process._process.returncode == -9


async def test_a_generator_that_is_not_ready_in_time_fails_the_run(tmp_path: Path) -> None:
    async with program_in(tmp_path, "import time; time.sleep(60)") as process:
        with pytest.raises(LoadFailed, match=r"not ready within 0\.1 s"):
            await process.ready(within_s=0.1)


async def test_a_generator_that_does_not_end_in_time_fails_the_run(tmp_path: Path) -> None:
    async with program_in(tmp_path, "import time; time.sleep(60)") as process:
        with pytest.raises(LoadFailed, match=r"did not end within 0\.1 s"):
            await process.wait_done(0.1)


@pytest.mark.parametrize("step", ["ready", "wait_done"])
async def test_a_generator_that_ends_early_fails_the_run_with_its_last_words(tmp_path: Path, step: str) -> None:
    async with program_in(tmp_path, "raise SystemExit('loadtests: no luck')") as process:
        with pytest.raises(LoadFailed, match=r"exit code 1\n  loadtests: no luck"):
            await getattr(process, step)(within_s=20)


async def test_a_gateway_that_is_not_there_fails_the_run_before_it_began(tmp_path: Path) -> None:
    async with load_process(tmp_path, {"naive": "http://127.0.0.1:1"}, LOAD, 1) as process:
        with pytest.raises(LoadFailed, match=r"arm naive: http://127.0.0.1:1/healthz: .*refused"):
            await process.ready()


async def test_a_gateway_that_is_not_well_fails_the_run_before_it_began(tmp_path: Path) -> None:
    async with gateway(prompt) as served:
        served.health_status = 500
        async with load_process(tmp_path, {"naive": served.url}, LOAD, 1) as process:
            with pytest.raises(LoadFailed, match=r"arm naive: .*/healthz: status 500"):
                await process.ready()


@pytest.mark.parametrize("go", ["[]", "soon", '{"t0": 0}'])
async def test_a_go_without_a_usable_instant_ends_the_run(tmp_path: Path, go: str) -> None:
    async with sending(tmp_path, {"naive": prompt}, LOAD, 1) as run:
        await run.process.ready()
        (tmp_path / "load.part").write_text(go)
        (tmp_path / "load.part").replace(tmp_path / "load.go")
        with pytest.raises(LoadFailed, match=r"loadtests: .*load\.go: "):
            await run.process.wait_done(20)


def locust(env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "locust", "-f", "loadtests/arrivals.py", "--headless", "-u", "1", "--only-summary"]
    inherited = {name: value for name, value in os.environ.items() if name != "LAB_LOAD"}
    return subprocess.run(
        argv, cwd=ROOT, env={**inherited, **env}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), ("{", "not JSON"), ('{"seed": "x"}', "field 'seed' must be a whole number, is 'x'")],
)
def test_a_load_json_that_cannot_be_used_is_one_line_and_no_zero(tmp_path: Path, content: str | None, why: str) -> None:
    path = tmp_path / "load.json"
    if content is not None:
        path.write_text(content)

    ended = locust({"LAB_LOAD": str(path)})

    assert ended.returncode == 1
    lines = [line for line in ended.stderr.splitlines() if line.startswith("loadtests: ")]
    assert len(lines) == 1
    assert lines[0].startswith(f"loadtests: {path}: {why}")
    assert "Traceback" not in ended.stderr


def test_without_lab_load_it_says_what_to_set() -> None:
    ended = locust({})

    assert ended.returncode == 1
    assert "loadtests: set LAB_LOAD to the path of a load.json" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full is Linux's")
def test_a_full_disk_ends_the_run_in_one_line(tmp_path: Path) -> None:
    plan = tmp_path / "load.json"
    plan.write_text(
        '{"seed": 1, "arms": {"naive": "http://127.0.0.1:1"}, "checkout_per_s": 1, "browse_per_s": 1,'
        ' "repeat_share": 0, "in_time_s": 1, "patience_s": 1, "max_in_flight": 9,'
        ' "duration_s": 1, "records": "/dev/full", "ready": "r", "go": "g"}'
    )

    ended = locust({"LAB_LOAD": str(plan)})

    assert ended.returncode == 1
    assert "loadtests: [Errno 28] No space left on device" in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_locust_runs_the_customers_without_the_lab_too() -> None:
    """`locust -f loadtests/locustfile.py` works as it is, with all classes together and Locust's own bound on time."""
    async with gateway(prompt) as served:
        options = ["--shape", "step", "--users", "12", "--run-time", "3s", "--headless", "--only-summary"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "locust", "-f", "loadtests/locustfile.py", "--host", served.url, *options),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)

    assert process.returncode == 0, output.decode()
    assert {path.split("/")[1] for _, path, _, _ in served.asked} == {"products", "checkout"}


async def test_the_next_start_finds_the_generator_of_a_lab_that_was_killed(tmp_path: Path) -> None:
    """It carries the lab's mark, so it is found where nothing ended it together with the lab."""
    (tmp_path / ".lab").mkdir()
    gone = Identity(pid=2**22 + 1, started="gone")
    write_state(tmp_path, LabState(pid=gone.pid, started=gone.started, mark=MARK, ready=True, log_dir=str(tmp_path)))
    code = "import time; print('up', flush=True); time.sleep(60)"
    async with program_in(tmp_path, code) as process:
        await eventually(lambda: "up" in (tmp_path / "locust.log").read_text())
        child = running(process)

        (said,) = await clean_leftovers(tmp_path)

        assert f"(pid {child.pid})" in said
        assert await asyncio.wait_for(process._running().wait(), 20) == -9


@pytest.mark.skipif(setpriv() is None, reason="the death signal is Linux's")
async def test_a_lab_that_is_killed_takes_the_generator_along(tmp_path: Path) -> None:
    lab = (
        "import asyncio, pathlib, sys\n"
        "sleep = 'import time; time.sleep(60)'\n"
        "from chaos.recording.load import start_process\n"
        "async def main():\n"
        "    child = await start_process([sys.executable, '-c', sleep], {}, pathlib.Path('log'))\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    killed = await asyncio.create_subprocess_exec(sys.executable, "-c", lab, cwd=tmp_path, stdout=subprocess.PIPE)
    assert killed.stdout is not None
    child = psutil.Process(int(await killed.stdout.readline()))
    killed.kill()
    await killed.wait()

    await eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
