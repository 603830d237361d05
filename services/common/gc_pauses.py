"""A full garbage collection walks all that the process has loaded: 50 ms in which its event loop answers nobody."""

import gc
from typing import TypeVar

App = TypeVar("App")


def without_gc_pauses(app: App) -> App:
    """Keep all that is loaded now for good, and return the application; the last thing a main() does.

    Frozen objects (some 80,000, of modules and routes) are walked no more: a full collection then takes as long as what
    requests have left behind. For a process that serves one application until its end, not for a test.
    """
    gc.collect()
    gc.freeze()
    return app
