"""What a fault must do to an exchange through its link, by Toxiproxy's own definitions of its toxics."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.scenario import Fault, Toxic

# A toxic delays by at least latency - jitter; clocks and timers may take a fifth off what is asked for.
SLOW_ENOUGH = 0.8
# The 99th percentile of a normal distribution, in standard deviations.
Z99 = 2.33
_BREAKING = ("timeout", "reset_peer", "refuse", "connect_hang")


@dataclass(frozen=True)
class Effect:
    """What the faults of one link do to an exchange: fail it, or make it take `min_ms`.

    `min_ms` is None for a bandwidth toxic: what it costs depends on the bytes of the exchange, so that exchange must
    take twice what it took before. `toxicity` is the share of connections that are hurt at all.
    """

    broken: bool
    min_ms: float | None
    toxicity: float


def least_ms(toxic: Toxic) -> float | None:
    """Return what a toxic adds to an exchange at the least (of a distribution: to 99 of 100); None: nothing fixed."""
    given = toxic.attributes
    match toxic.type:
        case "latency":
            return given.get("latency", 0) - given.get("jitter", 0)
        case "latency_uniform" | "latency_pareto":
            return given.get("minimum", 0)
        case "latency_normal":
            return given.get("mean", 0) - Z99 * given.get("deviation", 0)
        case "latency_lognormal":
            # As far below the median as the 99th percentile is above it, in the logarithm.
            return given.get("median", 0) ** 2 / max(given.get("p99", 0), 1)
        case "connect_delay":
            return given.get("delay", 0)
        case _:
            return None


def effect_of(faults: Sequence[Fault]) -> Effect:
    """Return what `faults`, all on one link, do together; one that breaks the link hides those that slow it."""
    toxics = [fault for fault in faults if isinstance(fault, Toxic)]
    breaking = [t.toxicity for t in toxics if t.type in _BREAKING or t.attributes.get("rate") == 0]
    if len(toxics) < len(faults):
        return Effect(broken=True, min_ms=None, toxicity=1.0)
    if breaking:
        return Effect(broken=True, min_ms=None, toxicity=max(breaking))
    floors = [floor for floor in map(least_ms, toxics) if floor is not None]
    slowest = SLOW_ENOUGH * max(0.0, sum(floors)) if floors else None
    return Effect(broken=False, min_ms=slowest, toxicity=min(t.toxicity for t in toxics))
