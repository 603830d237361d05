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
from services.common.metrics import HTTP_IN_FLIGHT

# By arm and link.
Calls = Mapping[tuple[str, str], int | None]


def calls_in_fault(scenario: Scenario, scrapes: Iterable[Scrape]) -> dict[tuple[str, str], int | None]:
    """Return how many calls each arm made over each faulted link during the fault phase.

    Counted between the first and the last scrape of the caller inside the phase. Where no call ended between them,
    those that hang may be all there are (a link that swallows everything, without a timeout): the requests that wait
    in the caller at the last scrape then stand for them. None where the caller answered fewer than two scrapes.
    """
    from_s, to_s = scenario.phases.window("fault")
    wanted = {(arm.name, caller_of(link)) for arm in scenario.arms for link in scenario.faulted_links}
    first: dict[tuple[str, str], Scrape] = {}
    last: dict[tuple[str, str], Scrape] = {}
    for scrape in scrapes:
        caller = scrape.arm, scrape.service
        if caller not in wanted or scrape.samples is None or not from_s <= scrape.t <= to_s:
            continue
        if caller not in first or scrape.t < first[caller].t:
            first[caller] = scrape
        if caller not in last or scrape.t > last[caller].t:
            last[caller] = scrape
    return {
        (arm.name, link): _calls(link, first.get((arm.name, caller_of(link))), last.get((arm.name, caller_of(link))))
        for arm in scenario.arms
        for link in scenario.faulted_links
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
