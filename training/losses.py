"""The detector's loss: a function of raw predictions and targets (YOLOX, arXiv:2107.08430)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gesture_app.vision.yolox import cell_grid, decode_boxes
from training.assigner import assign

IOU_LOSS_WEIGHT = 5.0


def area(sizes: Tensor) -> Tensor:
    """Width times height: (..., 2) -> (...). The gradient of `prod` waits for the GPU to look for zeros."""
    width, height = sizes.unbind(dim=-1)
    return width * height


def iou_loss(predicted_xyxy: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """1 - IoU squared, pair by pair: (..., 4) and (..., 4) -> (...)."""
    low = torch.maximum(predicted_xyxy[..., :2], boxes_xyxy[..., :2])
    high = torch.minimum(predicted_xyxy[..., 2:], boxes_xyxy[..., 2:])
    intersection = area((high - low).clamp(min=0))
    areas = sum(area(boxes[..., 2:] - boxes[..., :2]) for boxes in (predicted_xyxy, boxes_xyxy))
    return 1 - (intersection / (areas - intersection + 1e-16)) ** 2


def box_offsets(boxes_xyxy: Tensor, corners: Tensor, strides: Tensor) -> Tensor:
    """What the network would have to put out for boxes (..., M, 4), as many: the inverse of `decode_boxes`."""
    centre = (boxes_xyxy[..., :2] + boxes_xyxy[..., 2:]) / 2
    size = boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]
    return torch.cat((centre / strides[:, None] - corners, (size / strides[:, None] + 1e-8).log()), dim=-1)


def detector_loss(
    raw: Tensor,
    boxes_xyxy: Tensor,
    classes: Tensor,
    input_hw: tuple[int, int],
    l1_weight: float = 0.0,
    mean_of_all: Callable[[Tensor], Tensor] = lambda count: count,
) -> dict[str, Tensor]:
    """The loss of a batch, in float32; every part is a sum over the batch divided by the number of answering cells.

    Cells that answer for nothing are computed too and left out of the sums: shapes depend on no content, so nothing
    waits for a GPU to say how many there are.

    Args:
        raw: (N, M, 5 + classes), the detector's output.
        boxes_xyxy: (N, G, 4), input pixels; pictures with fewer than G hands are filled up with anything finite.
        classes: (N, G) int64; -1 where there is no hand.
        l1_weight: of the L1 loss on the raw box offsets; YOLOX turns it on for the last epochs.
        mean_of_all: of several processes, the mean of all their numbers of answering cells from this process's own.

    Returns:
        `loss`, which is 5 * `iou` + `objectness` + `class` + l1_weight * `l1`, and these parts.
    """
    raw = raw.float()
    if not classes.shape[1]:  # an empty place, so that cells without a hand have something to point at
        boxes_xyxy, classes = F.pad(boxes_xyxy, (0, 0, 0, 1)), F.pad(classes, (0, 1), value=-1)
    corners, strides = cell_grid(input_hw, raw.device)
    predicted = decode_boxes(raw, corners, strides)
    found = assign(boxes_xyxy, classes, predicted.detach(), raw[..., 4:].detach(), corners, strides)
    answers, box = found.boxes >= 0, found.boxes.clamp(min=0)  # (N, M)
    own = boxes_xyxy.gather(1, box[..., None].expand(-1, -1, 4))  # (N, M, 4)
    # The class target is the overlap itself, so that the score of a class tells how well the box fits.
    shown = F.one_hot(classes.gather(1, box).clamp(min=0), raw.shape[2] - 5)
    class_loss = F.binary_cross_entropy_with_logits(raw[..., 5:], shown * found.ious[..., None], reduction="none")
    parts = {
        "iou": iou_loss(predicted, own).where(answers, 0).sum(),
        "class": class_loss.where(answers[..., None], 0).sum(),
        "l1": raw.new_zeros(()),
        "objectness": F.binary_cross_entropy_with_logits(raw[..., 4], answers.float(), reduction="sum"),
    }
    if l1_weight:
        away = (raw[..., :4] - box_offsets(own, corners, strides)).abs()
        parts["l1"] = away.where(answers[..., None], 0).sum()
    count = answers.sum().float()
    divisor = mean_of_all(count).clamp(min=1)
    parts = {name: value / divisor for name, value in parts.items()}
    loss = IOU_LOSS_WEIGHT * parts["iou"] + parts["objectness"] + parts["class"] + l1_weight * parts["l1"]
    return {"loss": loss, **parts}
