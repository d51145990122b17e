from __future__ import annotations

import numpy as np
import pytest

from gesture_app.vision.boxes import iou_matrix


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([], [], np.zeros((0, 0))),
        ([(0, 0, 2, 2)], [], np.zeros((1, 0))),
        ([(0, 0, 2, 2)], [(0, 0, 2, 2), (1, 0, 3, 2), (2, 2, 4, 4)], [[1, 1 / 3, 0]]),
        ([(0, 0, 0, 0)], [(0, 0, 0, 0)], [[0]]),
    ],
)
def test_iou_matrix(first, second, expected) -> None:
    assert iou_matrix(np.array(first), np.array(second)) == pytest.approx(np.array(expected))
