from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import nms

from gesture_app.vision import yolox
from gesture_app.vision.postprocess import NMS_IOU, Detections, cell_grid, decode_boxes, join, select, suppress_overlaps

INPUT_HW = (64, 96)
CELLS = 8 * 12 + 4 * 6 + 2 * 3


def empty_raw(classes: int = 1) -> np.ndarray:
    raw = np.zeros((CELLS, 5 + classes), np.float32)
    raw[:, 4:] = -10.0
    return raw


def test_cell_grid_is_row_major_by_stride() -> None:
    corners, strides = cell_grid(INPUT_HW)
    assert len(corners) == len(strides) == CELLS
    assert corners[[0, 1, 12]].tolist() == [[0, 0], [1, 0], [0, 1]]
    assert strides[[0, 95, 96, 119, 120]].tolist() == [8, 8, 16, 16, 32]


def test_decode_boxes() -> None:
    raw = empty_raw()
    raw[13, :4] = (0.5, 0.25, 1.0, 0.0)  # cell (1, 1) of stride 8
    box = decode_boxes(raw, *cell_grid(INPUT_HW))[13]
    half_w = 8 * 2.718281828 / 2
    assert box.tolist() == pytest.approx([12 - half_w, 10 - 4, 12 + half_w, 10 + 4], rel=1e-5)


def test_nothing_found() -> None:
    found = select(empty_raw(), INPUT_HW, (64, 96), 0.5, 10)
    assert found.boxes_xyxy.shape == (0, 4) and found.scores.shape == (0,) and found.classes.shape == (0,)


@pytest.mark.parametrize(("width", "kept"), [(100, [0]), (46, [0]), (44, [0, 1]), (0, [0, 1])])
def test_boxes_that_overlap_a_better_one_by_more_than_nine_twentieths_go(width: float, kept: list[int]) -> None:
    boxes = np.array([(0, 0, 100, 10), (0, 0, width, 10)], np.float32)
    assert suppress_overlaps(boxes, 5).tolist() == kept and suppress_overlaps(boxes, 1).tolist() == [0]


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.01, 1.0, 30.0, 1e4, float("inf"), float("nan")]))
def test_wild_output_gives_sane_boxes(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 20, (CELLS, 6)).astype(np.float32)
    raw[rng.random((CELLS, 6)) < 0.3] *= np.float32(spread)
    found = select(raw, INPUT_HW, (50, 70), 0.3, 7)
    assert len(found.scores) <= 7
    assert np.isfinite(found.boxes_xyxy).all() and np.isfinite(found.scores).all()
    assert (
        (found.boxes_xyxy >= 0).all() and (found.boxes_xyxy[:, 2] <= 70).all() and (found.boxes_xyxy[:, 3] <= 50).all()
    )
    assert ((found.boxes_xyxy[:, 2:] - found.boxes_xyxy[:, :2]) >= 1).all()


def reference_select(raw: np.ndarray, frame_hw: tuple[int, int], threshold: float, limit: int) -> Detections:
    """The same by PyTorch and torchvision."""
    rows = torch.from_numpy(raw)
    probabilities = rows[:, 4:].sigmoid()
    scores, classes = (probabilities[:, :1] * probabilities[:, 1:]).max(dim=1)
    keep = scores >= threshold
    scale = min(INPUT_HW[0] / frame_hw[0], INPUT_HW[1] / frame_hw[1])
    boxes = yolox.decode_boxes(rows, *yolox.cell_grid(INPUT_HW)) / scale
    boxes = torch.minimum(boxes.clamp(min=0), boxes.new_tensor((frame_hw[1], frame_hw[0], frame_hw[1], frame_hw[0])))
    keep &= ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(dim=1)
    boxes, scores, classes = boxes[keep], scores[keep], classes[keep]
    best = nms(boxes, scores, NMS_IOU)[:limit]
    return Detections(boxes[best].numpy(), scores[best].numpy(), classes[best].numpy())


@pytest.mark.parametrize("seed", range(8))
def test_equals_the_reference_on_crowded_output(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.normal(0, 1, (CELLS, 8)).astype(np.float32)
    raw[:, 2:4] += 1  # large boxes, many of which overlap
    found, expected = (f(raw, *words) for f, words in (
        (select, (INPUT_HW, (480, 700), 0.3, 20)), (reference_select, ((480, 700), 0.3, 20)),
    ))  # fmt: skip
    assert 3 < len(found.scores) == len(expected.scores)
    few = select(raw, INPUT_HW, (480, 700), 0.3, 2)
    assert few.scores.tolist() == found.scores[:2].tolist() == sorted(found.scores, reverse=True)[:2]
    assert found.boxes_xyxy == pytest.approx(expected.boxes_xyxy, rel=1e-4, abs=1e-2)
    assert found.scores == pytest.approx(expected.scores, abs=1e-6)
    assert np.array_equal(found.classes, expected.classes)


@pytest.mark.parametrize(
    ("several", "limit", "scores"),
    [
        ([[]], 4, []),
        ([[(0, 0, 10, 10, 0.5)], [(0, 0, 10, 10, 0.7), (20, 0, 30, 10, 0.2)]], 4, [0.7, 0.2]),
        ([[(0, 0, 10, 10, 0.5)], [(20, 0, 30, 10, 0.7)]], 1, [0.7]),
    ],
)
def test_detections_are_joined(several: list, limit: int, scores: list[float]) -> None:
    rows = [np.array(found, np.float32).reshape(-1, 5) for found in several]
    found = join([Detections(r[:, :4], r[:, 4], np.zeros(len(r), np.int64)) for r in rows], limit)
    assert found.scores == pytest.approx(scores)
    assert found.boxes_xyxy.shape == (len(scores), 4) and found.classes.shape == (len(scores),)
