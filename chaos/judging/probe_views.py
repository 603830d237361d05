"""The probes of one link before, inside and after a fault, and what they show of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Self

from chaos.judging.fault_effect import Effect
from chaos.records import Probe

# Both edges of a window differ a little between arms, and a probe near one says neither "inside" nor "outside".
MARGIN_S = 0.5
# Fewer exchanges could all have met the same pause of the machine.
MIN_PROBES = 3
HURT_INSIDE = 0.9
HURT_OUTSIDE = 0.1
# How a probe says that its own bound ended it (`chaos.recording.probes`).
TIMED_OUT = "nothing within"


@dataclass(frozen=True)
class Views:
    """The probes of one arm's link before, inside and after the fault, and what the fault should do to them."""

    before: tuple[Probe, ...]
    inside: tuple[Probe, ...]
    after: tuple[Probe, ...]
    effect: Effect

    @classmethod
    def of(cls, probes: Sequence[Probe], window: tuple[float, float], effect: Effect) -> Self:
        """Sort the probes of one arm's link by the window; one that reaches over an edge belongs nowhere."""
        from_s, to_s = window
        spans = [(probe.t_s, probe.t_s + (probe.ms or 0) / 1000, probe) for probe in probes]
        return cls(
            before=tuple(p for _, end, p in spans if end < from_s - MARGIN_S),
            inside=tuple(p for start, end, p in spans if start > from_s + MARGIN_S and end < to_s - MARGIN_S),
            after=tuple(p for start, _, p in spans if start > to_s + MARGIN_S),
            effect=effect,
        )

    def remedy(self) -> str:
        """Say what to do where the fault was not seen as it must be; nothing where it was."""
        rules = (
            (
                min(len(self.before), len(self.inside), len(self.after)) < MIN_PROBES,
                f"make each phase long enough for {MIN_PROBES} probes: at least 3 s",
            ),
            (
                self.effect.min_ms == 0,
                "a latency that does not exceed its jitter shows in no single exchange: raise latency, lower jitter",
            ),
            (
                share(self.before, self._hurt) > HURT_OUTSIDE,
                "the link was hurt before the fault: make sure that nothing else runs, then run again",
            ),
            (
                share(self.after, self._hurt) > HURT_OUTSIDE,
                "the link was still hurt after the fault: lengthen phases.recovery_s, or look for what stayed",
            ),
            (not self._seen(), self._make_it_seen()),
        )
        return next((sentence for applies, sentence in rules if applies), "")

    def _seen(self) -> bool:
        toxicity = self.effect.toxicity
        return toxicity > 0 and share(self.inside, self._as_told) >= HURT_INSIDE * toxicity

    def _make_it_seen(self) -> str:
        if self.effect.toxicity < 1:
            return "a toxicity below 1 spares some connections, and the probe has but one: set toxicity to 1"
        min_ms = self._min_ms()
        if min_ms is None:
            return "the fault did nothing to this link: check its type and attributes"
        return f"the fault did too little to this link, {min_ms:,.1f} ms were due: make it larger"

    def detail(self) -> str:
        """Say what the exchanges took inside the window, before and after it."""
        return (
            f"{took(self.inside)} in the fault ({self._count(self.inside)} hurt as expected),"
            f" {took(self.before)} before, {took(self.after)} after"
        )

    def _count(self, probes: Sequence[Probe]) -> str:
        return f"{sum(map(self._as_told, probes))} of {len(probes)}"

    def _as_told(self, probe: Probe) -> bool:
        """Say whether the probe shows what the faults of the link do."""
        if self.effect.broken:
            return probe.ms is None
        # Slower than the probe itself would wait is slow; failing in another way is another fault.
        return TIMED_OUT in probe.error if probe.ms is None else self._slow(probe.ms)

    def _hurt(self, probe: Probe) -> bool:
        """Say whether the probe shows any harm that the faults of the link could have done."""
        return probe.ms is None or (not self.effect.broken and self._slow(probe.ms))

    def _slow(self, ms: float) -> bool:
        min_ms = self._min_ms()
        return min_ms is not None and ms >= min_ms

    def _min_ms(self) -> float | None:
        if self.effect.min_ms is not None or self.effect.broken:
            return self.effect.min_ms
        taken = [probe.ms for probe in self.before if probe.ms is not None]
        # The ninth decile leaves the usual tenth of stragglers out.
        return 2 * quantiles(taken, n=10)[-1] if len(taken) >= MIN_PROBES else None


def failed(probe: Probe) -> bool:
    """Say whether no answer came."""
    return probe.ms is None


def share(probes: Sequence[Probe], marks: Callable[[Probe], bool]) -> float:
    """Return the share of the probes that `marks` marks; 0 where there are none."""
    return sum(map(marks, probes)) / len(probes) if probes else 0.0


def median_ms(probes: Sequence[Probe]) -> float:
    """Return the median of what the answered exchanges took; raises StatisticsError where none was answered."""
    return median(probe.ms for probe in probes if probe.ms is not None)


def took(probes: Sequence[Probe]) -> str:
    """Say what most of the probes met: how long an exchange took, or how it failed."""
    if not probes:
        return "no probe"
    broken = [probe for probe in probes if failed(probe)]
    if 2 * len(broken) > len(probes):
        return broken[0].error or "failed"
    ms = median_ms(probes)
    return f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.1f} ms"  # noqa: PLR2004 - below, a digit more is worth reading
