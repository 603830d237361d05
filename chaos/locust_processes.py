"""Locust beside a lab that is up: one process, or a master and its workers. They end with the command that began them.

Each is a child of this process that dies with it where the platform can do that, and carries the mark of the lab that
it asks: what a killed command leaves elsewhere ends with that lab.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chaos.engines.addresses import LOOPBACK
from chaos.engines.processes import MARK, last_lines
from chaos.errors import LoadFailed
from chaos.recording.load import ProcessLike, start_process
from chaos.shield import to_the_end

END_WITHIN_S = 3.0
ANSWER_WITHIN_S = 30.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Locust:
    """What to start: `argv`, and the file that takes its output."""

    argv: Sequence[str]
    log: Path


@dataclass(slots=True)
class Started:
    """One that runs."""

    log: Path
    process: ProcessLike

    async def ended(self) -> None:
        """Wait for its end; raises LoadFailed with its last lines where it did not end well."""
        if (code := await self.process.wait()) != 0:
            raise LoadFailed(f"Locust ended with exit code {code}{_lines(self.log)}")

    async def answers(self, port: int) -> None:
        """Wait until it listens on a port of this machine; raises LoadFailed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_WITHIN_S):
                while self.process.returncode is None:
                    with suppress(OSError):
                        _, writer = await asyncio.open_connection(LOOPBACK, port)
                        writer.close()
                        return
                    await asyncio.sleep(POLL_S)
                raise LoadFailed(f"Locust ended with exit code {self.process.returncode}{_lines(self.log)}")
        raise LoadFailed(f"Locust does not answer on {LOOPBACK}:{port} within {ANSWER_WITHIN_S:g} s{_lines(self.log)}")


@asynccontextmanager
async def locusts(wanted: Sequence[Locust], mark: str) -> AsyncIterator[list[Started]]:
    """Run them while inside; leaving ends them, politely and after END_WITHIN_S by force. Raises LoadFailed."""
    environment: Mapping[str, str] = {MARK: mark}
    started: list[Started] = []
    try:
        for each in wanted:
            try:
                started.append(Started(each.log, await start_process(each.argv, environment, each.log)))
            except OSError as error:
                raise LoadFailed(f"{each.argv[0]} cannot be started: {error.strerror}") from error
        yield started
    finally:
        await to_the_end(lambda: _end([one.process for one in started]), restarts=1)


async def first_ended(started: Sequence[Started], within_s: float) -> None:
    """Wait for the end of the first, who decides when a test is over, and for failures of all; raises LoadFailed."""
    tasks = [asyncio.ensure_future(one.ended()) for one in started]
    try:
        async with asyncio.timeout(within_s):
            # A worker ends well only when its master says so.
            pending = set(tasks)
            while not tasks[0].done():
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            tasks[0].result()
    except TimeoutError:
        raise LoadFailed(f"Locust did not end within {within_s:g} s{_lines(started[0].log)}") from None
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        port: int = server.getsockname()[1]
        return port


async def _end(processes: Sequence[ProcessLike]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            process.terminate()
    with suppress(TimeoutError):
        async with asyncio.timeout(END_WITHIN_S):
            await asyncio.gather(*(process.wait() for process in processes))
    for process in processes:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _lines(log: Path) -> str:
    return "".join(f"\n  {line}" for line in last_lines(log))
