"""The consumer: takes what orders tells, for as long as the process lives and whatever the broker and the database do.

`once` lets go of a message only after its effect: it commits the offset last, and an event that comes again changes
nothing. `auto_commit` is what most begin with: the library commits behind its back every 5 s, whether the effect is
there or not, an event that comes again is told again, and the first surprise ends the task, in silence.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from resilience import Clock, Rejected
from resilience.profiles import Consuming
from services.common.errors import DependencyError
from services.common.event_metrics import ConsumerUse, cause_of
from services.common.events import OrderConfirmed, parse
from services.notifications.core import (
    Book,
    DeadLetter,
    EventRefusedError,
    Message,
    Notification,
    next_offsets,
    sorted_out,
)

# An event that the database refuses so often is set aside.
MOST_TRIES = 3
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 2.0

Tell = Callable[[str, Mapping[str, Any]], None]
# Hands what was written to the streams.
Spread = Callable[[Sequence[Notification]], None]


class Inbox(Protocol):
    """The port to the topic. All but close() raise DependencyError where the broker is not there for us."""

    async def open(self) -> None:
        """Join the group, anew where it was joined before."""
        ...

    async def next(self) -> Sequence[Message]:
        """Return what has come, within a bounded time; empty where nothing has."""
        ...

    async def done(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Go on from these offsets after a restart."""
        ...

    async def set_aside(self, letters: Sequence[DeadLetter]) -> None:
        """Put messages with their reasons into the dead-letter topic; returns once the broker has them."""
        ...

    async def close(self) -> None:
        """Leave the group, politely for a bounded time."""
        ...


class Consumer:
    """Owns its task and its inbox; start() and close() belong to the lifespan of the process."""

    def __init__(
        self,
        inbox: Inbox,
        book: Book,
        consuming: Consuming,
        spread: Spread,
        use: ConsumerUse,
        *,
        clock: Clock,
        tell: Tell,
    ) -> None:
        self._inbox, self._book, self._spread = inbox, book, spread
        self._consuming = consuming
        self.use = use
        self._clock = clock
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        run = self._run_on if self._consuming == "once" else self._run_until_surprised
        self._task = asyncio.create_task(run(), name="consumer of orders")

    async def close(self) -> None:
        """End; what is under way is taken again after the next start."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run_on(self) -> None:
        """Take messages, and after a failure of the broker begin anew."""
        wait_s = FIRST_WAIT_S
        try:
            while True:
                try:
                    await self._inbox.open()
                    self.use.joined = True
                    while True:
                        messages = await self._inbox.next()
                        await self._take(messages)
                        # Only what was let go of is progress: a batch that fails after each joining must not be tried
                        # at full speed.
                        wait_s = FIRST_WAIT_S if messages else wait_s
                except Exception as error:  # noqa: BLE001 - a consumer that ends would leave every customer waiting
                    self.use.joined = False
                    self._tell("the consumer begins anew", {"error": str(error) or type(error).__name__})
                    await self._clock.sleep(wait_s)
                    wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        finally:
            self.use.joined = False
            await self._inbox.close()

    async def _take(self, messages: Sequence[Message]) -> None:
        """Do all that a batch asks for, and then let go of it."""
        if not messages:
            return
        good, bad = sorted_out(messages)
        bad += await self._told(good)
        if bad:
            await self._inbox.set_aside(bad)
            for letter in bad:
                self.use.set_aside["refused" if letter.field is None else cause_of(letter.field)] += 1
                place = {"partition": letter.message.partition, "offset": letter.message.offset}
                self._tell("a message is set aside", {"reason": letter.reason, **place})
        await self._inbox.done(next_offsets(messages))
        self.use.consumed += len(messages)

    async def _told(self, events: Sequence[tuple[Message, OrderConfirmed]]) -> list[DeadLetter]:
        """Write notifications for all, one by one where they do not go together; return what the database refuses."""
        if not events:
            return []
        try:
            await self._write([event for _, event in events])
        except EventRefusedError as error:
            if len(events) > 1:
                return [letter for one in events for letter in await self._told([one])]
            return [DeadLetter(events[0][0], f"refused {MOST_TRIES} times: {error}")]
        return []

    async def _write(self, events: Sequence[OrderConfirmed]) -> None:
        """Write, as often as it takes while the database is away; raises EventRefusedError after MOST_TRIES."""
        wait_s, refusals = FIRST_WAIT_S, 0
        while True:
            try:
                told = await self._book.tell_once(events)
            except EventRefusedError:
                refusals += 1
                if refusals == (MOST_TRIES if len(events) == 1 else 1):
                    raise
            except (DependencyError, Rejected) as error:
                self._tell("the consumer waits for the database", {"error": str(error)})
            else:
                self.use.repeated += len(events) - len(told)
                self._late(events, told)
                self._spread(told)
                return
            await self._clock.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _late(self, events: Sequence[OrderConfirmed], told: Sequence[Notification]) -> None:
        """Note how long after their orders notifications were written, by the clocks of both."""
        ordered = {event.event_id: event.occurred_at for event in events}
        for one in told:
            self.use.delays.observe((one.created_at - ordered[one.event_id]).total_seconds())

    async def _run_until_surprised(self) -> None:
        """Take messages as they come, one by one; whatever is raised ends this task, and nobody is told but the log."""
        try:
            await self._inbox.open()
            self.use.joined = True
            while True:
                for message in await self._inbox.next():
                    event = parse(message.value)
                    told = await self._book.tell(event)
                    self._late([event], [told])
                    self._spread([told])
                    self.use.consumed += 1
        except Exception as error:  # noqa: BLE001 - see above
            self._tell("the consumer has ended", {"error": f"{type(error).__name__}: {error}"})
        finally:
            self.use.joined = False
            await self._inbox.close()
