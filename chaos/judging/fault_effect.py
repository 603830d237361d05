"""What a fault must do to an exchange through its link, by Toxiproxy's own definitions of its toxics."""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.scenario import Down, Fault

# A toxic delays by at least latency - jitter; clocks and timers may take a fifth off what is asked for.
SLOW_ENOUGH = 0.8


@dataclass(frozen=True)
class Effect:
    """What the faults of one link do to an exchange: fail it, or make it take `min_ms`.

    `min_ms` is None for a bandwidth toxic: what it costs depends on the bytes of the exchange, so that exchange must
    take twice what it took before. `toxicity` is the share of connections that are hurt at all.
    """

    broken: bool
    min_ms: float | None
    toxicity: float


def effect_of(faults: Sequence[Fault]) -> Effect:
    """Return what `faults`, all on one link, do together; one that breaks the link hides those that slow it."""
    toxics = [fault for fault in faults if not isinstance(fault, Down)]
    breaking = [t.toxicity for t in toxics if t.type in ("timeout", "reset_peer") or t.attributes.get("rate") == 0]
    if len(toxics) < len(faults):
        return Effect(broken=True, min_ms=None, toxicity=1.0)
    if breaking:
        return Effect(broken=True, min_ms=None, toxicity=max(breaking))
    latencies = [t for t in toxics if t.type == "latency"]
    floor = sum(t.attributes.get("latency", 0) - t.attributes.get("jitter", 0) for t in latencies)
    slowest = SLOW_ENOUGH * max(0, floor) if latencies else None
    return Effect(broken=False, min_ms=slowest, toxicity=min(t.toxicity for t in toxics))
