from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from gesture_app.vision.yolox import cell_grid, decode_boxes
from training.assigner import assign
from training.losses import box_offsets, detector_loss, iou_loss

INPUT_HW = (64, 96)
CORNERS, STRIDES = cell_grid(INPUT_HW)


@pytest.mark.parametrize(
    ("predicted", "box", "expected"),
    [
        ((0, 0, 4, 4), (0, 0, 4, 4), 0.0),
        ((0, 0, 4, 4), (4, 4, 8, 8), 1.0),
        ((0, 0, 4, 4), (0, 0, 4, 8), 0.75),
    ],
)
def test_iou_loss(predicted, box, expected) -> None:
    loss = iou_loss(torch.tensor([predicted]).float(), torch.tensor([box]).float())
    assert loss.tolist() == pytest.approx([expected])


def test_box_offsets_are_the_inverse_of_decoding() -> None:
    raw = torch.randn(len(STRIDES), 6)
    boxes = decode_boxes(raw, CORNERS, STRIDES)
    assert torch.allclose(box_offsets(boxes, CORNERS, STRIDES), raw[:, :4], atol=1e-4)


@pytest.mark.parametrize("l1_weight", [0.0, 1.0])
@pytest.mark.parametrize("counts", [(0, 0), (0, 2), (3, 1)])
def test_finite_with_gradients_for_any_number_of_boxes(counts, l1_weight) -> None:
    raw = torch.randn(2, len(STRIDES), 8, requires_grad=True)
    most = max(counts)
    boxes = torch.tensor([[5.0 + 20 * i, 8, 30 + 20 * i, 40] for i in range(most)]).view(-1, 4).expand(2, -1, -1)
    classes = torch.tensor([[0] * n + [-1] * (most - n) for n in counts], dtype=torch.long).view(2, most)
    losses = detector_loss(raw, boxes, classes, INPUT_HW, l1_weight)
    losses["loss"].backward()
    assert torch.isfinite(raw.grad).all() and losses["loss"] > 0
    assert (losses["l1"] > 0) == (l1_weight > 0 and sum(counts) > 0)
    assert set(losses) == {"loss", "iou", "objectness", "class", "l1"}


def test_half_precision_predictions_are_computed_in_float32() -> None:
    raw = torch.randn(1, len(STRIDES), 6).bfloat16()
    losses = detector_loss(raw, torch.tensor([[[8.0, 8, 40, 40]]]), torch.zeros(1, 1).long(), INPUT_HW)
    assert all(value.dtype == torch.float32 for value in losses.values())


def test_a_right_answer_costs_less() -> None:
    box = torch.tensor([[8.0, 8, 40, 40]])
    good = torch.full((1, len(STRIDES), 6), -8.0)
    good[0, :, :4] = box_offsets(box.expand(len(STRIDES), 4), CORNERS, STRIDES)
    cell = 2 * 12 + 2
    good[0, cell, 4:] = 8.0
    bad = torch.zeros(1, len(STRIDES), 6)
    right, wrong = (detector_loss(raw, box[None], torch.zeros(1, 1).long(), INPUT_HW) for raw in (good, bad))
    assert right["iou"] < 1e-5 < wrong["iou"]
    assert right["loss"] < wrong["loss"]


def test_the_loss_of_a_batch_is_that_of_its_cells() -> None:
    raw = torch.randn(2, len(STRIDES), 7)
    boxes = torch.tensor([[[5.0, 8, 30, 40], [40, 10, 90, 60]], [[2, 2, 20, 30], [0, 0, 1, 1]]])
    classes = torch.tensor([[0, 1], [1, -1]])  # the second picture has one hand only
    predicted = decode_boxes(raw, CORNERS, STRIDES)
    found = assign(boxes, classes, predicted, raw[..., 4:], CORNERS, STRIDES)
    expected = dict.fromkeys(("iou", "objectness", "class", "l1"), 0.0)
    for picture, cell in np.ndindex(2, len(STRIDES)):
        box, output = int(found.boxes[picture, cell]), raw[picture, cell]
        expected["objectness"] += softplus(output[4]) - output[4] * (box >= 0)
        if box >= 0:
            own, at = boxes[picture, box], slice(cell, cell + 1)
            expected["iou"] += iou_loss(predicted[picture, cell], own)
            shown = found.ious[picture, cell] * torch.eye(2)[classes[picture, box]]
            expected["class"] += (softplus(output[5:]) - output[5:] * shown).sum()
            expected["l1"] += (output[:4] - box_offsets(own[None], CORNERS[at], STRIDES[at])[0]).abs().sum()
    count = int((found.boxes >= 0).sum())
    losses = detector_loss(raw, boxes, classes, INPUT_HW, l1_weight=0.5)
    parts = {name: float(value) / count for name, value in expected.items()}
    whole = 5 * parts["iou"] + parts["objectness"] + parts["class"] + 0.5 * parts["l1"]
    assert {name: float(value) for name, value in losses.items()} == pytest.approx({**parts, "loss": whole}, rel=1e-4)
