from __future__ import annotations

import numpy as np
import pytest

from gesture_app.vision.boxes import box_areas, iou_matrix, mirror_boxes


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([], [], np.zeros((0, 0))),
        ([(0, 0, 2, 2)], [], np.zeros((1, 0))),
        ([(0, 0, 2, 2)], [(0, 0, 2, 2), (1, 0, 3, 2), (2, 2, 4, 4)], [[1, 1 / 3, 0]]),
        ([(0, 0, 2, 2), (0, 0, 4, 4)], [(0, 0, 2, 2), (5, 5, 9, 9)], [[1, 0], [1 / 4, 0]]),
        ([(0, 0, 0, 0)], [(0, 0, 0, 0)], [[0]]),
    ],
)
def test_iou_matrix(first, second, expected) -> None:
    assert iou_matrix(np.array(first), np.array(second)) == pytest.approx(np.array(expected))


def test_areas_and_mirror_images() -> None:
    boxes = np.array([(1, 2, 4, 8), (0, 0, 10, 1)], np.float32)
    assert box_areas(boxes).tolist() == [18, 10] and box_areas(boxes[:0]).shape == (0,)
    assert mirror_boxes(boxes, 10).tolist() == [[6, 2, 9, 8], [0, 0, 10, 1]]
    assert mirror_boxes(boxes[:0], 10).shape == (0, 4)
