"""The detector's loss: a function of raw predictions and targets (YOLOX, arXiv:2107.08430)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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
    boxes_xyxy: Sequence[Tensor],
    classes: Sequence[Tensor],
    input_hw: tuple[int, int],
    l1_weight: float = 0.0,
    mean_count: Callable[[int], float] = float,
) -> dict[str, Tensor]:
    """The loss of a batch, in float32; every part is a sum over the batch divided by the number of answering cells.

    Args:
        raw: (N, M, 5 + classes), the detector's output.
        boxes_xyxy: one (G, 4) a picture, input pixels; G may be 0.
        classes: one (G,) a picture.
        l1_weight: of the L1 loss on the raw box offsets; YOLOX turns it on for the last epochs.
        mean_count: of several processes, the mean of all their numbers of answering cells from this process's own.

    Returns:
        `loss`, which is 5 * `iou` + `objectness` + `class` + l1_weight * `l1`, and these parts.
    """
    raw = raw.float()
    corners, strides = cell_grid(input_hw, raw.device)
    predicted = decode_boxes(raw, input_hw)
    objectness_target = torch.zeros_like(raw[..., 4])
    zero = raw.sum() * 0.0
    parts = {"iou": zero, "class": zero, "l1": zero}
    answering = 0
    for i, (boxes, names) in enumerate(zip(boxes_xyxy, classes, strict=True)):
        found = assign(boxes, names.long(), predicted[i].detach(), raw[i, :, 4:].detach(), corners, strides)
        if not len(found.cells):
            continue
        answering += len(found.cells)
        objectness_target[i, found.cells] = 1.0
        own = boxes[found.boxes]
        parts["iou"] = parts["iou"] + iou_loss(predicted[i, found.cells], own).sum()
        # The class target is the overlap itself, so that the score of a class tells how well the box fits.
        class_target = F.one_hot(names.long()[found.boxes], raw.shape[2] - 5) * found.ious[:, None]
        class_loss = F.binary_cross_entropy_with_logits(raw[i, found.cells, 5:], class_target, reduction="sum")
        parts["class"] = parts["class"] + class_loss
        if l1_weight:
            offsets = box_offsets(own, corners[found.cells], strides[found.cells])
            parts["l1"] = parts["l1"] + F.l1_loss(raw[i, found.cells, :4], offsets, reduction="sum")
    parts["objectness"] = F.binary_cross_entropy_with_logits(raw[..., 4], objectness_target, reduction="sum")
    divisor = max(mean_count(answering), 1.0)
    parts = {name: value / divisor for name, value in parts.items()}
    loss = IOU_LOSS_WEIGHT * parts["iou"] + parts["objectness"] + parts["class"] + l1_weight * parts["l1"]
    return {"loss": loss, **parts}
