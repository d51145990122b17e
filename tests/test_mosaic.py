from __future__ import annotations

import pytest
import torch

from training.mosaic import Mosaic, join_four

COLOURS = (10, 60, 180, 250)


def frame(colour: int, boxes: list[list[float]]):
    image = torch.full((3, 40, 60), colour, dtype=torch.uint8)
    return image, torch.tensor(boxes).float().view(-1, 4), torch.full((len(boxes),), float(colour))


class Frames(torch.utils.data.Dataset):
    def __getitem__(self, item: int):
        return frame(COLOURS[item % 4], [[0.0, 0, 60, 40]] if item else [])


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.35, 0.65)])
def test_every_box_stays_on_its_frame(centre) -> None:
    image, boxes, classes = join_four([frame(c, [[0, 0, 60, 40]]) for c in COLOURS], centre)
    assert image.shape == (3, 40, 60) and image.dtype == torch.uint8
    assert classes.tolist() == list(COLOURS) and len(boxes) == 4
    for box, colour in zip(boxes.round().int().tolist(), COLOURS, strict=True):
        left, top, right, bottom = box
        assert (image[:, top:bottom, left:right] == colour).all()
        assert (right - left) / (bottom - top) == pytest.approx(1.5, rel=0.15)
        assert min(abs(left - 60 * centre[0]), abs(right - 60 * centre[0])) <= 1


def test_share_and_frames_without_boxes() -> None:
    upright = [False] * 5 + [True]
    assert Mosaic(Frames(), upright, 0.0)[1][1].tolist() == [[0, 0, 60, 40]]
    mosaic = Mosaic(Frames(), upright, 1.0)
    assert len(mosaic) == 6
    assert all(len(mosaic[0][1]) <= 3 for _ in range(5))
    # The only upright frame is joined with itself.
    assert set(mosaic[5][2].tolist()) == {COLOURS[1]} and len(mosaic[5][1]) == 4
