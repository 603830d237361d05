"""The end of a run in a handful of lines: the verdict, a line an arm, the evidence, where to read on. Pure.

As in the report, nothing is said that the figures do not say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.records import Probe
from chaos.report import figure_words as names
from chaos.report.arm_words import AT_ONCE_S, WORTH_SAYING, figure_of, slowed, suffered, value_of
from chaos.report.evidence_words import evidence_line
from chaos.report.numbers import bare, quantity
from chaos.report.summary import first_failure, missing
from chaos.run import Run
from chaos.scenario import Kind

LOOKING: Mapping[Kind, str] = {
    "checkout": "buying", "browse": "browsing", "list": "listing", "product": "reading", "search": "searching",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entry:
    """A label and what stands behind it; `arm` where the line is an arm's."""

    label: str
    text: str
    arm: str | None = None


def ending(run: Run, probes: Sequence[Probe], report: str) -> list[Entry]:
    """Return the lines below the verdict; `report` is the path to show."""
    entries = [*_doubts(run), *_broken(run)]
    entries += [Entry(arm, arm_line(run, arm), arm) for arm in run.figures]
    entries.append(Entry("evidence", evidence_line(run, probes)))
    entries.append(Entry("report", report))
    entries.append(Entry("again", run.repeat))
    return entries


def _doubts(run: Run) -> list[Entry]:
    lacking = missing(run)
    if not lacking:
        return []
    first = lacking[0]
    entries = [Entry("missing", f"{first.lack}: {first.detail}")]
    if first.remedy:
        entries.append(Entry("to do", first.remedy))
    others = list(dict.fromkeys(one.lack for one in lacking[1:] if one.lack != first.lack))
    if others:
        entries.append(Entry("also", "; ".join(others)))
    return entries


def _broken(run: Run) -> list[Entry]:
    failure = first_failure(run)
    return [Entry("failed", failure)] if failure else []


def arm_line(run: Run, arm: str) -> str:
    """Return what happened to an arm during the fault, and when it was back."""
    return ", ".join([*_checkout(run, arm), *_browse(run, arm), *_recovery(run, arm)]) or "no figure was measured"


def _checkout(run: Run, arm: str) -> list[str]:
    share = value_of(run, arm, "fault", names.CHECKOUT_IN_TIME)
    if share is None:
        return []
    said = [f"{quantity(share, 'share')} of checkouts in time"]
    refused, took = (value_of(run, arm, "fault", name) for name in (names.CHECKOUT_REFUSED, names.CHECKOUT_REFUSED_P95))
    if refused is not None and refused >= WORTH_SAYING:
        within = f" in {quantity(took, 'ms')}" if took is not None else ""
        said.append(f"{quantity(refused, 'share')} refused{within}")
    return said


def _browse(run: Run, arm: str) -> list[str]:
    kind = run.scenario.load.looking
    in_time, slowest, noun = f"{kind}.in_time_share", f"{kind}.p95_ms", LOOKING[kind]
    p95, before = (value_of(run, arm, phase, slowest) for phase in ("fault", "baseline"))
    share = value_of(run, arm, "fault", in_time)
    if p95 is not None and before is not None and slowed(before, p95):
        return [f"{noun} p95 {bare(before, 'ms')} -> {quantity(p95, 'ms')}"]
    at = f" at {quantity(p95, 'ms')}" if p95 is not None else ""
    return [f"{noun} {quantity(share, 'share')}{at}"] if share is not None else []


def _recovery(run: Run, arm: str) -> list[str]:
    figure = figure_of(run, arm, "recovery", names.RECOVERY)
    if figure is None or figure.value is None or not run.fault_windows:
        return []
    if figure.censored:
        return [f"not recovered {quantity(figure.value, 's')} after the fault"]
    if figure.value < AT_ONCE_S:
        return ["back at once"] if suffered(run, arm) else []
    return [f"recovered {quantity(figure.value, 's')} after"]


def shown_path(path: Path, latest: Path, here: Path) -> str:
    """Return the path of a file as a reader would type it: by `latest` where that is this run, and below `here`."""
    chosen = latest / path.name if latest.exists() and latest.resolve() == path.parent.resolve() else path
    try:
        return str(chosen.relative_to(here))
    except ValueError:
        return str(chosen)
