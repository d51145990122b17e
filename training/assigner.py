"""SimOTA: which cells answer for which hand (YOLOX, arXiv:2107.08430, section 2; OTA, arXiv:2103.14259)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import box_iou

CENTRE_RADIUS = 1.5
"""Half the side of the square around a box's centre in which cells may answer, in cells."""
IOU_WEIGHT = 3.0
OUTSIDE_COST = 1e6
TOP_CANDIDATES = 10


@dataclass(frozen=True)
class Assignment:
    """For one picture.

    Attributes:
        cells: (P,) indices of the cells that answer for a box.
        boxes: (P,) the index of the box each answers for.
        ious: (P,) overlap of each prediction with its box.
    """

    cells: Tensor
    boxes: Tensor
    ious: Tensor


def candidates(boxes_xyxy: Tensor, corners: Tensor, strides: Tensor) -> tuple[Tensor, Tensor]:
    """Cells that may answer for a box at all.

    Args:
        boxes_xyxy: (G, 4) input pixels.
        corners, strides: (M, 2) and (M,), see `yolox.cell_grid`.

    Returns:
        (G, M) the cell's centre lies in the box or near its centre, and (G, M) it does both.
    """
    centres = (corners + 0.5) * strides[:, None]  # (M, 2)
    to_edges = torch.cat((centres - boxes_xyxy[:, None, :2], boxes_xyxy[:, None, 2:] - centres), dim=-1)  # (G, M, 4)
    in_box = to_edges.amin(dim=-1) > 0
    middle = (boxes_xyxy[:, None, :2] + boxes_xyxy[:, None, 2:]) / 2
    near = (centres - middle).abs().amax(dim=-1) < CENTRE_RADIUS * strides
    return in_box | near, in_box & near


@torch.no_grad()
def assign(
    boxes_xyxy: Tensor, classes: Tensor, predicted_xyxy: Tensor, logits: Tensor, corners: Tensor, strides: Tensor
) -> Assignment:
    """Give every box its k cheapest cells, k being the sum of its ten best overlaps; a cell answers for one box.

    The cost is the classification loss of class times objectness, plus 3 times -log IoU, plus a large number for
    cells outside the box or far from its centre.

    Args:
        boxes_xyxy: (G, 4) the hands, input pixels.
        classes: (G,) int64.
        predicted_xyxy: (M, 4) decoded predictions, input pixels.
        logits: (M, 1 + classes) of objectness and classes.
    """
    device = boxes_xyxy.device
    empty = torch.zeros(0, dtype=torch.long, device=device)
    if not len(boxes_xyxy):
        return Assignment(empty, empty, torch.zeros(0, device=device))
    either, both = candidates(boxes_xyxy, corners, strides)
    cells = either.any(dim=0).nonzero().flatten()
    if not len(cells):
        return Assignment(empty, empty, torch.zeros(0, device=device))
    ious = box_iou(boxes_xyxy, predicted_xyxy[cells]).nan_to_num()  # (G, C)
    probabilities = (logits[cells, :1].float().sigmoid() * logits[cells, 1:].float().sigmoid()).sqrt()  # (C, classes)
    wanted = F.one_hot(classes, logits.shape[1] - 1).float()
    class_cost = F.binary_cross_entropy(
        probabilities[None].expand(len(boxes_xyxy), -1, -1),
        wanted[:, None].expand(-1, len(cells), -1),
        reduction="none",
    ).sum(dim=-1)
    cost = class_cost - IOU_WEIGHT * (ious + 1e-8).log() + OUTSIDE_COST * ~both[:, cells]
    # A cell is offered only to boxes whose region it lies in.
    cost = cost.masked_fill(~either[:, cells], float("inf")).nan_to_num(nan=OUTSIDE_COST, posinf=float("inf"))
    best = ious.topk(min(TOP_CANDIDATES, len(cells)), dim=1).values.sum(dim=1).int().clamp(min=1)
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    for box, k in enumerate(best.tolist()):
        cheapest = cost[box].topk(min(k, len(cells)), largest=False)
        chosen[box, cheapest.indices[cheapest.values.isfinite()]] = True
    crowded = chosen.sum(dim=0) > 1
    if crowded.any():
        winner = cost[:, crowded].argmin(dim=0)
        chosen[:, crowded] = F.one_hot(winner, len(boxes_xyxy)).T.bool()
    columns = chosen.any(dim=0).nonzero().flatten()
    boxes = chosen[:, columns].int().argmax(dim=0)
    return Assignment(cells[columns], boxes, ious[boxes, columns])
