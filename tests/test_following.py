from __future__ import annotations

import cv2
import numpy as np
import pytest

from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.following import FLOW_SIDE, follow_boxes, small_grey

RNG = np.random.default_rng(3)


def textured(height: int, width: int) -> np.ndarray:
    return cv2.GaussianBlur(RNG.integers(0, 256, (height, width), np.uint8), (0, 0), 3).astype(np.uint8)


BACKGROUND, HAND = textured(180, 320), textured(60, 60)


def scene(left: float, top: float, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """A textured square before a background that stays, and its box."""
    side = round(60 * scale)
    x, y = round(left), round(top)
    picture = BACKGROUND.copy()
    picture[y : y + side, x : x + side] = cv2.resize(HAND, (side, side), interpolation=cv2.INTER_AREA)
    return picture, np.array([x, y, x + side, y + side], np.float32)


@pytest.mark.parametrize(
    ("left", "top", "scale"), [(100, 60, 1), (103, 58, 1), (112, 66, 1), (88, 51, 1), (97, 58, 1.1), (104, 64, 0.9)]
)
def test_boxes_go_along(left: float, top: float, scale: float) -> None:
    before, box = scene(100, 60)
    now, expected = scene(left, top, scale)
    still = np.array([10, 10, 50, 60], np.float32)
    followed, sure = follow_boxes(before, now, np.stack((box, still)))
    assert sure.all()
    assert iou_matrix(followed[0], expected)[0, 0] > 0.9
    assert followed[1] == pytest.approx(still, abs=0.5)


def test_no_boxes() -> None:
    followed, sure = follow_boxes(BACKGROUND, BACKGROUND, np.zeros((0, 4), np.float32))
    assert followed.shape == (0, 4) and sure.shape == (0,)


@pytest.mark.parametrize("now", [textured(180, 320), textured(90, 160)])
def test_another_picture_loses_the_box(now: np.ndarray) -> None:
    before, box = scene(100, 60)
    followed, sure = follow_boxes(before, now, box[None])
    assert not sure.any()
    assert np.array_equal(followed, box[None])


@pytest.mark.parametrize("box", [(-30, -30, 10, 10), (400, 300, 500, 400), (5, 5, 5.5, 5.5), (0, 0, 320, 180)])
def test_odd_boxes(box) -> None:
    before, _ = scene(100, 60)
    followed, sure = follow_boxes(before, before, np.array([box], np.float32))
    assert np.isfinite(followed).all()
    assert not sure[0] or followed[0] == pytest.approx(box, abs=1)


@pytest.mark.parametrize(
    ("hw", "expected"),
    [((720, 1280), (180, 320)), ((1280, 720), (320, 180)), ((40, 30), (40, 30)), ((1, 4000), (1, 320))],
)
def test_small_grey(hw, expected) -> None:
    assert max(expected) <= FLOW_SIDE
    grey = small_grey(np.full((*hw, 3), 77, np.uint8))
    assert grey.shape == expected and grey.dtype == np.uint8 and (grey == 77).all()
