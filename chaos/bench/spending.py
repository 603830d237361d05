"""Who in a lab of plain processes has spent processor time so far, and whose policies have refused calls."""

from collections.abc import Mapping
from contextlib import suppress

import aiohttp
import psutil

from chaos.engines.liveness import descendants
from chaos.engines.running import LocalLab
from chaos.recording.exposition import parts, samples
from resilience.metrics import REJECTIONS_TOTAL

# By name.
Spent = Mapping[str, float]
ASK_S = 10.0


def cpu_s(lab: LocalLab) -> Spent:
    """Return the processor seconds of each child and of what it has forked, so far."""
    spent: dict[str, float] = {}
    for name, child in lab.supervisor.children.items():
        family = {child.identity.pid, *(process.pid for process in descendants([child.identity.pid]))}
        for pid in family:
            # A fork of Postgres may have ended since it was listed.
            with suppress(psutil.NoSuchProcess):
                times = psutil.Process(pid).cpu_times()
                spent[name] = spent.get(name, 0.0) + times.user + times.system
    return spent


async def refused(lab: LocalLab) -> Spent:
    """Return how often each link's policies have refused a call so far."""
    found: dict[str, float] = {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S)) as http:
        for service in lab.services:
            async with http.get(f"{service.url}/metrics") as answer:
                page = samples(await answer.text())
            for series, value in page.items():
                name, labels = parts(series)
                if name == REJECTIONS_TOTAL:
                    found[f"{labels['policy']} of {labels['link']}"] = value
    return found
