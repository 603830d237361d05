"""Calls of the docker program: bounded, in a process group of their own, ended when the caller is cancelled."""

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from chaos.engines.adoption import dying_with_parent
from chaos.errors import ComponentMissing, StartFailed
from chaos.shield import to_the_end

ANSWER_S = 20.0
# `docker compose up` that is asked to end lets go of what it waits for; nothing of it is needed afterwards.
END_WITHIN_S = 5.0
_LONGEST_LINE = 2**20


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call gave."""

    code: int
    out: str
    err: str

    def why(self) -> str:
        """Return the last line that says something, of stderr or else of stdout."""
        lines = [line.strip() for text in (self.out, self.err) for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit code {self.code}"


class Docker:
    """The docker program with an environment. Raises ComponentMissing where there is none on the path."""

    def __init__(self, env: Mapping[str, str]) -> None:
        found = shutil.which("docker", path=env.get("PATH"))
        if found is None:
            raise ComponentMissing(
                "there is no docker on the path: install Docker with its Compose plugin, or leave out --engine compose"
            )
        self._program, self._env = found, env

    async def ask(self, *words: str, within_s: float = ANSWER_S) -> Answer:
        """Run a command to its end, whatever its exit code; raises StartFailed where it takes longer."""
        async with self._started(words, stdout=asyncio.subprocess.PIPE) as process:
            try:
                async with asyncio.timeout(within_s):
                    out, err = await process.communicate()
            except TimeoutError:
                raise StartFailed(f"docker {' '.join(words)}: no answer within {within_s:g} s") from None
            code = process.returncode or 0
        return Answer(code, out.decode(errors="replace"), err.decode(errors="replace"))

    async def write(self, words: Sequence[str], into: Path, *, within_s: float, append: bool = False) -> int:
        """Run a command with its output, both streams, in a file; returns its exit code, raises StartFailed."""
        with into.open("ab" if append else "wb") as file:
            async with self._started(words, stdout=file.fileno(), stderr=file.fileno()) as process:
                try:
                    async with asyncio.timeout(within_s):
                        return await process.wait()
                except TimeoutError:
                    raise StartFailed(f"docker {' '.join(words)}: not done within {within_s:g} s: {into}") from None

    async def lines(self, *words: str) -> AsyncIterator[str]:
        """Yield each line of a command that goes on, and at its end what it complained of."""
        async with self._started(words, stdout=asyncio.subprocess.PIPE) as process:
            if process.stdout is None or process.stderr is None:
                raise TypeError("both were asked for")
            async for line in process.stdout:
                yield line.decode(errors="replace").rstrip("\n")
            yield (await process.stderr.read()).decode(errors="replace").strip()

    @asynccontextmanager
    async def _started(
        self, words: Sequence[str], *, stdout: int, stderr: int = asyncio.subprocess.PIPE
    ) -> AsyncIterator[asyncio.subprocess.Process]:
        # A group of its own, so that the terminal's Ctrl-C is the lab's to answer.
        process = await asyncio.create_subprocess_exec(
            *dying_with_parent(signal.SIGKILL, None),
            self._program,
            *words,
            env=dict(self._env),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            process_group=0,
            limit=_LONGEST_LINE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                await to_the_end(lambda: _end(process), restarts=1)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
