"""The few shapes of PromQL that the boards are written in.

Few on purpose: a page without Prometheus calculates the same expressions from a run's own samples. Nothing here divides
by what may be zero: 0/0 would be a series of no numbers, and nothing is truer than that.
"""

# At least four scrapes, whatever the time range: Grafana's own, from the data source's timeInterval.
WINDOW = "$__rate_interval"
# Said on each panel where somebody may read off when a thing was over.
LAG = "Each point looks 4 s back: a rise shows within 1 s, an end up to 4 s late."

ARM = 'arm=~"$arm"'
SERVICE = 'service=~"$service"'
LINK = 'link=~"$link"'


def series(metric: str, *where: str) -> str:
    """Return a selector; `where` are its matchers."""
    return f"{metric}{{{','.join(where)}}}" if where else metric


def total(metric: str, by: str, *where: str) -> str:
    """Return the sum of a gauge by labels, `by` as in `arm, link`."""
    return f"sum by ({by}) ({series(metric, *where)})"


def most(metric: str, by: str, *where: str) -> str:
    """Return the largest of a gauge by labels."""
    return f"max by ({by}) ({series(metric, *where)})"


def least(metric: str, by: str, *where: str) -> str:
    """Return the smallest of a gauge by labels."""
    return f"min by ({by}) ({series(metric, *where)})"


def rate(metric: str, by: str, *where: str, window: str = WINDOW) -> str:
    """Return how often something happens a second, by labels."""
    return f"sum by ({by}) (rate({series(metric, *where)}[{window}]))"


def quantile(share: float, metric: str, by: str, *where: str, window: str = WINDOW) -> str:
    """Return a quantile of a histogram by labels, in seconds; no series where nothing was observed."""
    buckets = rate(f"{metric}_bucket", f"{by}, le" if by else "le", *where, window=window)
    # A quantile of nothing is no number, and no number is not at least 0.
    return f"histogram_quantile({share}, {buckets}) >= 0"


def ratio(part: str, whole: str) -> str:
    """Return the ratio of two vectors of equal labels; no series where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def or_zero(counted: str, beside: str) -> str:
    """Return `counted`, and 0 where it has no series but `beside`, of equal labels, has: errors that never happened."""
    return f"{counted} or 0 * {beside}"


def label_values(metric: str, label: str) -> str:
    """Return the query of a variable."""
    return f"label_values({metric}, {label})"
