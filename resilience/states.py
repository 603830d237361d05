"""The words that policies use for what they are in and what they did, shared by events, metrics and logs."""

from enum import StrEnum


class BreakerState(StrEnum):
    """The states of a circuit breaker; the forced ones are an operator's, and no call changes them."""

    CLOSED = "closed"
    HALF_OPEN = "half_open"
    OPEN = "open"
    FORCED_CLOSED = "forced_closed"
    FORCED_OPEN = "forced_open"


class Freshness(StrEnum):
    """How good a cached answer was."""

    FRESH = "fresh"
    STALE_REFRESHED = "stale_while_revalidate"  # answered from the copy, a new one is on its way
    STALE_ON_ERROR = "stale_if_error"  # answered from the copy, because a new one could not be had
    MISS = "miss"  # there was no copy: the caller waited for the answer itself


class Refresh(StrEnum):
    """Why a copy is renewed behind an answer."""

    EARLY = "early"  # it is fresh still: by lot, so that nobody waits when it runs out (XFetch)
    STALE = "stale"  # it has run out, and serves meanwhile


class Duplicate(StrEnum):
    """What became of a call whose idempotency key was known."""

    REPLAYED = "replayed"  # the first result was told again
    WAITED = "waited"  # the first call was in flight; its result was waited for
    IN_PROGRESS = "in_progress"  # waited for in vain: InProgress
    CONFLICT = "conflict"  # another request under the same key: KeyReused
    TAKEN_OVER = "taken_over"  # the first call is thought dead; this one goes on in its place


class ShedReason(StrEnum):
    """Why a server refused a request before it began."""

    FULL = "full"  # no place in the queue
    EVICTED = "evicted"  # a request of higher priority took the place
    SLOW = "slow"  # the queue has been standing, and this one waited too long in it (CoDel)
    DEADLINE = "deadline"  # too little of the caller's time is left
