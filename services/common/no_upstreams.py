"""For a service that speaks to nobody: nothing to open, and ready as soon as it runs."""

from collections.abc import Mapping

from services.common.readiness import Check


class NoUpstreams:
    """No dependency at all."""

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    def checks(self) -> Mapping[str, Check]:
        """Return no check."""
        return {}
