"""Faults inside a service: switched on over its own /faults, and healed like a toxic, whatever way the block is left.

What a toxic does to a link can be done from outside; a handler that makes a slow call cannot. The service ends such a
fault by itself after its ttl, so a lab that is killed leaves no service slow.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from chaos.errors import HealFailed, ServiceFaultError
from chaos.fault_names import title
from chaos.faults import RESTARTS, InForce
from chaos.scenario import SlowCall
from chaos.shield import to_the_end
from resilience.clock import Clock

# One question to a service; one whose loop is blocked by this very fault answers late.
BOUND_S = 10.0
HEAL_ATTEMPTS = 2

# (arm, service) -> the service's own URL, past every proxy.
Doors = Callable[[str, str], str]


@asynccontextmanager
async def switched_on(
    fault: SlowCall, arms: Sequence[str], doors: Doors, clock: Clock, *, ttl_s: float
) -> AsyncIterator[InForce]:
    """Keep a fault in force in its services of all arms, at once, until the block is left in whatever way.

    Raises:
        ServiceFaultError: it could not be switched on everywhere; what had been switched on has been healed.
        HealFailed: it could not be taken out, or nobody knows.
    """
    urls = tuple(f"{doors(arm, service)}/faults" for arm in arms for service in fault.services)
    body = {"type": fault.type, **fault.attributes.model_dump(), "ttl_s": ttl_s}
    in_force: InForce | None = None
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=BOUND_S)) as http:
        try:
            await to_the_end(lambda: _each(http, "PUT", urls, body), restarts=0)
            in_force = InForce(fault, urls, from_s=clock.now())
            yield in_force
        finally:
            if in_force is not None:
                in_force.to_s = clock.now()
            await to_the_end(lambda: _heal(fault, http, urls), restarts=RESTARTS)
            if in_force is not None:
                in_force.healed_s = clock.now()


async def _heal(fault: SlowCall, http: aiohttp.ClientSession, urls: Sequence[str]) -> None:
    """Take the fault out and read back that it is gone; raises HealFailed."""
    reason: ServiceFaultError | None = None
    for _ in range(HEAL_ATTEMPTS):
        try:
            left = [url for url, state in await _each(http, "DELETE", urls, None) if state.get("fault") is not None]
        except ServiceFaultError as error:
            reason = error
            continue
        if not left:
            return
        reason = ServiceFaultError(f"still in force at {', '.join(left)}")
    raise HealFailed(f"{title(fault)} was not healed: {reason}; it ends by itself after its ttl") from reason


async def _each(
    http: aiohttp.ClientSession, method: str, urls: Sequence[str], body: dict[str, Any] | None
) -> list[tuple[str, dict[str, Any]]]:
    """Ask every service at once, each to its end; then raise the first error."""
    answers = await asyncio.gather(*(_ask(http, method, url, body) for url in urls), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [(url, answer) for url, answer in zip(urls, answers, strict=True) if not isinstance(answer, BaseException)]


async def _ask(http: aiohttp.ClientSession, method: str, url: str, body: dict[str, Any] | None) -> dict[str, Any]:
    try:
        async with http.request(method, url, json=body) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's own
                said = (await answer.text())[:200]
                raise ServiceFaultError(f"{url}: answered {answer.status}: {said}")
            state: dict[str, Any] = await answer.json()
            return state
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise ServiceFaultError(f"{url}: {error or f'no answer within {BOUND_S:g} s'}") from error
