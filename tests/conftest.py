"""Which tests run beside which, where xdist deals them out by file; and no property depends on a machine's pace."""

import signal

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

LAB = "tests/system/"

settings.register_profile("any pace", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any pace")


def pytest_configure() -> None:
    """Hear Ctrl-C also where a shell has started this in the background: what is started here inherits deafness."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class OneLab(LoadScopeScheduling):  # type: ignore[misc]
    """All that takes the lab's ports goes to one worker, which does it in turn; any other file to any worker."""

    def _split_scope(self, nodeid: str) -> str:
        return LAB if nodeid.startswith(LAB) else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneLab | None:
    """Return the scheduler of `--dist loadfile`, and leave any other as it is."""
    return OneLab(config, log) if config.getoption("dist") == "loadfile" else None
