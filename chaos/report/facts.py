"""What a run ran on: versions, machine, what the lab itself took."""

from collections.abc import Iterator

from chaos.report.numbers import grouped, quantity, seconds
from chaos.run import Component, LoadQuality, Resources, Run

# Whose protocol it is does not say who speaks it.
_PLAYERS = (("redis", "valkey"), ("kafka", "tansu"), ("mysql", "mariadb"))


def about_line(run: Run) -> str:
    """Return when, where and with what a run ran, in one line."""
    began = run.started_at.replace("T", " ").replace("Z", " UTC")
    parts = [began, f"seed {run.seed}", f"{grouped(run.duration_s, 0)} s", f"engine {run.engine}"]
    # The packages of the services fill a line of their own; they stand in the list below.
    parts += [component_text(one) for one in run.components if one.provider != "Python package"]
    sha, dash, changed = run.commit.partition("-")
    return " · ".join([*parts, *([f"commit {sha[:12]}{dash}{changed}"] if run.commit else [])])


def component_text(one: Component) -> str:
    """Return who plays a component, e.g. `valkey 9.1`, `tansu 0.6` or `toxiproxy embedded`."""
    played = next((who for role, who in _PLAYERS if one.name == role and who in one.provider.lower()), one.name)
    # The project's own server has no version that tells more than that it is the project's.
    return f"{played} {one.provider if one.provider == 'embedded' else '.'.join(one.version.split('.')[:2])}"


def facts(run: Run) -> list[tuple[str, str]]:
    """Return everything that is known about the circumstances of a run, as (name, value)."""
    found = [(one.name, f"{one.version} ({one.provider})") for one in run.components]
    found += [(key.replace("_", " "), value) for key, value in run.machine.items()]
    found.append(("commit", run.commit or "-"))
    found += [*_resources(run.resources), ("load", _load(run.load))]
    found += [(f"phase {one.phase}", f"{one.from_s:.1f} to {one.to_s:.1f} s") for one in run.timeline]
    return found


def _resources(used: Resources) -> Iterator[tuple[str, str]]:
    yield "stack", f"ready in {seconds(round(used.ready_s, 1))}, stopped in {seconds(round(used.stop_s, 1))}"
    busy, peak = used.cpu_busy_baseline, used.memory_peak_mib
    yield "processors busy in the baseline", "-" if busy is None else quantity(busy, "share")
    yield "memory of the whole lab, peak", "-" if peak is None else f"{grouped(peak, 0)} MiB ({used.memory_kind})"


def _load(load: LoadQuality) -> str:
    arrivals, sent, skipped = (grouped(count, 0) for count in (load.arrivals, load.sent, load.skipped))
    counts = f"{arrivals} arrivals, {sent} requests sent, {skipped} skipped"
    return f"{counts}, late by {quantity(load.lag_p99_ms, 'ms')} at p99 and {quantity(load.lag_max_ms, 'ms')} at most"
