"""What a scenario may kill or pause, and for how long; the rules of its other faults are in `chaos.scenario.rules`."""

import difflib
from collections.abc import Iterator

from chaos.scenario import Kill, Pause, Scenario
from chaos.scenario.marked_yaml import Steps
from resilience.call_tree import LINKS

# A service is somebody's caller or callee; the way to it is also how the lab sees that it is gone.
SERVICES = tuple(dict.fromkeys(name for link in LINKS for name in link.split("_to_")))
# It keeps what it was paid in memory, and the ledger asks it: its end would be taken for a loss of the shop.
NOT_KILLED = frozenset({"bank"})


def process_problems(scenario: Scenario) -> Iterator[tuple[Steps, str]]:
    """Yield what contradicts itself or names what is not there, each with its path."""
    seen: set[str] = set()
    for index, fault in enumerate(scenario.faults):
        if not isinstance(fault, Kill | Pause):
            continue
        steps: Steps = ("faults", index)
        for position, service in enumerate(fault.services):
            here = (*steps, "services", position)
            if service not in SERVICES:
                yield here, f"there is no service {service!r}; {_nearest(service)}"
            elif service in seen:
                yield here, f"{service!r} is killed or paused twice; name it once"
            elif isinstance(fault, Kill) and service in NOT_KILLED:
                yield here, f"{service!r} keeps its books in memory, so a kill would empty the ledger; pause it"
            seen.add(service)
        if isinstance(fault, Kill) and (fault.attributes.down_ms or 0) > scenario.phases.fault_s * 1000:
            longest = f"{scenario.phases.fault_s * 1000:g}"
            yield (*steps, "attributes", "down_ms"), f"longer than the fault phase, phases.fault_s: at most {longest}"


def _nearest(word: str) -> str:
    close = difflib.get_close_matches(word, SERVICES, n=1, cutoff=0.5)
    return (f"did you mean {close[0]!r}? " if close else "") + f"known: {', '.join(SERVICES)}"
