"""Changes the number of closed-loop users over a run, as --shape says: the class through which Locust asks for it.

Locust asks about once a second and shapes users, never arrivals: for arrivals see schedule.py.
"""

from argparse import ArgumentParser
from typing import Any

from locust import LoadTestShape, events

from loadtests.curves import CURVES

DEFAULT_USERS = 20
DEFAULT_RUN_S = 60.0


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]  # Locust leaves it untyped
def _add_option(parser: ArgumentParser, **_: Any) -> None:
    parser.add_argument("--shape", choices=sorted(CURVES), default="steady", help="how the number of users changes")


class Shape(LoadTestShape):
    """The curve named by --shape, up to --users, over --run-time."""

    use_common_options = True

    def tick(self) -> tuple[int, float] | None:
        """Return (users, users started per second), or None at the end of the run."""
        options: Any = self.runner.environment.parsed_options if self.runner else None
        peak = int(getattr(options, "num_users", None) or DEFAULT_USERS)
        run_s = float(getattr(options, "run_time", None) or DEFAULT_RUN_S)
        share = self.get_run_time() / run_s  # type: ignore[no-untyped-call]  # Locust's own
        if share >= 1:
            return None
        return CURVES[getattr(options, "shape", "steady")](share, peak), float(peak)
