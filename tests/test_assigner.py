from __future__ import annotations

import numpy as np
import pytest
import torch

from gesture_app.vision.boxes import iou_matrix
from gesture_app.vision.yolox import cell_grid
from training.assigner import Assignment, assign

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


def expected(boxes, classes, predicted, logits) -> tuple[list[int], list[float]]:
    """SimOTA as it is told, a cell and a box at a time: the boxes that the cells answer for, and the overlaps."""
    ious = iou_matrix(boxes, predicted)
    cost = np.full((len(boxes), CELLS), np.inf)
    for box, (left, top, right, bottom) in enumerate(boxes):
        for cell, ((x, y), stride) in enumerate(zip(CORNERS.numpy(), STRIDES.numpy(), strict=True)):
            x, y = (x + 0.5) * stride, (y + 0.5) * stride
            within = left < x < right and top < y < bottom
            near = max(abs(x - (left + right) / 2), abs(y - (top + bottom) / 2)) < 1.5 * stride
            if within or near:
                sure = np.sqrt(np.prod(1 / (1 + np.exp(-logits[cell, [[0, 0], [1, 2]]])), axis=0))
                named = -np.log(np.where(np.arange(2) == classes[box], sure, 1 - sure)).sum()
                cost[box, cell] = named - 3 * np.log(ious[box, cell] + 1e-8) + 1e6 * (not (within and near))
    offered = np.isfinite(cost).any(axis=0)
    chosen = np.zeros_like(cost, bool)
    for box in range(len(boxes)):
        count = max(1, int(np.sort(ious[box, offered])[-10:].sum()))
        cheapest = np.argsort(cost[box], kind="stable")[:count]
        chosen[box, cheapest[np.isfinite(cost[box, cheapest])]] = True
    several = chosen.sum(axis=0) > 1
    chosen[:, several] = np.arange(len(boxes))[:, None] == cost[:, several].argmin(axis=0)
    answers = [int(column.argmax()) if column.any() else -1 for column in chosen.T]
    return answers, [float(ious[box, cell]) if box >= 0 else 0.0 for cell, box in enumerate(answers)]


@pytest.mark.parametrize("seed", range(8))
def test_cells_answer_as_simota_tells(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-4, 44, (3, 2))
    boxes = np.concatenate((corner, corner + rng.uniform(4, 40, (3, 2))), axis=1)
    predicted = boxes[rng.integers(0, 3, CELLS)] + rng.normal(0, 3, (CELLS, 4))
    logits = rng.normal(0, 2, (CELLS, 3))
    classes = rng.integers(0, 2, 3)
    given = (torch.tensor(part[None]) for part in (boxes, classes, predicted, logits))
    found = assign(*given, CORNERS, STRIDES)
    answers, ious = expected(boxes, classes, predicted, logits)
    assert found.boxes[0].tolist() == answers and {-1, 0, 1, 2} >= set(answers) != {-1}
    assert found.ious[0].tolist() == pytest.approx(ious, abs=1e-6)


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
