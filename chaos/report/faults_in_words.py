"""What a scenario broke, as a clause of a sentence: `Postgres answered 800 ms late`."""

from collections.abc import Iterable

from chaos.report.numbers import grouped, quantity
from chaos.scenario import Down, Fault, Scenario, Toxic

_NAMES = {"postgres": "Postgres", "redis": "Redis", "mysql": "MySQL", "kafka": "Kafka", "bank": "the bank"}


def fault_clause(scenario: Scenario) -> str:
    """Return what was broken, e.g. `Postgres answered 800 ms late`; empty where the scenario breaks nothing."""
    return joined([f"{_callees(fault.links)} {_did(fault)}" for fault in scenario.faults])


def joined(parts: Iterable[str]) -> str:
    """Join parts as a sentence does: a, b and c."""
    *most, last = list(parts) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def callee_name(link: str) -> str:
    """Return the name of what stands at the far end of a link."""
    callee = link.partition("_to_")[2]
    return _NAMES.get(callee, callee)


def _callees(links: tuple[str, ...]) -> str:
    return joined(dict.fromkeys(callee_name(link) for link in links))


def _did(fault: Fault) -> str:
    if isinstance(fault, Down):
        return "refused connections"
    return f"{_toxic(fault)}{_some(fault)}"


def _toxic(toxic: Toxic) -> str:
    given = toxic.attributes
    if toxic.type == "latency":
        jitter = f" (± {grouped(given['jitter'], 0)})" if given.get("jitter") else ""
        return f"answered {quantity(given.get('latency', 0), 'ms')}{jitter} late"
    if toxic.type == "bandwidth":
        return f"answered at {grouped(given.get('rate', 0), 0)} kB/s"
    if toxic.type == "reset_peer":
        return "broke connections off"
    after_ms = given.get("timeout", 0)
    return f"did not answer and hung up after {quantity(after_ms, 'ms')}" if after_ms else "did not answer"


def _some(toxic: Toxic) -> str:
    """Toxicity is drawn once per connection, not once per request."""
    return "" if toxic.toxicity >= 1 else f" on {quantity(toxic.toxicity, 'share')} of its connections"
