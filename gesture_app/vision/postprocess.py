"""Raw detector output to boxes in pixels, without PyTorch: few of the cells are left after the threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.hands import FloatArray
from gesture_app.vision.preprocess import scaled_hw

STRIDES = (8, 16, 32)
NMS_IOU = 0.45
MAX_CANDIDATES = 1000
MAX_LOG_SIZE = 8.0
"""exp(8) cells are wider than any picture; without the limit a wild prediction becomes infinite."""


@dataclass(frozen=True)
class Detections:
    """Detections of one image, best first.

    Attributes:
        boxes_xyxy: (N, 4), pixels of the source frame, clipped to it.
        scores: (N,) objectness times class probability, 0..1.
        classes: (N,).
    """

    boxes_xyxy: FloatArray
    scores: FloatArray
    classes: NDArray[np.int64]

    def take(self, which: NDArray[np.intp] | NDArray[np.bool_]) -> Detections:
        """Some of them: those of these numbers, in this order, or where a mask is true."""
        return Detections(self.boxes_xyxy[which], self.scores[which], self.classes[which])


@lru_cache(maxsize=8)
def cell_grid(input_hw: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """The corners and strides of the cells, in the order of the raw output.

    Returns:
        corners_xy (M, 2), in cells, and strides (M,), in input pixels; both float32, not to be written to.
    """
    corners, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: input_hw[0] // stride, : input_hw[1] // stride]
        corners.append(np.stack((x, y), axis=-1).reshape(-1, 2).astype(np.float32))
        strides.append(np.full(len(corners[-1]), stride, np.float32))
    grid = np.concatenate(corners), np.concatenate(strides)
    for array in grid:
        array.setflags(write=False)
    return grid


def decode_boxes(raw: FloatArray, corners_xy: FloatArray, strides: FloatArray) -> FloatArray:
    """Boxes of raw output: centre = (corner + offset) * stride, size = exp(log size) * stride.

    Args:
        raw: (M, 4 or more), finite, see `yolox.YOLOX.forward`.
        corners_xy, strides: of the same M cells, see `cell_grid`.

    Returns:
        boxes_xyxy (M, 4), pixels of the model input, not clipped.
    """
    centre = (raw[:, :2] + corners_xy) * strides[:, None]
    half = np.exp(np.minimum(raw[:, 2:4], MAX_LOG_SIZE)) * strides[:, None] / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def select(
    raw: FloatArray, input_hw: tuple[int, int], frame_hw: tuple[int, int], threshold: float, max_detections: int
) -> Detections:
    """The detections of one image: threshold first, then non-maximum suppression over what is left.

    Suppression does not look at the class: one hand is one box.

    Args:
        raw: (M, 5 + classes), the output for one image that was letterboxed into `input_hw`.
        input_hw: the model's input shape.
        frame_hw: the shape of the source frame.
        threshold: least score to keep, 0..1. Non-finite predictions are dropped.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        probabilities = np.reciprocal(1 + np.exp(-raw[:, 4:]))
    classes = probabilities[:, 1:].argmax(axis=1)
    scores = probabilities[:, 0] * probabilities[np.arange(len(raw)), classes + 1]
    index = np.flatnonzero((scores >= threshold) & np.isfinite(raw[:, :4]).all(axis=1))
    index = index[np.argsort(-scores[index], kind="stable")[:MAX_CANDIDATES]]
    corners, strides = cell_grid(input_hw)
    scale = scaled_hw(frame_hw, input_hw)[1]
    boxes = decode_boxes(raw[index], corners[index], strides[index]) / np.float32(scale)
    boxes = boxes.clip(0, np.array((frame_hw[1], frame_hw[0]) * 2, np.float32))
    real = ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(axis=1)
    index, boxes = index[real], boxes[real]
    best = suppress_overlaps(boxes, max_detections)
    return Detections(boxes[best], scores[index[best]], classes[index[best]])


def suppress_overlaps(boxes_xyxy: FloatArray, limit: int) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        boxes_xyxy: (N, 4), best first.
        limit: most boxes to keep.

    Returns:
        The places of the kept boxes, best first: those that overlap no better kept one by more than `NMS_IOU`.
    """
    kept: list[int] = []
    left: NDArray[np.intp] = np.arange(len(boxes_xyxy))
    while len(left) and len(kept) < limit:
        first, left = left[0], left[1:]
        kept.append(first)
        left = left[iou_matrix(boxes_xyxy[first], boxes_xyxy[left])[0] <= NMS_IOU]
    return np.array(kept, np.intp)


def join(several: Sequence[Detections], limit: int) -> Detections:
    """At most `limit` of several detections of one picture, best first, every hand once."""
    boxes = np.concatenate([found.boxes_xyxy for found in several])
    scores = np.concatenate([found.scores for found in several])
    classes = np.concatenate([found.classes for found in several])
    best = np.argsort(-scores, kind="stable")
    return Detections(boxes, scores, classes).take(best[suppress_overlaps(boxes[best], limit)])
