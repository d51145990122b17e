"""Raw detector output to boxes in pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.ops import nms

from gesture_app.vision.yolox import STRIDES

NMS_IOU = 0.45
MAX_CANDIDATES = 1000
MAX_LOG_SIZE = 8.0
"""exp(8) cells are wider than any picture; without the limit a wild prediction becomes infinite."""


@dataclass(frozen=True)
class Detections:
    """Detections of one image, best first.

    Attributes:
        boxes_xyxy: (N, 4) float32, pixels of the source frame, clipped to it.
        scores: (N,) objectness times class probability, 0..1.
        classes: (N,) int64.
    """

    boxes_xyxy: Tensor
    scores: Tensor
    classes: Tensor


def cell_grid(input_hw: tuple[int, int], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """The corners and strides of the cells, in the order of the raw output.

    Returns:
        corners_xy (M, 2), in cells, and strides (M,), in input pixels; both float32.
    """
    corners, strides = [], []
    for stride in STRIDES:
        rows = torch.arange(input_hw[0] // stride, device=device)
        columns = torch.arange(input_hw[1] // stride, device=device)
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        corners.append(torch.stack((x, y), dim=-1).view(-1, 2))
        strides.append(torch.full((corners[-1].shape[0],), stride, device=device))
    return torch.cat(corners).float(), torch.cat(strides).float()


def decode_boxes(raw: Tensor, input_hw: tuple[int, int]) -> Tensor:
    """Boxes of the raw output: centre = (corner + offset) * stride, size = exp(log size) * stride.

    Args:
        raw: (..., M, 5 + classes), see `yolox.YOLOX.forward`.

    Returns:
        boxes_xyxy (..., M, 4), pixels of the model input, float32, not clipped.
    """
    corners, strides = cell_grid(input_hw, raw.device)
    offsets = raw[..., :4].float()
    centre = (offsets[..., :2] + corners) * strides[:, None]
    half = offsets[..., 2:].clamp(max=MAX_LOG_SIZE).exp() * strides[:, None] / 2
    return torch.cat((centre - half, centre + half), dim=-1)


def select(
    raw: Tensor, input_hw: tuple[int, int], frame_hw: tuple[int, int], threshold: float, max_detections: int
) -> Detections:
    """The detections of one image: threshold first, then non-maximum suppression over what is left.

    Suppression does not look at the class: one hand is one box.

    Args:
        raw: (M, 5 + classes), the output for one image that was letterboxed into `input_hw`.
        input_hw: the model's input shape.
        frame_hw: the shape of the source frame.
        threshold: least score to keep, 0..1. Non-finite predictions are dropped.
    """
    probabilities = raw[:, 4:].float().sigmoid()
    scores, classes = (probabilities[:, :1] * probabilities[:, 1:]).max(dim=1)
    keep = (scores >= threshold) & raw[:, :4].isfinite().all(dim=1)
    index = keep.nonzero().flatten()
    index = index[scores[index].argsort(descending=True)[:MAX_CANDIDATES]]
    scores, classes = scores[index], classes[index]
    scale = min(input_hw[0] / frame_hw[0], input_hw[1] / frame_hw[1])
    boxes = decode_boxes(raw, input_hw)[index] / scale
    limits = boxes.new_tensor((frame_hw[1], frame_hw[0], frame_hw[1], frame_hw[0]))
    boxes = torch.minimum(boxes.clamp(min=0), limits)
    real = ((boxes[:, 2:] - boxes[:, :2]) >= 1).all(dim=1)
    boxes, scores, classes = boxes[real], scores[real], classes[real]
    best = nms(boxes, scores, NMS_IOU)[:max_detections]
    return Detections(boxes[best], scores[best], classes[best])
