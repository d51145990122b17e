"""A closer look at a part of a picture, for hands so far away that the detector misses them in the whole of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from gesture_app.vision.hands import Box, FloatArray, Image, RecognizerOptions
from gesture_app.vision.postprocess import Detections, join

Window: TypeAlias = tuple[int, int, int, int]
"""A part of a picture: left, top, right, bottom in whole pixels."""
Find: TypeAlias = Callable[[Image, RecognizerOptions], Detections]
"""The boxes of a BGR picture, such as `Recognizer.detect`."""

SHARE = 0.6
"""What a window shows of each side of the picture."""
PRIOR_ODDS = 0.1
"""The odds of a hand in a window count so much: there is more to mistake for one. 0.58 counts as 0.12."""
RIM = 0.01
"""A box as near to a window's edge, in its longer side, may be a part of a hand."""
TURN_S = 0.1
"""Where no hand is shown, the time from one window to the next."""
MOST_WINDOWS = 2
"""Most windows for hands that are missing in a frame."""


def corner_windows(image_hw: tuple[int, int]) -> list[Window]:
    """The four windows in the corners of a picture; each overlaps its neighbours by a third."""
    height, width = _size_hw(image_hw)
    lefts, tops = (0, image_hw[1] - width), (0, image_hw[0] - height)
    return [(left, top, left + width, top + height) for top in tops for left in lefts]


def window_around(image_hw: tuple[int, int], box_xyxy: Box) -> Window:
    """The window whose middle is that of a box, moved into the picture."""
    height, width = _size_hw(image_hw)
    left = round((box_xyxy[0] + box_xyxy[2] - width) / 2)
    top = round((box_xyxy[1] + box_xyxy[3] - height) / 2)
    left, top = min(max(left, 0), image_hw[1] - width), min(max(top, 0), image_hw[0] - height)
    return left, top, left + width, top + height


def look_closer(find: Find, image: Image, window: Window, options: RecognizerOptions) -> Detections:
    """What is found in a window, in pixels of the picture, without boxes that the window may cut.

    Scores are those of the detector with odds multiplied by `PRIOR_ODDS`; the threshold of the options is for these.
    """
    left, top, right, bottom = window
    threshold = _with_odds(np.float32(options.detector_threshold), 1 / PRIOR_ODDS)
    found = find(image[top:bottom, left:right], replace(options, detector_threshold=float(threshold)))
    boxes = found.boxes_xyxy + np.array((left, top, left, top), np.float32)
    found = Detections(boxes, _with_odds(found.scores, PRIOR_ODDS), found.classes)
    rim = RIM * max(right - left, bottom - top)
    height, width = image.shape[:2]
    # At the picture's own edge a hand is cut in the whole picture as well.
    least = np.array((left + rim if left else 0, top + rim if top else 0), np.float32)
    most = np.array((right - rim if right < width else width, bottom - rim if bottom < height else height), np.float32)
    return found.take(np.flatnonzero((boxes[:, :2] >= least).all(axis=1) & (boxes[:, 2:] <= most).all(axis=1)))


def look_at_all(find: Find, image: Image, windows: Sequence[Window], options: RecognizerOptions) -> Detections:
    """What is found in any of some windows, best first, every hand once."""
    if not windows:
        return Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))
    return join([look_closer(find, image, window, options) for window in windows], options.max_boxes)


class WindowChoice:
    """Where to look closer in the frames of a video, if anywhere.

    Hands that were there a moment ago and are missing are looked for where they were. Where the whole frame shows no
    hand, the corners take turns as well, one every `TURN_S` seconds.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._turned_s: float | None = None

    def __call__(
        self, image_hw: tuple[int, int], time_s: float, missing: Sequence[Box], shows_hand: bool
    ) -> list[Window]:
        """The windows for the frame of this time.

        Args:
            missing: where hands were a moment ago that the frame does not show.
            shows_hand: whether it shows any hand.
        """
        windows = _cover(image_hw, missing)
        turned = self._turned_s is not None and 0 <= time_s - self._turned_s < TURN_S - 1e-6
        if not shows_hand and not turned:
            corners = corner_windows(image_hw)
            windows.append(corners[self._turn % len(corners)])
            self._turn, self._turned_s = self._turn + 1, time_s
        return windows


def _cover(image_hw: tuple[int, int], boxes_xyxy: Sequence[Box]) -> list[Window]:
    """Windows that show the boxes, the first ones first."""
    windows: list[Window] = []
    for box in boxes_xyxy:
        if len(windows) < MOST_WINDOWS and not any(
            w[0] <= box[0] and w[1] <= box[1] and box[2] <= w[2] and box[3] <= w[3] for w in windows
        ):
            windows.append(window_around(image_hw, box))
    return windows


def _size_hw(image_hw: tuple[int, int]) -> tuple[int, int]:
    return max(1, round(SHARE * image_hw[0])), max(1, round(SHARE * image_hw[1]))


def _with_odds(scores: FloatArray | np.float32, factor: float) -> FloatArray:
    """Probabilities whose odds are multiplied."""
    return np.asarray(factor * scores / (1 + (factor - 1) * scores), np.float32)
