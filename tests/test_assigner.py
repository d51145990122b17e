from __future__ import annotations

import torch

from gesture_app.vision.yolox import cell_grid
from training.assigner import Assignment, assign, candidates

INPUT_HW = (64, 64)
CORNERS, STRIDES = cell_grid(INPUT_HW)
CELLS = len(STRIDES)


class Found:
    """What `assign` says of one picture: the cells that answer, the box and the overlap of each."""

    def __init__(self, found: Assignment, picture: int = 0) -> None:
        self.cells = (found.boxes[picture] >= 0).nonzero().flatten()
        self.boxes = found.boxes[picture, self.cells]
        self.ious = found.ious[picture, self.cells]


def run(boxes: list[tuple[float, ...]], predicted: torch.Tensor | None = None, classes: int = 2) -> Found:
    truth = torch.tensor(boxes).float().view(1, -1, 4)
    if predicted is None:
        centre = (CORNERS + 0.5) * STRIDES[:, None]
        predicted = torch.cat((centre - STRIDES[:, None], centre + STRIDES[:, None]), dim=1)
    names = (torch.arange(truth.shape[1]) % classes)[None]
    return Found(assign(truth, names, predicted[None], torch.zeros(1, CELLS, 1 + classes), CORNERS, STRIDES))


def test_no_boxes() -> None:
    found = run([])
    assert len(found.cells) == len(found.boxes) == len(found.ious) == 0


def test_no_pictures() -> None:
    found = assign(
        torch.zeros(0, 2, 4),
        torch.zeros(0, 2).long(),
        torch.zeros(0, CELLS, 4),
        torch.zeros(0, CELLS, 2),
        CORNERS,
        STRIDES,
    )
    assert found.boxes.shape == found.ious.shape == (0, CELLS)


def test_pictures_of_a_batch_are_worked_on_for_themselves() -> None:
    torch.manual_seed(0)
    boxes = torch.tensor([[[4, 4, 24, 24], [36, 30, 60, 62]], [[2, 40, 20, 60], [0, 0, 64, 64]]]).float()
    classes = torch.tensor([[0, 1], [1, -1]])  # the second picture has one hand only
    predicted, logits = torch.rand(2, CELLS, 4).cumsum(dim=2) * 30, torch.randn(2, CELLS, 3)
    both = assign(boxes, classes, predicted, logits, CORNERS, STRIDES)
    for i, count in enumerate((2, 1)):
        alone = assign(
            boxes[i : i + 1, :count],
            classes[i : i + 1, :count],
            predicted[i : i + 1],
            logits[i : i + 1],
            CORNERS,
            STRIDES,
        )
        assert torch.equal(both.boxes[i], alone.boxes[0]) and torch.equal(both.ious[i], alone.ious[0])
        assert set(both.boxes[i].tolist()) == {-1, *range(count)}


def test_predictions_that_are_not_finite_leave_the_others_alone() -> None:
    predicted = torch.full((CELLS, 4), float("nan"))
    predicted[18] = torch.tensor([8.0, 8, 30, 30])
    assert 18 in run([(8, 8, 30, 30)], predicted).cells.tolist()


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
