"""Figures over the last few seconds: a rate and percentiles."""

from __future__ import annotations

import math
from collections import deque

RATE_WINDOW_S, VALUES_WINDOW_S = 2.0, 5.0


class Meter:
    """Values of the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, time_s: float, value: float) -> None:
        """Add a value measured at this time; times must not decrease."""
        self._samples.append((time_s, value))

    def rate(self, now_s: float) -> float | None:
        """Values per second, or None while there are fewer than two in the window: n times span n - 1 intervals."""
        times = [time_s for time_s, _ in self._samples if time_s >= now_s - RATE_WINDOW_S]
        return (len(times) - 1) / (times[-1] - times[0]) if times and times[-1] > times[0] else None

    def at(self, now_s: float, *fractions: float) -> tuple[float, ...] | None:
        """The values at these fractions (0.5 is the median) by nearest rank, or None without a recent value."""
        while self._samples and self._samples[0][0] < now_s - VALUES_WINDOW_S:
            self._samples.popleft()
        if not self._samples:
            return None
        values = sorted(value for _, value in self._samples)
        return tuple(values[max(0, math.ceil(fraction * len(values)) - 1)] for fraction in fractions)
