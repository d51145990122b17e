from __future__ import annotations

import numpy as np
import pytest
import torch

from gesture_app.vision import postprocess, preprocess, recognizer
from gesture_app.vision.gpu_steps import (
    crop_hands,
    find_hands,
    letterbox,
    suppress_overlaps,
    to_pictures,
    to_probabilities,
)
from gesture_app.vision.yolox import cell_grid

INPUT_HW = (64, 96)


def smooth(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A picture without sharp edges, as from a camera."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x * a + y * b + c) for a, b, c in rng.uniform(0.02, 0.12, (3, 3))]
    return np.asarray(128 + 100 * np.stack(waves, -1), np.uint8)


def pictures(*images: np.ndarray) -> torch.Tensor:
    return to_pictures(torch.from_numpy(np.stack(images)))


def as_image(picture: torch.Tensor) -> np.ndarray:
    return picture.permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    "frame_hw", [(120, 200), (200, 120), (64, 96), (33, 41), (300, 500), (700, 140), (2, 500), (1, 1)]
)
def test_letterbox_is_the_reference(frame_hw: tuple[int, int]) -> None:
    image = smooth(*frame_hw)
    expected, _ = preprocess.letterbox(image, INPUT_HW)
    (got,) = letterbox(pictures(image), INPUT_HW)
    assert np.abs(as_image(got) - expected).max() <= 1


BOXES = [
    (20.0, 30.0, 60.0, 90.0),  # a little smaller than the crop, upright
    (10.3, 20.7, 190.2, 80.4),  # shrunk, wide
    (100.0, 40.0, 112.0, 46.0),  # enlarged
    (-30.0, -20.0, 40.0, 35.0),  # over the corner
    (150.0, 90.0, 260.0, 300.0),  # over the other
    (0.0, 0.0, 200.0, 120.0),  # everything
    (300.0, 300.0, 340.0, 340.0),  # outside
]


@pytest.mark.parametrize("box", BOXES)
def test_crops_are_the_reference(box: tuple[float, float, float, float]) -> None:
    image = smooth(120, 200)
    expected = preprocess.crop_hand(image, box, 48)
    (got,) = crop_hands(pictures(image), torch.tensor([[box]]), 48)
    difference = np.abs(as_image(got) - expected)
    assert difference.max() <= 8 and difference.mean() < 1.5
    grey = (expected == preprocess.GREY).all(-1)
    assert (difference[grey] <= 2).all()


def test_every_crop_is_of_its_own_picture() -> None:
    first, second = smooth(60, 80), smooth(60, 80, 1)
    boxes = torch.tensor([[BOXES[0], BOXES[2]], [BOXES[0], BOXES[1]]])
    got = crop_hands(pictures(first, second), boxes, 16)
    assert torch.equal(got[:2], crop_hands(pictures(first), boxes[:1], 16))
    assert torch.equal(got[2:], crop_hands(pictures(second), boxes[1:], 16))


def test_fine_stripes_become_grey_when_shrunk() -> None:
    image = np.zeros((160, 160, 3), np.uint8)
    image[:, ::2] = 255
    (got,) = crop_hands(pictures(image), torch.tensor([[(0.0, 0.0, 160.0, 160.0)]]), 16)
    assert (as_image(got) - 127.5).max() < 16


def raw_output(seed: int, sure: int) -> torch.Tensor:
    """Random cells, of which `sure` are likely hands."""
    generator = torch.Generator().manual_seed(seed)
    cells = len(cell_grid(INPUT_HW)[1])
    raw = torch.randn((1, cells, 7), generator=generator)
    raw[..., 2:4] += 1
    raw[..., 4] -= 6
    raw[0, torch.randperm(cells, generator=generator)[:sure], 4] += 8
    return raw


@pytest.mark.parametrize("sure", [0, 1, 5, 60])
@pytest.mark.parametrize("limit", [1, 4, 16])
def test_hands_are_the_references(sure: int, limit: int) -> None:
    frame_hw = (100, 180)
    raw = torch.cat([raw_output(seed, sure) for seed in range(3)])
    found = find_hands(raw, cell_grid(INPUT_HW), INPUT_HW, frame_hw, limit)
    assert found.shape == (3, limit, 6)
    for rows, one in zip(found.numpy(), raw.numpy(), strict=True):
        expected = postprocess.select(one, INPUT_HW, frame_hw, 0.3, limit)
        rows = rows[rows[:, 4] >= 0.3]
        assert rows[:, :4] == pytest.approx(expected.boxes_xyxy, abs=1e-3)
        assert rows[:, 4] == pytest.approx(expected.scores, abs=1e-5)
        assert rows[:, 5].tolist() == expected.classes.tolist()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_is_dropped(value: float) -> None:
    raw = raw_output(0, 3)
    raw[0, :40, 0] = value
    raw[0, 40:80, 4] = float("nan")
    found = find_hands(raw, cell_grid(INPUT_HW), INPUT_HW, INPUT_HW, 8)[0].numpy()
    expected = postprocess.select(raw[0].numpy(), INPUT_HW, INPUT_HW, 0.001, 8)
    assert np.isfinite(found).all()
    assert found[: len(expected.scores), 4] == pytest.approx(expected.scores, abs=1e-5)


def test_fewer_boxes_than_places() -> None:
    boxes = torch.tensor([[(0.0, 0, 10, 10), (1.0, 0, 11, 10), (20.0, 0, 30, 10)]])
    scores, places = suppress_overlaps(boxes, torch.tensor([[0.9, 0.8, 0.7]]), 4)
    assert scores[0].tolist() == pytest.approx([0.9, 0.7, -1, -1])
    assert places[0, :2].tolist() == [0, 2]


def test_probabilities() -> None:
    logits = torch.tensor([[0.0, 2.0, 0.0, 0.0], [float("nan"), 1, 2, 3], [float("inf"), 0, 0, 0]])
    got = to_probabilities(logits.half(), torch.tensor([0.0, 0, 0, 0.5]))
    assert got.dtype == torch.float32
    assert got[0].argmax() == 1 and got.sum(1).tolist() == pytest.approx([1, 1, 1])
    assert got[1:].flatten().tolist() == pytest.approx([0.25] * 8)


def test_probabilities_of_classes_and_side() -> None:
    logits = torch.tensor([[0.0, 2.0, 0.0, 1.0], [0, 0, 0, -200.0], [float("nan"), 1, 2, 3]])
    shifts = torch.tensor([0.7, 0.0, 0.0])
    got = to_probabilities(logits, shifts)
    assert got.numpy() == pytest.approx(recognizer.to_probabilities(logits.numpy(), shifts.numpy()), abs=1e-6)
    assert got[1, :3].tolist() == pytest.approx([0.5017, 0.2491, 0.2491], abs=1e-4)
    assert got[:, 3].tolist() == pytest.approx([0.7311, 0, 0.5], abs=1e-4)
