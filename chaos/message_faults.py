"""Faults of messages: written into every arm's topic at the beginning of the fault phase, and taken back by nothing.

A topic only grows: what was written stays, and it is the consumer's to live with it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from chaos.engines.running import RunningLab
from chaos.faults import InForce
from chaos.scenario import Messages
from chaos.shield import to_the_end
from chaos.topic_writing import Receipt, poison, write
from chaos.victims import door
from resilience.clock import Clock

BROKER = "kafka"


@dataclass
class Written(InForce):
    """Messages that lie in the topics. `receipts` says by arm what of them was read back."""

    receipts: dict[str, Receipt] = field(default_factory=dict)


@asynccontextmanager
async def written(fault: Messages, arms: Sequence[str], lab: RunningLab, clock: Clock) -> AsyncIterator[Written]:
    """Write the messages of a fault into the topics of all arms, at once.

    Raises ProcessFaultError where no link of an arm leads to a broker, MessageFaultError where one did not take them.
    """
    addresses = {arm: door(lab, BROKER, arm).listen for arm in arms}
    told = fault.attributes

    async def one(arm: str) -> Receipt:
        topic = f"{arm}.{fault.topics[0]}"
        return await write(addresses[arm], topic, poison(told.poison), repeated=told.repeated)

    async def everywhere() -> list[Receipt]:
        return await asyncio.gather(*(one(arm) for arm in arms))

    receipts = await to_the_end(everywhere, restarts=0)
    force = Written(
        fault, tuple(one.topic for one in receipts), from_s=clock.now(), receipts=dict(zip(arms, receipts, strict=True))
    )
    try:
        yield force
    finally:
        force.to_s = force.healed_s = clock.now()
