"""Figures over the last few seconds: a rate and percentiles."""

from __future__ import annotations

import math
from collections import deque

RATE_WINDOW_S, VALUES_WINDOW_S = 2.0, 5.0


class RateMeter:
    """Events a second over a sliding window of seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def add(self, time_s: float) -> None:
        """Count an event at this time; times must not decrease."""
        self._times.append(time_s)

    def rate(self, now_s: float) -> float | None:
        """Events per second, or None while there are fewer than two in the window: n times span n - 1 intervals."""
        while self._times and self._times[0] < now_s - RATE_WINDOW_S:
            self._times.popleft()
        if len(self._times) < 2 or self._times[-1] <= self._times[0]:
            return None
        return (len(self._times) - 1) / (self._times[-1] - self._times[0])

    def clear(self) -> None:
        """Forget everything, for a new source."""
        self._times.clear()


class Percentiles:
    """Percentiles of the values of the last seconds."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, float]] = deque()

    def add(self, time_s: float, value: float) -> None:
        """Add a value measured at this time; times must not decrease."""
        self._samples.append((time_s, value))

    def at(self, now_s: float, *fractions: float) -> tuple[float, ...] | None:
        """The values at these fractions (0.5 is the median) by nearest rank, or None without a recent value."""
        while self._samples and self._samples[0][0] < now_s - VALUES_WINDOW_S:
            self._samples.popleft()
        if not self._samples:
            return None
        values = sorted(value for _, value in self._samples)
        return tuple(values[max(0, math.ceil(fraction * len(values)) - 1)] for fraction in fractions)

    def clear(self) -> None:
        """Forget everything, for a new source."""
        self._samples.clear()
