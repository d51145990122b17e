"""What travels through the program: a picture with its time, and the hands found in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""A picture: height x width x 3, uint8, BGR."""

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """One picture of a source. `time_s` is its presentation time in seconds from the start of the source."""

    image: Image
    index: int
    time_s: float


@dataclass(frozen=True)
class Hand:
    """One hand in one picture.

    Attributes:
        box_xyxy: left, top, right, bottom in pixels of the source frame, clipped to it.
        detector_score: probability that the box holds a hand.
        label: the name of the gesture, `no_gesture` when none is certain enough.
        score: probability of `label`.
        top: the three most probable names, best first, whatever the thresholds.
        probabilities: shape (classes,), in the order of the classifier's labels; sums to 1.
        id: identity over time, from 1; in a single picture the hand's number.
    """

    box_xyxy: tuple[float, float, float, float]
    detector_score: float
    label: str
    score: float
    top: tuple[tuple[str, float], ...]
    probabilities: FloatArray = field(repr=False, compare=False)
    id: int = 0
