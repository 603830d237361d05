"""The toxics that a scenario may use, and those of them that only the embedded Toxiproxy has."""

from collections.abc import Mapping
from typing import Literal

ToxicType = Literal[
    "latency", "timeout", "reset_peer", "bandwidth",
    "latency_uniform", "latency_normal", "latency_lognormal", "latency_pareto",
    "connect_delay", "connect_hang", "refuse",
]  # fmt: skip

# Attribute -> must it be given. A latency of nothing and a rate of nobody's choice would be faults by accident.
TOXIC_ATTRIBUTES: Mapping[ToxicType, Mapping[str, bool]] = {
    "latency": {"latency": True, "jitter": False},
    "timeout": {"timeout": False},
    "reset_peer": {"timeout": False},
    "bandwidth": {"rate": True},
    "latency_uniform": {"minimum": True, "maximum": True},
    "latency_normal": {"mean": True, "deviation": True},
    "latency_lognormal": {"median": True, "p99": True},
    "latency_pareto": {"minimum": True, "p99": True},
    "connect_delay": {"delay": True},
    "connect_hang": {},
    "refuse": {},
}
# Toxiproxy itself answers 400 to these; a scenario says `extension: true` beside one, so that nobody is surprised.
EXTENSIONS: frozenset[ToxicType] = frozenset(TOXIC_ATTRIBUTES) - {"latency", "timeout", "reset_peer", "bandwidth"}
# They hurt connections that begin under them, and no other.
DOORS: frozenset[ToxicType] = frozenset({"connect_delay", "connect_hang", "refuse"})
