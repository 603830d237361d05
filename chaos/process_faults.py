"""Faults of whole processes: SIGKILL and back, SIGSTOP and on; healed like a toxic, whatever way the block is left.

A kill may be over before its block: `down_ms` after it the process is started again, while the fault phase goes on.
Down counts from the signal until the victim's own door answers as ready, for that is what its callers feel.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from chaos.engines.links import Link
from chaos.engines.process_port import Life, Processes
from chaos.engines.running import RunningLab
from chaos.errors import ProcessFaultError
from chaos.fault_names import title
from chaos.faults import RESTARTS, InForce
from chaos.outage import Outage
from chaos.recording.probe_protocols import BROKEN, READY, conversation
from chaos.scenario import Kill, ProcessFault
from chaos.shield import to_the_end
from chaos.victims import Victim, victims
from resilience.clock import Clock

# Kafka begins in two seconds and Postgres recovers in less; a machine full of other work takes several times that.
READY_WITHIN_S = 30.0
READY_POLL_S = 0.02
ASK_WITHIN_S = 1.0


class DatedClock(Clock, Protocol):
    """A clock that also knows the date, by which the kernel says when a process began."""

    def wall(self) -> float:
        """Return seconds since 1970."""
        ...


@dataclass
class _Hurt:
    """One victim, on the clock's seconds; what has not happened yet is None. `from_s`: it was seen to be done."""

    victim: Victim
    before: Life
    touched: bool = False
    from_s: float | None = None
    back_s: float | None = None
    ready_s: float | None = None
    after: Life | None = None


@dataclass
class Struck(InForce):
    """A fault of processes in force. `to_s` is when the first of them was started again or let go on."""

    hurt: list[_Hurt] = field(default_factory=list)
    wall_offset_s: float = 0.0

    def outages(self, t0: float) -> tuple[Outage, ...]:
        """Return what happened to each process, in seconds after `t0`; raises RuntimeError while it still does."""
        return tuple(self._outage(one, t0) for one in self.hurt)

    def _outage(self, one: _Hurt, t0: float) -> Outage:
        if one.from_s is None or one.back_s is None or one.ready_s is None or one.after is None:
            raise RuntimeError(f"{one.victim.name} is still under {title(self.fault)}")
        return Outage(
            service=one.victim.service,
            arm=one.victim.arm,
            process=one.victim.name,
            signal="SIGKILL" if isinstance(self.fault, Kill) else "SIGSTOP",
            from_s=one.from_s - t0,
            back_s=one.back_s - t0,
            ready_s=one.ready_s - t0,
            same_process=one.before.identity == one.after.identity,
            began_s=one.after.began - self.wall_offset_s - t0,
        )


@asynccontextmanager
async def struck(
    fault: ProcessFault, arms: Sequence[str], lab: RunningLab, clock: DatedClock, *, healing: Callable[[], None]
) -> AsyncIterator[Struck]:
    """Keep a fault in force on the processes of all arms, at once; `healing` is called when its end begins.

    Raises:
        ProcessFaultError: it could not be done to all of them, then those that it was done to are back; or one of them
            did not come back.
    """
    processes = lab.processes
    hurt = [_Hurt(victim, await processes.life(victim.name)) for victim in victims(fault, arms, lab)]
    names = tuple(one.victim.name for one in hurt)
    strike = Struck(fault, names, from_s=clock.now(), hurt=hurt, wall_offset_s=clock.wall() - clock.now())
    surgeon = _Surgeon(strike, processes, clock, healing)
    down_ms = fault.attributes.down_ms if isinstance(fault, Kill) else None
    later: asyncio.Task[None] | None = None
    try:
        await to_the_end(surgeon.strike, restarts=0)
        if down_ms is not None:
            later = asyncio.create_task(surgeon.heal_at(strike.from_s + down_ms / 1000), name=title(fault))
        yield strike
    finally:
        await to_the_end(lambda: surgeon.end(later), restarts=RESTARTS)


class _Surgeon:
    """Does a fault to its victims and undoes it; a heal that was cut short is gone on with, not begun anew."""

    def __init__(self, strike: Struck, processes: Processes, clock: Clock, healing: Callable[[], None]) -> None:
        self._strike, self._processes, self._clock, self._healing = strike, processes, clock, healing

    async def strike(self) -> None:
        """Hurt every victim at once."""
        await _all(self._hurt(one) for one in self._strike.hurt)
        self._strike.from_s = self._clock.now()

    async def heal_at(self, instant: float) -> None:
        """Heal at an instant of the clock."""
        await self._clock.sleep(max(0.0, instant - self._clock.now()))
        await self.heal()

    async def end(self, later: asyncio.Task[None] | None) -> None:
        """Heal what is not healed yet; raises what a heal before this one has raised."""
        if later is not None:
            later.cancel()
            (ended,) = await asyncio.gather(later, return_exceptions=True)
            await self.heal()
            if isinstance(ended, Exception):
                raise ended
        await self.heal()

    async def heal(self) -> None:
        """Bring every victim back, and wait until each is ready."""
        if self._strike.to_s is None:
            self._strike.to_s = self._clock.now()
            self._healing()
        await _all(self._heal(one) for one in self._strike.hurt if one.touched)
        if self._strike.healed_s is None:
            self._strike.healed_s = self._clock.now()

    async def _hurt(self, one: _Hurt) -> None:
        one.touched = True
        harm = self._processes.kill if isinstance(self._strike.fault, Kill) else self._processes.pause
        await harm(one.victim.name)
        one.from_s = self._clock.now()

    async def _heal(self, one: _Hurt) -> None:
        if one.after is not None:
            return
        if one.back_s is None:
            one.back_s = self._clock.now()
        mend = self._processes.start_again if isinstance(self._strike.fault, Kill) else self._processes.resume
        await mend(one.victim.name)
        await self._until_ready(one.victim)
        one.ready_s = self._clock.now()
        one.after = await self._processes.life(one.victim.name)

    async def _until_ready(self, victim: Victim) -> None:
        said = "no answer"
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                while said := await asked(victim.door):
                    # Its end is told with its last words at once, not after the whole wait.
                    await self._processes.life(victim.name)
                    await self._clock.sleep(READY_POLL_S)
        except TimeoutError:
            raise ProcessFaultError(
                f"{victim.name} is not ready {READY_WITHIN_S:g} s after the end of {title(self._strike.fault)}: {said}"
            ) from None


async def asked(door: Link) -> str:
    """Ask a service at its own door whether it is ready, on a new connection; return what is in the way, or nothing."""
    talk = conversation(door, door.url, path=READY)
    try:
        async with asyncio.timeout(ASK_WITHIN_S):
            await talk.connect()
            await talk.exchange()
    except BROKEN as error:
        return str(error) or type(error).__name__
    finally:
        talk.close()
    return ""


async def _all(steps: Iterable[Awaitable[None]]) -> None:
    """Take all steps at once, to their end; then raise the first error."""
    for result in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
