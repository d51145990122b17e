"""Durations and places in a clip as people read them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """`01:05`, with hours `2:01:05`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def clock_with_tenths(time_s: float) -> str:
    """Hours where there are any, minutes, seconds and tenths: 1:02:03.4, 2:03.4."""
    tenths = max(0, int(time_s * 10 + 1e-6))
    seconds, tenth = divmod(tenths, 10)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{minute:02d}:{second:02d}.{tenth}" if hours else f"{minute}:{second:02d}.{tenth}"
    return f"{hours}:{text}" if hours else text
