"""Box geometry for the parts of the app that do without torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.hands import FloatArray


def iou_matrix(first_xyxy: NDArray[Any], second_xyxy: NDArray[Any]) -> NDArray[np.float64]:
    """Overlap of every pair: (N, 4) and (M, 4) in the same pixels -> (N, M), intersection over union, 0..1."""
    first = np.asarray(first_xyxy, np.float64).reshape(-1, 1, 4)
    second = np.asarray(second_xyxy, np.float64).reshape(1, -1, 4)
    sides = np.minimum(first[..., 2:], second[..., 2:]) - np.maximum(first[..., :2], second[..., :2])
    intersection = sides.clip(min=0).prod(axis=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).clip(min=0).prod(axis=-1) for boxes in (first, second)]
    return np.asarray(intersection / (areas[0] + areas[1] - intersection).clip(min=1e-12))


def box_areas(boxes_xyxy: FloatArray) -> FloatArray:
    """The areas (N,) of boxes (N, 4)."""
    return np.asarray((boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1))


def mirror_boxes(boxes_xyxy: FloatArray, width: int) -> FloatArray:
    """Where boxes (N, 4) are in the mirror image of a picture of this width."""
    left, top, right, bottom = boxes_xyxy.T
    return np.stack((width - right, top, width - left, bottom), axis=1)
