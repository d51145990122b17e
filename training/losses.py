"""The detector's loss: a function of raw predictions and targets (YOLOX, arXiv:2107.08430)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gesture_app.vision.yolox import cell_grid, decode_boxes
from training.assigner import assign

IOU_LOSS_WEIGHT = 5.0


def iou_loss(predicted_xyxy: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """1 - IoU squared, pair by pair: (P, 4) and (P, 4) -> (P,)."""
    overlap = torch.minimum(predicted_xyxy[:, 2:], boxes_xyxy[:, 2:]) - torch.maximum(
        predicted_xyxy[:, :2], boxes_xyxy[:, :2]
    )
    intersection = overlap.clamp(min=0).prod(dim=1)
    areas = (predicted_xyxy[:, 2:] - predicted_xyxy[:, :2]).prod(dim=1) + (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(
        dim=1
    )
    return 1 - (intersection / (areas - intersection + 1e-16)) ** 2


def box_offsets(boxes_xyxy: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """What the network would have to put out for these boxes: the inverse of `decode_boxes`, (P, 4) -> (P, 4)."""
    centre = (boxes_xyxy[:, :2] + boxes_xyxy[:, 2:]) / 2
    size = boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]
    return torch.cat((centre / strides[:, None] - corners, (size / strides[:, None] + 1e-8).log()), dim=1)


def detector_loss(
    raw: Tensor,
    boxes_xyxy: Tensor,
    classes: Tensor,
    input_hw: tuple[int, int],
    l1_weight: float = 0.0,
    mean_count: Callable[[int], float] = float,
) -> dict[str, Tensor]:
    """The loss of a batch, in float32; every part is a sum over the batch divided by the number of answering cells.

    Args:
        raw: (N, M, 5 + classes), the detector's output.
        boxes_xyxy: (N, G, 4), input pixels; pictures with fewer than G hands are filled up with anything.
        classes: (N, G) int64; -1 where there is no hand.
        l1_weight: of the L1 loss on the raw box offsets; YOLOX turns it on for the last epochs.
        mean_count: of several processes, the mean of all their numbers of answering cells from this process's own.

    Returns:
        `loss`, which is 5 * `iou` + `objectness` + `class` + l1_weight * `l1`, and these parts.
    """
    raw = raw.float()
    corners, strides = cell_grid(input_hw, raw.device)
    predicted = decode_boxes(raw, input_hw)
    found = assign(boxes_xyxy, classes, predicted.detach(), raw[..., 4:].detach(), corners, strides)
    picture, cell = (found.boxes >= 0).nonzero(as_tuple=True)  # (P,) each
    box = found.boxes[picture, cell]
    own = boxes_xyxy[picture, box]  # (P, 4)
    # The class target is the overlap itself, so that the score of a class tells how well the box fits.
    class_target = F.one_hot(classes[picture, box], raw.shape[2] - 5) * found.ious[picture, cell, None]
    parts = {
        "iou": iou_loss(predicted[picture, cell], own).sum(),
        "class": F.binary_cross_entropy_with_logits(raw[picture, cell, 5:], class_target, reduction="sum"),
        "l1": raw.new_zeros(()),
        "objectness": F.binary_cross_entropy_with_logits(raw[..., 4], (found.boxes >= 0).float(), reduction="sum"),
    }
    if l1_weight:
        offsets = box_offsets(own, corners[cell], strides[cell])
        parts["l1"] = F.l1_loss(raw[picture, cell, :4], offsets, reduction="sum")
    divisor = max(mean_count(len(cell)), 1.0)
    parts = {name: value / divisor for name, value in parts.items()}
    loss = IOU_LOSS_WEIGHT * parts["iou"] + parts["objectness"] + parts["class"] + l1_weight * parts["l1"]
    return {"loss": loss, **parts}
