"""What a scenario broke, as a clause of a sentence: `Postgres answered 800 ms late`."""

from collections.abc import Iterable

from chaos.fault_names import messages_in_words
from chaos.report.numbers import grouped, quantity, seconds
from chaos.scenario import Down, Fault, Kill, Messages, Pause, Scenario, SlowCall, Toxic

_NAMES = {"postgres": "Postgres", "redis": "Redis", "mysql": "MySQL", "kafka": "Kafka", "bank": "the bank"}

_EXTENSIONS = {
    "latency_uniform": "answered {minimum} to {maximum} ms late",
    "latency_normal": "answered {mean} ms (± {deviation}) late",
    "latency_lognormal": "answered late, half by more than {median} ms and 1 % by more than {p99} ms",
    "latency_pareto": "answered at least {minimum} ms late and 1 % more than {p99} ms",
    "connect_delay": "took up new connections {delay} ms late",
    "connect_hang": "left new connections hanging",
    "refuse": "refused new connections",
}


def fault_clause(scenario: Scenario) -> str:
    """Return what was broken, e.g. `Postgres answered 800 ms late`; empty where the scenario breaks nothing."""
    return joined([f"{_victims(fault)} {_did(fault)}" for fault in scenario.faults])


def joined(parts: Iterable[str]) -> str:
    """Join parts as a sentence does: a, b and c."""
    *most, last = list(parts) or [""]
    return f"{', '.join(most)} and {last}" if most else last


def callee_name(link: str) -> str:
    """Return the name of what stands at the far end of a link."""
    callee = link.partition("_to_")[2]
    return _NAMES.get(callee, callee)


def _victims(fault: Fault) -> str:
    if isinstance(fault, Messages):
        return f"the topic {fault.topics[0]}"
    services = [_NAMES.get(service, service) for service in fault.targets]
    return joined(dict.fromkeys(callee_name(link) for link in fault.links) or services)


def _did(fault: Fault) -> str:
    if isinstance(fault, Down):
        return "refused connections"
    if isinstance(fault, SlowCall):
        return f"made a call of {quantity(fault.attributes.call_ms, 'ms')} in each reservation"
    if isinstance(fault, Kill):
        down_ms = fault.attributes.down_ms
        return "died by SIGKILL" + (f" and began again {seconds(down_ms / 1000)} later" if down_ms else "")
    if isinstance(fault, Messages):
        return f"told {messages_in_words(fault)}"
    if isinstance(fault, Pause):
        return "stood still by SIGSTOP"
    return f"{_toxic(fault)}{_some(fault)}"


def _toxic(toxic: Toxic) -> str:
    given = toxic.attributes
    if toxic.type == "latency":
        jitter = f" (± {grouped(given['jitter'], 0)})" if given.get("jitter") else ""
        return f"answered {quantity(given.get('latency', 0), 'ms')}{jitter} late"
    if toxic.type in _EXTENSIONS:
        return _EXTENSIONS[toxic.type].format(**given)
    if toxic.type == "bandwidth":
        return f"answered at {grouped(given.get('rate', 0), 0)} kB/s"
    if toxic.type == "reset_peer":
        return "broke connections off"
    after_ms = given.get("timeout", 0)
    return f"did not answer and hung up after {quantity(after_ms, 'ms')}" if after_ms else "did not answer"


def _some(toxic: Toxic) -> str:
    """Toxicity is drawn once per connection, not once per request."""
    return "" if toxic.toxicity >= 1 else f" on {quantity(toxic.toxicity, 'share')} of its connections"
