"""Idempotency keys: a request that is sent again is answered with the first result instead of being done again.

A claim is a lease: a first call that died holds its key only until the lease ends, then the next call takes over. No
lease is safe by itself: nobody can tell a dead call from a slow one, so two may work under one key at once. What makes
it safe is that a key is settled once: the store keeps the first result, and everybody is told that one. The operation
must bear being begun twice under a key, since a call may die between its effect and the settling.
"""

import asyncio
import contextlib
import hashlib
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

from resilience.bounds import require
from resilience.clock import Clock
from resilience.deadline import cut_s
from resilience.errors import InProgress, KeyReused
from resilience.events import DuplicateSeen, Listener, Refused
from resilience.states import Duplicate

Record = TypeVar("Record")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class IdempotencySettings:
    """How long a claim holds, and how a call under a claimed key waits; all in seconds.

    `lease_s`: more than 0, and longer than the work takes on any but the worst day. `wait_s`: how long a call may wait
    for the first one, at least 0. `poll_s`: when it first looks again, more than 0, and then each time twice as late.
    `give_back_s`: what a call that failed or was cancelled may spend on giving its claim back, more than 0.
    """

    lease_s: float
    wait_s: float
    poll_s: float
    give_back_s: float = 0.1

    def __post_init__(self) -> None:
        require(self, "lease_s", above=0)
        require(self, "wait_s", at_least=0)
        require(self, "poll_s", above=0)
        require(self, "give_back_s", above=0)


@dataclass(frozen=True, slots=True)
class Claim(Generic[Record, Result]):
    """How a key stands after somebody tried to claim it; "new" and "taken_over" are the caller's own claim.

    `fingerprint` and `record` are those of the first call under the key, `result` is that of a settled key. `left_s` is
    what is left of another's lease, by the clock of the store.
    """

    standing: Literal["new", "taken_over", "in_flight", "settled"]
    fingerprint: str
    record: Record
    result: Result | None = None
    left_s: float = 0.0


class KeyStore(Protocol[Record, Result]):
    """Where keys are kept. Each method is one atomic step, and may be repeated."""

    async def claim(
        self, key: str, fingerprint: str, new: Record, *, claimant: uuid.UUID, lease_s: float
    ) -> Claim[Record, Result]:
        """Claim a key that is new, given back or past its lease, and say how it stands.

        A settled key, or one with another fingerprint, is not claimed. What `claimant` holds already is its own: this
        may be the second try of a claim whose answer was lost.
        """
        ...

    async def settle(self, key: str, result: Result) -> Result:
        """Settle the key unless it is settled, whoever claims it, and return the result that stands."""
        ...

    async def give_back(self, key: str, claimant: uuid.UUID) -> None:
        """End the claim, where it is this claimant's still."""
        ...


def fingerprint(request: object) -> str:
    """Return a text that is the same for the same request: the SHA-256 of its JSON with sorted keys."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def next_step(claim: Claim[Record, Result], asked: str) -> Literal["work", "wait", "replay", "conflict"]:
    """Decide what becomes of a call whose request has the fingerprint `asked`."""
    if claim.fingerprint != asked:
        return "conflict"
    if claim.standing == "settled":
        return "replay"
    return "wait" if claim.standing == "in_flight" else "work"


class Waiting:
    """Decides, without effects, when a call that came at `now` looks again."""

    __slots__ = ("_poll_s", "_settings", "_until")

    def __init__(self, settings: IdempotencySettings, *, now: float, wait_s: float) -> None:
        self._settings = settings
        self._until = now + wait_s
        self._poll_s = settings.poll_s

    def pause_s(self, now: float, left_s: float) -> float | None:
        """Return the seconds to the next look, None when the wait is over; `left_s` is what is left of the lease.

        It looks when the lease has ended, though never sooner than after `poll_s`, and a last time when the wait ends.
        """
        if now >= self._until:
            return None
        pause_s = min(self._poll_s, self._until - now, max(left_s, self._settings.poll_s))
        self._poll_s *= 2
        return pause_s


class Idempotency(Generic[Record, Result]):
    """Runs an operation once a key, as far as anybody can tell. Safe for any number of calls at once.

    `new_id` names each claim, and no two may be equal: `uuid.uuid4`, outside of tests.
    """

    def __init__(
        self,
        link: str,
        settings: IdempotencySettings,
        *,
        store: KeyStore[Record, Result],
        new_id: Callable[[], uuid.UUID],
        clock: Clock,
        listener: Listener,
    ) -> None:
        self.link = link
        self._settings = settings
        self._store = store
        self._new_id = new_id
        self._clock = clock
        self._listener = listener

    async def run(self, key: str, asked: str, new: Record, operation: Callable[[Record], Awaitable[Result]]) -> Result:
        """Await `operation(record)` and settle the key with its result, or return the result that the key has.

        `asked` is the request's fingerprint. `record` is `new`, or what the first call under the key had for it, so
        that whoever takes over goes on with the same ids. Raises KeyReused where the key belongs to another request,
        InProgress where the first call runs still after `wait_s`, and what the store and the operation raise. After an
        error the next call tries again, so an answer to be replayed ("declined") is returned, not raised.

        A call that fails or is cancelled gives its claim back before it ends, within `give_back_s`; but not a claim
        whose own answer never came: the store that did not answer would be asked once more.
        """
        claimant = self._new_id()
        claim = await self._claim(key, asked, new, claimant)
        if claim.standing == "settled":
            return claim.result  # type: ignore[return-value]  # a settled key has its result, be it None
        try:
            return await self._store.settle(key, await operation(claim.record))
        except (Exception, asyncio.CancelledError):
            with contextlib.suppress(Exception):  # best effort: the lease ends the claim in any case
                async with asyncio.timeout(self._settings.give_back_s):
                    await self._store.give_back(key, claimant)
            raise

    async def _claim(self, key: str, asked: str, new: Record, claimant: uuid.UUID) -> Claim[Record, Result]:
        """Return the caller's claim, or a settled one; raises KeyReused and InProgress."""
        now = self._clock.now()
        waiting = Waiting(self._settings, now=now, wait_s=cut_s(self._settings.wait_s, now))
        known = Duplicate.REPLAYED
        while True:
            claim = await self._store.claim(key, asked, new, claimant=claimant, lease_s=self._settings.lease_s)
            match next_step(claim, asked):
                case "work":
                    if claim.standing == "taken_over":
                        self._tell(Duplicate.TAKEN_OVER)
                    return claim
                case "replay":
                    self._tell(known)
                    return claim
                case "conflict":
                    self._tell(Duplicate.CONFLICT)
                    raise KeyReused(self.link)
            if (pause_s := waiting.pause_s(self._clock.now(), claim.left_s)) is None:
                raise self._refusal(claim.left_s)
            known = Duplicate.WAITED
            await self._clock.sleep(pause_s)

    def _refusal(self, left_s: float) -> InProgress:
        """Send a call away for as long again as it was let wait, or until the lease ends, whichever is sooner."""
        retry_after_s = min(left_s, max(self._settings.wait_s, self._settings.poll_s))
        self._tell(Duplicate.IN_PROGRESS)
        self._listener(Refused(self.link, "idempotency", retry_after_s))
        return InProgress(self.link, retry_after_s=retry_after_s)

    def _tell(self, how: Duplicate) -> None:
        self._listener(DuplicateSeen(self.link, how))
