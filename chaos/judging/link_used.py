"""Did the load meet the fault? A broken link that nobody calls hurts nobody, and a run over it proves nothing.

The lab's own probes (`chaos.judging.fault_seen`) show that the link was hurt; this shows that the services' calls went
there meanwhile, by what the services themselves count: `resilience_calls_total` of the link's caller, which counts a
call once it has ended in whatever way, also refused before it left.
"""

from collections.abc import Iterable, Mapping

from chaos.recording.exposition import select
from chaos.recording.metrics_file import Scrape
from chaos.run import Evidence
from chaos.scenario import Scenario
from resilience.metrics import CALLS_TOTAL
from services.common.metrics import CONSUMER_CONSUMED_TOTAL, HTTP_IN_FLIGHT

# Over these somebody listens. Cut off, he makes no call that could end; what came over the link in the baseline shows
# that the load uses it.
LISTENED = frozenset({"notifications_to_kafka"})

# By arm and link.
Calls = Mapping[tuple[str, str], int | None]


def calls_in_fault(scenario: Scenario, scrapes: Iterable[Scrape]) -> dict[tuple[str, str], int | None]:
    """Return how many calls each arm made over each faulted link during the fault phase.

    Counted between the first and the last scrape of the caller inside the phase. Where no call ended between them,
    those that hang may be all there are (a link that swallows everything, without a timeout): the requests that wait
    in the caller at the last scrape then stand for them. A caller that was too busy to answer twice in the phase (its
    event loop may be what the fault blocks) is counted from its last answer before the phase to its first after it.
    None where it has no such answers either. Over a link on which the caller listens, what came in the baseline counts.
    """
    from_s, to_s = scenario.phases.window("fault")
    wanted = {(arm.name, caller_of(link)) for arm in scenario.arms for link in scenario.faulted_links}
    first: dict[tuple[str, str], Scrape] = {}
    last: dict[tuple[str, str], Scrape] = {}
    around: dict[tuple[str, str], list[Scrape]] = {caller: [] for caller in wanted}
    for scrape in scrapes:
        caller = scrape.arm, scrape.service
        if caller in wanted and scrape.samples is not None:
            around[caller].append(scrape)
    for caller, answered in around.items():
        answered.sort(key=lambda one: one.t)
        inside = [one for one in answered if from_s <= one.t <= to_s]
        if len(inside) < 2:  # noqa: PLR2004 - two ends
            before = [one for one in answered if one.t < from_s]
            after = [one for one in answered if one.t > to_s]
            inside = [*before[-1:], *after[:1]]
        if inside:
            first[caller], last[caller] = inside[0], inside[-1]
    return {
        (arm.name, link): _heard(around[caller], scenario.phases.window("baseline"))
        if link in LISTENED
        else _calls(link, first.get(caller), last.get(caller))
        for arm in scenario.arms
        for link in scenario.faulted_links
        for caller in [(arm.name, caller_of(link))]
    }


def caller_of(link: str) -> str:
    """Return the service that calls over a link."""
    return link.partition("_to_")[0]


def _calls(link: str, first: Scrape | None, last: Scrape | None) -> int | None:
    if first is None or last is None or first is last or first.samples is None or last.samples is None:
        return None
    before, after = (select(one.samples or {}, CALLS_TOTAL, {"link": link}) for one in (first, last))
    if before is None or after is None:
        return None
    return int(after - before) or int(select(last.samples, HTTP_IN_FLIGHT, {}) or 0)


def _heard(answered: list[Scrape], window: tuple[float, float]) -> int | None:
    counts = [
        select(one.samples or {}, CONSUMER_CONSUMED_TOTAL, {}) for one in answered if window[0] <= one.t <= window[1]
    ]
    known = [count for count in counts if count is not None]
    return int(known[-1] - known[0]) if len(known) > 1 else None


def link_used(scenario: Scenario, calls: Calls) -> Evidence:
    """Check that every arm called over every faulted link while it was faulted."""
    counted = {
        (arm.name, link): calls.get((arm.name, link)) for arm in scenario.arms for link in scenario.faulted_links
    }
    unknown = [f"{arm}.{link}" for (arm, link), count in counted.items() if count is None]
    idle = [f"{arm}.{link}" for (arm, link), count in counted.items() if count == 0]
    if idle:
        return Evidence(
            name="link_used",
            holds=False,
            detail=f"in the fault no call went over {', '.join(idle)}",
            remedy="fault a link that this load uses, or give the load requests that use it",
        )
    if unknown:
        return Evidence(
            name="link_used",
            holds=False,
            detail=f"nobody knows whether calls went over {', '.join(unknown)}: the caller answered no two scrapes",
            remedy="lengthen phases.fault_s, or see the logs of the caller, then run again",
        )
    (arm, link), fewest = min(((key, count or 0) for key, count in counted.items()), key=lambda item: item[1])
    return Evidence(name="link_used", holds=True, detail=f"the fewest calls in the fault: {fewest:,} over {arm}.{link}")
