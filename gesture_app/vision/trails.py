"""Where hands were in the last second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gesture_app.vision.hands import Hand

LENGTH_S = 1.0


@dataclass(frozen=True)
class Trail:
    """The way of one hand: the middles of its boxes in pixels, the oldest first, and its gesture now."""

    label: str
    points_xy: tuple[tuple[float, float], ...]


class Trails:
    """Collects the ways of tracked hands, as far back as `LENGTH_S`."""

    def __init__(self) -> None:
        self._points: dict[int, list[tuple[float, float, float]]] = {}
        self._time_s = 0.0

    def update(self, hands: Sequence[Hand], time_s: float) -> list[Trail]:
        """The trails of the hands of the next frame; a step back in time, as after a loop or a seek, starts afresh."""
        if time_s < self._time_s:
            self.clear()
        self._time_s = time_s
        now = {hand.id: hand for hand in hands}
        for hand in now.values():
            left, top, right, bottom = hand.box_xyxy
            self._points.setdefault(hand.id, []).append((time_s, (left + right) / 2, (top + bottom) / 2))
        for number, points in list(self._points.items()):
            self._points[number] = [point for point in points if time_s - point[0] <= LENGTH_S]
            if not self._points[number]:
                del self._points[number]
        return [Trail(hand.label, tuple((x, y) for _, x, y in self._points[hand.id])) for hand in now.values()]

    def clear(self) -> None:
        """Forget every way, as when the picture is mirrored."""
        self._points.clear()
