"""Faults: applying one and healing it are one object, so that no way out of the block leaves it in force.

    async with applied(fault, ("naive", "protected"), client, clock) as in_force:
        ...

A heal is shielded from cancellation, bounded, and believed only when the server, read back, shows nothing left.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chaos.errors import HealFailed, ToxiproxyError
from chaos.fault_names import proxy_name, title, toxic_name
from chaos.run import FaultWindow
from chaos.scenario import Down, Fault, LinkFault
from chaos.shield import to_the_end
from chaos.toxiproxy.client import Proxy, ToxiproxyClient
from resilience.clock import Clock

# A first attempt may meet a busy server; a second one costs nothing, a third says what the second said.
HEAL_ATTEMPTS = 2
# How often a step is begun anew when the loop itself is being torn down and cancels every task it has.
RESTARTS = 3


@dataclass
class InForce:
    """When a fault was in force on every arm, on the clock's seconds.

    `from_s`: every arm's proxy had confirmed it. `to_s`: the heal began. `healed_s`: the read-back showed it gone. The
    last two are None before.
    """

    fault: Fault
    proxies: tuple[str, ...]
    from_s: float
    to_s: float | None = None
    healed_s: float | None = None

    def window(self, t0: float) -> FaultWindow:
        """Return when it was in force, in seconds after `t0`; raises RuntimeError while it still is."""
        if self.to_s is None or self.healed_s is None:
            raise RuntimeError(f"{title(self.fault)} is still in force")
        return FaultWindow(
            title=title(self.fault),
            links=self.fault.links,
            from_s=self.from_s - t0,
            to_s=self.to_s - t0,
            healed_s=self.healed_s - t0,
        )


@asynccontextmanager
async def applied(
    fault: LinkFault, arms: Sequence[str], client: ToxiproxyClient, clock: Clock, *, ttl_s: float = 0.0
) -> AsyncIterator[InForce]:
    """Keep a fault in force on its links of all arms, at once, until the block is left in whatever way.

    With a `ttl_s` above 0 a server that knows it takes the fault out after that, should the lab die.

    Raises:
        ToxiproxyError: it could not be applied everywhere; what had been applied has been healed.
        HealFailed: it could not be taken out, or only by resetting the whole proxy, or nobody knows.
    """
    targets = tuple(proxy_name(arm, link) for arm in arms for link in fault.links)
    await _check_ready(fault, targets, client)
    in_force: InForce | None = None
    try:
        await to_the_end(lambda: _apply(fault, targets, client, ttl_s), restarts=0)
        in_force = InForce(fault, targets, from_s=clock.now())
        yield in_force
    finally:
        if in_force is not None:
            in_force.to_s = clock.now()
        await to_the_end(lambda: _heal(fault, targets, client), restarts=RESTARTS)
        if in_force is not None:
            in_force.healed_s = clock.now()


async def assert_clean(client: ToxiproxyClient) -> None:
    """Raise HealFailed, naming them, when any proxy carries a toxic or is disabled."""
    left = [words for proxy in (await client.proxies()).values() for words in _unclean(proxy)]
    if left:
        raise HealFailed("Toxiproxy is not clean: " + "; ".join(left))


async def dirt(client: ToxiproxyClient) -> str:
    """Say what is left of a fault on the proxies, or nothing."""
    try:
        await assert_clean(client)
    except HealFailed as error:
        return str(error)
    return ""


def _unclean(proxy: Proxy) -> Iterable[str]:
    if not proxy.enabled:
        yield f"{proxy.name} is disabled"
    for toxic in proxy.toxics:
        yield f"{proxy.name} has the toxic {toxic.name}"


async def _check_ready(fault: LinkFault, targets: Sequence[str], client: ToxiproxyClient) -> None:
    """Refuse a fault before anything is touched: a proxy is missing, or already under this fault."""
    proxies = await client.proxies()
    missing = [name for name in targets if name not in proxies]
    if missing:
        raise ToxiproxyError(f"cannot apply {title(fault)}: there is no proxy {', '.join(missing)}")
    taken = [name for name in targets if _is_under(fault, proxies[name])]
    if taken:
        raise ToxiproxyError(f"cannot apply {title(fault)}: it is in force already on {', '.join(taken)}")


def _is_under(fault: LinkFault, proxy: Proxy) -> bool:
    if isinstance(fault, Down):
        return not proxy.enabled
    return toxic_name(fault) in {toxic.name for toxic in proxy.toxics}


async def _apply(fault: LinkFault, targets: Sequence[str], client: ToxiproxyClient, ttl_s: float) -> None:
    async def one(proxy: str) -> None:
        if isinstance(fault, Down):
            await client.set_enabled(proxy, enabled=False, ttl_s=ttl_s)
            return
        await client.add_toxic(
            proxy,
            name=toxic_name(fault),
            type=fault.type,
            stream=fault.stream,
            toxicity=fault.toxicity,
            attributes=fault.attributes,
            ttl_s=ttl_s,
        )

    await _all(one(proxy) for proxy in targets)


async def _heal(fault: LinkFault, targets: Sequence[str], client: ToxiproxyClient) -> None:
    """Take the fault out and read back that it is gone. Raises HealFailed."""
    reason: ToxiproxyError | None = None
    for _ in range(HEAL_ATTEMPTS):
        try:
            await _heal_once(fault, targets, client)
        except ToxiproxyError as error:
            reason = error
        else:
            return
    try:
        await client.reset()
        left = [name for name, proxy in (await client.proxies()).items() if list(_unclean(proxy))]
        outcome = f"a reset left {', '.join(left)}" if left else "a reset of the whole proxy took it out"
    except ToxiproxyError as error:
        outcome = f"a reset failed too ({error})"
    raise HealFailed(f"{title(fault)} was not healed: {reason}; {outcome}") from reason


async def _heal_once(fault: LinkFault, targets: Sequence[str], client: ToxiproxyClient) -> None:
    async def one(proxy: str) -> None:
        if isinstance(fault, Down):
            await client.set_enabled(proxy, enabled=True)
        else:
            await client.remove_toxic(proxy, toxic_name(fault))

    await client.settled()
    before = await client.proxies()
    await _all(one(name) for name in targets if name in before and _is_under(fault, before[name]))
    after = await client.proxies()
    left = [name for name in targets if name not in after or _is_under(fault, after[name])]
    if left:
        raise ToxiproxyError(f"still in force on, or gone with, {', '.join(left)}")


async def _all(steps: Iterable[Awaitable[None]]) -> None:
    """Take all steps at once, to their end; then raise the first error."""
    for result in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
