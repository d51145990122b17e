"""SimOTA: which cells answer for which hand (YOLOX, arXiv:2107.08430, section 2; OTA, arXiv:2103.14259)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

CENTRE_RADIUS = 1.5
"""Half the side of the square around a box's centre in which cells may answer, in cells."""
IOU_WEIGHT = 3.0
OUTSIDE_COST = 1e6
TOP_CANDIDATES = 10


@dataclass(frozen=True)
class Assignment:
    """For a batch.

    Attributes:
        boxes: (N, M) the number of the box that each cell answers for, -1 for none.
        ious: (N, M) overlap of each prediction with that box; 0 for none.
    """

    boxes: Tensor
    ious: Tensor


def candidates(boxes_xyxy: Tensor, corners: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Cells that may answer for a box at all.

    Args:
        boxes_xyxy: (..., G, 4) input pixels.
        corners, strides: (M, 2) and (M,), see `yolox.cell_grid`.

    Returns:
        (..., G, M) the cell's centre lies in the box or near its centre, and (..., G, M) it does both.
    """
    centres = (corners + 0.5) * strides[:, None]  # (M, 2)
    low, high = boxes_xyxy[..., None, :2], boxes_xyxy[..., None, 2:]
    in_box = torch.minimum(centres - low, high - centres).amin(dim=-1) > 0  # (..., G, M)
    near = (centres - (low + high) / 2).abs().amax(dim=-1) < CENTRE_RADIUS * strides
    return in_box | near, in_box & near


def pairwise_iou(boxes_xyxy: Tensor, predicted_xyxy: Tensor) -> Tensor:
    """Overlaps of the boxes (N, G, 4) and the predictions (N, M, 4) of each picture: (N, G, M)."""
    low = torch.maximum(boxes_xyxy[:, :, None, :2], predicted_xyxy[:, None, :, :2])
    high = torch.minimum(boxes_xyxy[:, :, None, 2:], predicted_xyxy[:, None, :, 2:])
    intersection = (high - low).clamp(min=0).prod(dim=-1)
    areas = [(b[..., 2:] - b[..., :2]).prod(dim=-1) for b in (boxes_xyxy, predicted_xyxy)]
    return (intersection / (areas[0][:, :, None] + areas[1][:, None] - intersection)).nan_to_num(posinf=0, neginf=0)


@torch.no_grad()
def assign(
    boxes_xyxy: Tensor, classes: Tensor, predicted_xyxy: Tensor, logits: Tensor, corners: Tensor, strides: Tensor
) -> Assignment:
    """Give every box its k cheapest cells, k being the sum of its ten best overlaps; a cell answers for one box.

    The cost is the classification loss of class times objectness, plus 3 times -log IoU, plus a large number for
    cells outside the box or far from its centre. All pictures are worked on at once and nothing waits for a GPU.

    Args:
        boxes_xyxy: (N, G, 4) the hands, input pixels; pictures with fewer hands are filled up with anything.
        classes: (N, G) int64; -1 where there is no hand.
        predicted_xyxy: (N, M, 4) decoded predictions, input pixels.
        logits: (N, M, 1 + classes) of objectness and classes.
    """
    count = boxes_xyxy.shape[1]
    if not count:
        shape = predicted_xyxy.shape[:2]
        return Assignment(classes.new_full(shape, -1), predicted_xyxy.new_zeros(shape))
    real = (classes >= 0)[..., None]
    either, both = (region & real for region in candidates(boxes_xyxy, corners, strides))  # (N, G, M)
    ious = pairwise_iou(boxes_xyxy, predicted_xyxy)
    # A cell is offered only to boxes whose region it lies in.
    cost = class_cost(classes, logits) - IOU_WEIGHT * (ious + 1e-8).log() + OUTSIDE_COST * ~both
    cost = cost.nan_to_num(nan=OUTSIDE_COST).masked_fill(~either, float("inf"))
    most = min(TOP_CANDIDATES, cost.shape[2])
    seen = ious.masked_fill(~either.any(dim=1, keepdim=True), 0)
    wanted = seen.topk(most, dim=2).values.sum(dim=2).int().clamp(min=1)  # (N, G)
    cheapest = cost.topk(most, dim=2, largest=False)
    taken = (torch.arange(most, device=cost.device) < wanted[..., None]) & cheapest.values.isfinite()
    chosen = torch.zeros_like(either).scatter(2, cheapest.indices, taken)
    crowded = chosen.sum(dim=1) > 1  # (N, M)
    winner = F.one_hot(cost.argmin(dim=1), count).transpose(1, 2).bool()
    chosen = torch.where(crowded[:, None], winner, chosen)
    answers = torch.where(chosen.any(dim=1), chosen.int().argmax(dim=1), -1)
    own = ious.gather(1, answers.clamp(min=0)[:, None])[:, 0]
    return Assignment(answers, own * (answers >= 0))


def class_cost(classes: Tensor, logits: Tensor) -> Tensor:
    """The classification loss of each cell for each box: (N, G) and (N, M, 1 + classes) -> (N, G, M)."""
    logits = logits.float()
    probabilities = (logits[..., :1].sigmoid() * logits[..., 1:].sigmoid()).sqrt()  # (N, M, classes)
    absent, present = (
        F.binary_cross_entropy(probabilities, target, reduction="none").transpose(1, 2)
        for target in (torch.zeros_like(probabilities), torch.ones_like(probabilities))
    )  # (N, classes, M)
    own = classes.clamp(min=0)[..., None].expand(-1, -1, logits.shape[1])
    return absent.sum(dim=1, keepdim=True) + (present - absent).gather(1, own)
