from __future__ import annotations

import torch

from gesture_app.vision.yolox import cell_grid
from training.assigner import assign, candidates

INPUT_HW = (64, 64)
CORNERS, STRIDES = cell_grid(INPUT_HW)
CELLS = len(STRIDES)


def run(boxes: list[tuple[float, ...]], predicted: torch.Tensor | None = None, classes: int = 2):
    truth = torch.tensor(boxes).view(-1, 4)
    if predicted is None:
        centre = (CORNERS + 0.5) * STRIDES[:, None]
        predicted = torch.cat((centre - STRIDES[:, None], centre + STRIDES[:, None]), dim=1)
    names = torch.arange(len(truth)) % classes
    return assign(truth, names, predicted, torch.zeros(CELLS, 1 + classes), CORNERS, STRIDES)


def test_no_boxes() -> None:
    found = run([])
    assert len(found.cells) == len(found.boxes) == len(found.ious) == 0


def test_a_box_outside_the_picture_gets_nothing() -> None:
    assert len(run([(500, 500, 520, 520)]).cells) == 0


def test_every_box_is_answered_from_its_own_region_and_no_cell_answers_twice() -> None:
    boxes = [(4, 4, 24, 24), (36, 30, 60, 62), (2, 40, 20, 60)]
    found = run(boxes)
    assert set(found.boxes.tolist()) == {0, 1, 2}
    assert len(set(found.cells.tolist())) == len(found.cells)
    either, _ = candidates(torch.tensor(boxes), CORNERS, STRIDES)
    assert either[found.boxes, found.cells].all()


def test_a_good_prediction_wins_over_a_bad_one() -> None:
    centre = (CORNERS + 0.5) * STRIDES[:, None]
    predicted = torch.cat((centre - 1, centre + 1), dim=1)
    predicted[18] = torch.tensor([8.0, 8, 30, 30])  # cell (2, 2) of stride 8
    found = run([(8, 8, 30, 30)], predicted)
    assert found.cells.tolist() == [18]
    assert found.ious.tolist() == [1.0]


def test_k_grows_with_the_overlaps() -> None:
    perfect = torch.tensor([8.0, 8, 40, 40]).expand(CELLS, 4)
    assert len(run([(8, 8, 40, 40)], perfect).cells) == 10


def test_two_boxes_in_the_same_place_share_the_cells() -> None:
    perfect = torch.tensor([8.0, 8, 40, 40]).expand(CELLS, 4)
    found = run([(8, 8, 40, 40), (9, 9, 41, 41)], perfect)
    assert len(set(found.cells.tolist())) == len(found.cells)
