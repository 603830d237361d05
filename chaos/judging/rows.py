"""The records of a run as columns: a run has twenty thousand rows, and each figure looks at all of them.

A request belongs to the phase, and to the second, of its *intended* instant: a wait never moves it into a better one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from chaos.records import Request
from chaos.scenario import KINDS, Kind

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Rows:
    """Requests as equally long columns; `intended_s` in seconds after t0, `latency_ms` from the intended instant."""

    intended_s: Floats
    latency_ms: Floats
    answered: Flags
    refused: Flags
    failed: Flags
    gave_up: Flags
    skipped: Flags
    stale: Flags
    retry_after: Flags

    @classmethod
    def of(cls, requests: Sequence[Request]) -> Self:
        """Turn requests into columns, sorted by their intended instant."""
        ordered = sorted(requests, key=lambda request: request.intended_s)
        outcomes = np.array([request.outcome for request in ordered], dtype="U8")
        return cls(
            intended_s=np.array([request.intended_s for request in ordered], dtype=float),
            latency_ms=np.array([request.latency_ms for request in ordered], dtype=float),
            answered=outcomes == "answered",
            refused=outcomes == "refused",
            failed=outcomes == "failed",
            gave_up=outcomes == "gave_up",
            skipped=outcomes == "skipped",
            stale=np.array([request.stale for request in ordered], dtype=bool),
            retry_after=np.array([request.retry_after_s is not None for request in ordered], dtype=bool),
        )

    def __len__(self) -> int:
        return len(self.intended_s)

    def where(self, mask: Flags) -> Self:
        """Return the rows that the mask marks."""
        return type(self)(**{field.name: getattr(self, field.name)[mask] for field in fields(self)})

    def within(self, from_s: float, to_s: float) -> Self:
        """Return the rows intended in [from_s, to_s)."""
        return self.where((self.intended_s >= from_s) & (self.intended_s < to_s))

    def in_time(self, in_time_s: float) -> Flags:
        """Mark what was answered within `in_time_s` of the intended instant."""
        return self.answered & (self.latency_ms <= in_time_s * 1000)


def split(requests: Sequence[Request], arms: Sequence[str]) -> dict[tuple[str, Kind], Rows]:
    """Return the rows of each arm and kind; an arm or kind without requests has empty rows."""
    sorted_out: dict[tuple[str, Kind], list[Request]] = {(arm, kind): [] for arm in arms for kind in KINDS}
    for request in requests:
        if (request.arm, request.kind) in sorted_out:
            sorted_out[request.arm, request.kind].append(request)
    return {key: Rows.of(own) for key, own in sorted_out.items()}
