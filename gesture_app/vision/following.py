"""Boxes that go along with what they show, from one frame to the next, without a network."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.hands import FloatArray, Image

Grey = NDArray[np.uint8]

FLOW_SIDE = 320
"""The longer side of the pictures in which motion is measured: enough for hands, a millisecond a frame."""
CENTRAL = 0.8
"""The share of a box, around its middle, that the points fill: the rim shows what is behind the hand."""
SPREAD = np.linspace(-0.5, 0.5, 7)
GRID = CENTRAL * np.array([(x, y) for y in SPREAD for x in SPREAD if abs(x) + abs(y) < 0.99], np.float32)
"""The points of a box, in its sides: a grid of 7x7, without its corners, which rarely lie on a hand."""
WINDOW = 13
LEVELS = 2
STEPS = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 10, 0.03)
"""Lucas-Kanade ends after so many steps, or one this short, in pixels: more of both place boxes no better."""
MAX_RETURN_PX = 1.0
LEAST_POINTS = 0.3
MAX_SCALE = 1.3


def small_grey(image: Image) -> Grey:
    """A BGR picture in grey, its longer side at most `FLOW_SIDE` pixels."""
    scale = min(1.0, FLOW_SIDE / max(image.shape[:2]))
    size_wh = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.cvtColor(cv2.resize(image, size_wh, interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2GRAY))


def follow_boxes(before: Grey, now: Grey, boxes_xyxy: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Move boxes along with the picture inside them: median flow (Kalal et al., "Forward-Backward Error", ICPR 2010).

    Points in the middle of a box are tracked by Lucas-Kanade forwards and back again; those that come back to where
    they started vote for the shift and the change of scale, by their medians.

    Args:
        before, now: two pictures of one shape.
        boxes_xyxy: (N, 4) in pixels of `before`.

    Returns:
        The boxes (N, 4) in pixels of `now`, not clipped, and (N,) whether they could be followed; one that could not
        stays where it was.
    """
    boxes = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4)
    sure = np.zeros(len(boxes), np.bool_)
    if not len(boxes) or before.shape != now.shape:
        return boxes.copy(), sure
    starts = np.concatenate([_points_in(box) for box in boxes])
    flow = partial(cv2.calcOpticalFlowPyrLK, winSize=(WINDOW, WINDOW), maxLevel=LEVELS, criteria=STEPS)
    ends, found, _ = flow(before, now, starts[:, None], None)
    back, found_back, _ = flow(now, before, ends, None)
    ends, back = ends[:, 0], back[:, 0]
    good = (found[:, 0] > 0) & (found_back[:, 0] > 0)
    good &= np.linalg.norm(back - starts, axis=1) < MAX_RETURN_PX
    followed = boxes.copy()
    each = len(starts) // len(boxes)
    for number, box in enumerate(boxes):
        rows = slice(number * each, (number + 1) * each)
        kept = good[rows]
        if kept.mean() < LEAST_POINTS:
            continue
        moved = _moved(box, starts[rows][kept], ends[rows][kept])
        if moved is not None:
            followed[number], sure[number] = moved, True
    return followed, sure


def _points_in(box_xyxy: FloatArray) -> FloatArray:
    centre, side = (box_xyxy[:2] + box_xyxy[2:]) / 2, box_xyxy[2:] - box_xyxy[:2]
    return np.asarray(centre + GRID * side, np.float32)


def _moved(box_xyxy: FloatArray, starts: FloatArray, ends: FloatArray) -> FloatArray | None:
    """The box after the median motion of its points; None where that makes no sense."""
    shift = np.median(ends - starts, axis=0)
    first, second = np.triu_indices(len(starts), 1)
    length = np.linalg.norm(starts[first] - starts[second], axis=1)
    scale = float(np.median(np.linalg.norm(ends[first] - ends[second], axis=1) / length)) if len(length) else 1.0
    if not 1 / MAX_SCALE < scale < MAX_SCALE:
        return None
    centre = (box_xyxy[:2] + box_xyxy[2:]) / 2 + shift
    half = (box_xyxy[2:] - box_xyxy[:2]) / 2 * scale
    return np.asarray(np.concatenate((centre - half, centre + half)), np.float32)
