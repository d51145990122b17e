"""Identities over time and calmer labels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.hands import FloatArray, Hand
from gesture_app.vision.labels import name_gesture, name_side

MIN_IOU = 0.15
SMOOTHING_S = 0.2
"""Time constant of the moving average of a hand's probabilities."""
SIDE_SMOOTHING = 5.0
"""The side is averaged over so many times as long: a hand keeps it, whatever gesture it shows."""
LOST_AFTER_S = 0.5


@dataclass
class Track:
    """A hand that was seen before.

    Attributes:
        box_xyxy: where it was last seen, pixels.
        probabilities: (classes,) the moving average.
        seen_s: when it was last seen.
        right: the moving average of the probability of a right hand.
        side: the last one that was sure.
    """

    id: int
    box_xyxy: tuple[float, float, float, float]
    probabilities: FloatArray
    seen_s: float
    right: float
    side: str = ""


class Tracker:
    """Follows the hands of one video.

    A hand keeps its identity while its box overlaps the one it had before; pairs are chosen so that their summed
    overlap is greatest (Hungarian method). The label comes from probabilities averaged over about `SMOOTHING_S`
    seconds, whatever the frame rate; the side stays until the other one is sure.

    Args:
        labels: names in the order of the probabilities.
        label_threshold: as in `RecognizerOptions`; may be changed at any time.

    Attributes:
        smoothing_s: time constant of the moving average; 0 shows every frame's own probabilities. May be changed too.
    """

    def __init__(self, labels: tuple[str, ...], label_threshold: float) -> None:
        self.labels = labels
        self.label_threshold = label_threshold
        self.smoothing_s = SMOOTHING_S
        self.tracks: list[Track] = []
        self.next_id = 1

    def update(self, hands: list[Hand], time_s: float) -> list[Hand]:
        """Give the hands of the next frame their ids and smoothed probabilities; order and boxes stay.

        Args:
            time_s: of the frame, in seconds. A step back in time, as after a loop or a seek, starts afresh.
        """
        if any(track.seen_s > time_s for track in self.tracks):
            self.tracks = []
        self.tracks = [track for track in self.tracks if time_s - track.seen_s <= LOST_AFTER_S]
        known = self.match(hands)
        named = []
        for number, hand in enumerate(hands):
            track = known.get(number)
            if track is None:
                track = Track(self.next_id, hand.box_xyxy, hand.probabilities, time_s, hand.right)
                self.next_id += 1
                self.tracks.append(track)
            else:
                keep = float(np.exp(-(time_s - track.seen_s) / self.smoothing_s)) if self.smoothing_s > 0 else 0.0
                track.probabilities = keep * track.probabilities + (1 - keep) * hand.probabilities
                keep **= 1 / SIDE_SMOOTHING
                track.right = keep * track.right + (1 - keep) * hand.right
                track.box_xyxy, track.seen_s = hand.box_xyxy, time_s
            name = name_gesture(track.probabilities, self.labels, self.label_threshold)
            track.side = name_side(track.right) or track.side
            named.append(
                replace(
                    hand,
                    id=track.id,
                    label=name.label,
                    score=name.score,
                    top=name.top,
                    probabilities=track.probabilities,
                    right=track.right,
                    side=track.side,
                )
            )
        return named

    def match(self, hands: list[Hand]) -> dict[int, Track]:
        """The track of every hand that has one, by the hand's place in the list."""
        if not hands or not self.tracks:
            return {}
        overlaps = iou_matrix(
            np.array([hand.box_xyxy for hand in hands]), np.array([track.box_xyxy for track in self.tracks])
        )
        rows, columns = linear_sum_assignment(-overlaps)
        return {
            int(row): self.tracks[column]
            for row, column in zip(rows, columns, strict=True)
            if overlaps[row, column] >= MIN_IOU
        }
