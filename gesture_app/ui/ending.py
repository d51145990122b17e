"""The end of what works in threads and processes of its own."""

from __future__ import annotations

import time
from collections.abc import Callable

LOAD_STOP_S = 0.5  # what loads may be at its end; else nobody waits for what nobody wants any more


def end_all(timeout_s: float, *ends: Callable[[float], bool]) -> bool:
    """Call each with the seconds that are left by then, and tell whether all say that they have ended."""
    deadline_s = time.monotonic() + timeout_s
    ended = [end(max(0.0, deadline_s - time.monotonic())) for end in ends]
    return all(ended)
