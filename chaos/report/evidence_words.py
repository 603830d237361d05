"""What the pieces of evidence are called by people, when they hold and when they do not."""

from collections.abc import Sequence

from chaos.records import Probe
from chaos.report.numbers import bare, grouped, quantity
from chaos.run import Run

# More names than these say less than their number.
FEW_LINKS = 2
_HOLDS = {
    "fault_possible": "the fault can be made here",
    "fault_seen": "fault seen at the victim",
    "no_fault_seen": "no fault seen",
    "link_used": "the load met the fault",
    "well_at_start": "well at the start",
    "enough_requests": "enough requests",
    "load_true": "load was true",
    "clean_start": "clean before",
    "clean_end": "clean after",
    "ledger_readable": "ledger readable",
}
_FAILS = {
    "fault_possible": "what runs here cannot make the fault, or show what it does",
    "fault_seen": "the fault was not seen at the victim as it must be",
    "no_fault_seen": "the links were not at rest, as they must be without a fault",
    "link_used": "the load is not known to have met the fault",
    "well_at_start": "the shop was not well before the fault",
    "enough_requests": "there were too few requests",
    "load_true": "the load was not what the schedule says",
    "clean_start": "the run did not start clean",
    "clean_end": "the run did not end clean",
    "ledger_readable": "the ledger could not be read",
}


def evidence_label(name: str) -> str:
    """Return what a piece of evidence shows when it holds, e.g. `fault seen at the victim`."""
    head = name.partition(".")[0]
    return _HOLDS.get(head, head.replace("_", " "))


def evidence_lack(name: str) -> str:
    """Return what it means that a piece of evidence does not hold, as a clause."""
    head = name.partition(".")[0]
    return _FAILS.get(head, f"{head.replace('_', ' ')} does not hold")


def held_line(run: Run) -> str:
    """Return how many expectations hold."""
    plural = "expectation holds" if run.verdict.expected == 1 else "expectations hold"
    return f"{run.verdict.held} of {run.verdict.expected} {plural}"


def evidence_line(run: Run, probes: Sequence[Probe]) -> str:
    """Return the reasons to believe a run in one line: the fault at the victim, the load, the ledger."""
    lost = sum(kept.orders_lost + kept.charges_lost for kept in run.ledger.values())
    doubled = sum(kept.orders_doubled + kept.charges_doubled for kept in run.ledger.values())
    ledger = [f"{grouped(lost, 0)} lost, {grouped(doubled, 0)} doubled"] if run.ledger else ["no ledger"]
    skipped = [f"{grouped(run.load.skipped, 0)} skipped"] if run.load.skipped else []
    load = [f"load {quantity(run.load.lag_p99_ms, 'ms')} late at p99"] if run.load.sent else ["no load"]
    return ", ".join([*fault_seen(run, probes), *load, *skipped, *ledger, *_told(run)])


def _told(run: Run) -> list[str]:
    """Return of how many orders customers were not notified, or twice; nothing where events are no part of the run."""
    books = [kept.events for kept in run.ledger.values() if kept.events is not None]
    missing, doubled = sum(one.missing for one in books), sum(one.doubled for one in books)
    return [f"{grouped(missing, 0)} not notified, {grouped(doubled, 0)} twice"] if books else []


def fault_seen(run: Run, probes: Sequence[Probe]) -> list[str]:
    """Return where the fault was seen and what an exchange took there, or nothing where the run has no fault."""
    checks = [one for one in run.evidence if one.name.startswith("fault_seen")]
    if not checks:
        return []
    if not all(one.holds for one in checks):
        return ["fault not seen at the victim"]
    names = {one.name for one in checks}
    links = [link for link in run.scenario.faulted_links if f"fault_seen.{link}" in names]
    where = ", ".join(links) if len(links) <= FEW_LINKS else f"{len(links)} links"
    services = dict.fromkeys(service for fault in run.scenario.faults if not fault.links for service in fault.targets)
    said = [f"fault seen on {where}{_took(run, probes, links)}"] if links else []
    return said + [
        f"{service} {stood}" if (stood := _stood(run, service)) else f"fault seen in {service}" for service in services
    ]


def _stood(run: Run, service: str) -> str:
    """Say for how long a process was dead or stood still; nothing where no process was hurt."""
    own = [one for one in run.outages if one.service == service]
    if not own:
        return ""
    word = "dead" if own[0].signal == "SIGKILL" else "standing still"
    shortest, longest = min(one.down_s for one in own), max(one.down_s for one in own)
    span = quantity(longest, "s")
    return (
        f"{word} for {bare(shortest, 's')} to {span}"
        if bare(shortest, "s") != bare(longest, "s")
        else f"{word} for {span}"
    )


def _took(run: Run, probes: Sequence[Probe], links: Sequence[str]) -> str:
    if not run.fault_windows:
        return ""
    from_s, to_s = max(one.from_s for one in run.fault_windows), min(one.to_s for one in run.fault_windows)
    inside = [probe for probe in probes if probe.link in links and from_s < probe.t_s < to_s]
    taken = sorted(probe.ms for probe in inside if probe.ms is not None)
    if len(taken) * 2 < len(inside):
        return f" ({len(inside) - len(taken)} of {len(inside)} exchanges failed)"
    # The first and the last exchange of a window may have met half of the fault: the middle nine tenths tell.
    middle = taken[len(taken) // 20 : len(taken) - len(taken) // 20]
    return f" ({bare(middle[0], 'ms')} to {quantity(middle[-1], 'ms')})" if middle else ""
