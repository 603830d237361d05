"""How scheduled jobs stand, kept by the scheduler and read when somebody asks; 0 from the start, for every job."""

from collections.abc import Iterable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.common.kit import Kit
from services.common.metrics import JOB_LATENESS, JOB_LEADS, JOB_RUNS_TOTAL

OUTCOMES = ("ok", "failed", "skipped")


class JobUse:
    """Whether this process leads, how late each job's last run began (seconds), and how runs ended.

    "skipped" are runs that nobody made, and that the job's policy leaves out.
    """

    def __init__(self, jobs: Iterable[str]) -> None:
        self.leads = False
        self.late_s = dict.fromkeys(jobs, 0.0)
        self.runs = {(job, outcome): 0 for job in self.late_s for outcome in OUTCOMES}

    def count(self, job: str, outcome: str, runs: int) -> None:
        """Count runs that ended so."""
        self.runs[job, outcome] += runs


class JobMetrics(Collector):
    """Exposes a JobUse."""

    def __init__(self, kit: Kit, use: JobUse) -> None:
        self._labels = {"service": kit.service, "arm": kit.arm}
        self._use = use
        kit.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Yield the three families."""
        names, values = list(self._labels), list(self._labels.values())
        leads = GaugeMetricFamily(JOB_LEADS, "1 where this process runs the scheduled jobs.", labels=names)
        leads.add_metric(values, float(self._use.leads))
        late = GaugeMetricFamily(
            JOB_LATENESS, "How late the last run of a job began, in seconds.", labels=[*names, "job"]
        )
        for job, seconds in self._use.late_s.items():
            late.add_metric([*values, job], seconds)
        runs = CounterMetricFamily(JOB_RUNS_TOTAL, "Runs of a job, by their end.", labels=[*names, "job", "outcome"])
        for (job, outcome), count in self._use.runs.items():
            runs.add_metric([*values, job, outcome], count)
        return iter((leads, late, runs))

    def describe(self) -> Iterator[Metric]:
        """Yield nothing: the registry need not collect to know the names."""
        return iter(())
