"""What recognition does between the networks, as functions of tensors whose shapes never depend on the pictures.

So a CUDA graph can hold them all, and nothing waits for the GPU in between. `preprocess` and `postprocess` do the same
for NumPy and are the reference.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad
from torchvision.ops import roi_align

from gesture_app.vision.postprocess import NMS_IOU
from gesture_app.vision.preprocess import GREY, scaled_hw
from gesture_app.vision.yolox import decode_boxes

CANDIDATES = 256
"""The best cells that suppression looks at: some dozens belong to one hand."""


def to_pictures(frames: Tensor) -> Tensor:
    """Frames as OpenCV has them, (B, H, W, 3) uint8, as float32 pictures (B, 3, H, W), 0..255."""
    return frames.permute(0, 3, 1, 2).to(torch.float32, memory_format=torch.contiguous_format)


def letterbox(pictures: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """As `preprocess.letterbox`: (B, 3, H, W) -> (B, 3, *size_hw), whole numbers."""
    new_h, new_w = scaled_hw((pictures.shape[2], pictures.shape[3]), size_hw)[0]
    halved = 2 * new_h < pictures.shape[2] and 2 * new_w < pictures.shape[3]
    size = (2 * new_h, 2 * new_w) if halved else (new_h, new_w)
    small = interpolate(pictures, size, mode="bilinear", align_corners=False)
    small = (avg_pool2d(small, 2) if halved else small).round()
    return pad(small, (0, size_hw[1] - new_w, 0, size_hw[0] - new_h), value=GREY)


def find_hands(
    raw: Tensor, grid: tuple[Tensor, Tensor], input_hw: tuple[int, int], frame_hw: tuple[int, int], count: int
) -> Tensor:
    """As `postprocess.select`, without a threshold: what is left out there has a low score here.

    Args:
        raw: (B, M, 5 + classes), see `YOLOX.forward`.
        grid: of the M cells, see `yolox.cell_grid`.
        count: most hands of a picture.

    Returns:
        (B, count, 6), best first: the box in pixels of the frame, clipped to it, its score, or -1 where there is no
        further box, and its class.
    """
    scale = scaled_hw(frame_hw, input_hw)[1]
    boxes = (decode_boxes(raw, *grid) / scale).clamp(min=0)
    boxes = torch.stack((boxes[..., 0::2].clamp(max=frame_hw[1]), boxes[..., 1::2].clamp(max=frame_hw[0])), -1)
    boxes = boxes.flatten(2)  # (B, M, 4), xyxy
    best, classes = raw[..., 5:].float().max(-1)
    scores = raw[..., 4].float().sigmoid() * best.sigmoid()
    # NaN compares as false; these are the fewest kernels that find it.
    real = (boxes[..., 2:] - boxes[..., :2] >= 1).all(-1) & (raw[..., :4].abs().amax(-1) < torch.inf) & (scores >= 0)
    scores, cells = torch.where(real, scores, -1).topk(min(CANDIDATES, scores.shape[1]), sorted=False)
    boxes = boxes.gather(1, cells[..., None].expand(-1, -1, 4)).nan_to_num()
    scores, places = suppress_overlaps(boxes, scores, count)
    boxes = boxes.gather(1, places[..., None].expand(-1, -1, 4))
    classes = classes.gather(1, cells).gather(1, places)
    return torch.cat((boxes, scores[..., None], classes[..., None]), -1)


def suppress_overlaps(boxes_xyxy: Tensor, scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Greedy non-maximum suppression, as `postprocess.suppress_overlaps`.

    Args:
        boxes_xyxy: (B, K, 4).
        scores: (B, K); negative for what is no box.

    Returns:
        The scores of the kept boxes, best first, -1 where there are fewer, and their places; both (B, count).
    """
    corners, ends = boxes_xyxy[..., :2], boxes_xyxy[..., 2:]
    sides = torch.minimum(ends[:, :, None], ends[:, None]) - torch.maximum(corners[:, :, None], corners[:, None])
    common = _product(sides.clamp(min=0))  # (B, K, K)
    areas = _product(ends - corners)
    overlap = common > NMS_IOU * (areas[:, :, None] + areas[:, None] - common)
    kept_scores, kept_places = [], []
    for _ in range(count):
        score, place = scores.max(1, keepdim=True)
        kept_scores.append(score)
        kept_places.append(place)
        beside = overlap.gather(1, place[..., None].expand(-1, -1, overlap.shape[2]))[:, 0]
        scores = torch.where(beside, -1, scores)  # itself too
    return torch.cat(kept_scores, 1), torch.cat(kept_places, 1)


def _product(sides: Tensor) -> Tensor:
    """(..., 2) -> (...): PyTorch compiles a kernel for `prod`, at the first frame."""
    return sides[..., 0] * sides[..., 1]


def crop_hands(pictures: Tensor, boxes_xyxy: Tensor, size: int) -> Tensor:
    """As `preprocess.crop_hand`: squares with the boxes in their middle and grey beside them.

    Every pixel is the mean of four samples: what `preprocess.resize` does for less than half the size.

    Args:
        pictures: (B, 3, H, W), float32.
        boxes_xyxy: (B, N, 4), pixels of the pictures.

    Returns:
        (B * N, 3, size, size), whole numbers.
    """
    height, width = pictures.shape[2:]
    left, top, right, bottom = boxes_xyxy.flatten(0, 1).unbind(-1)
    left, top = left.floor().clamp(0, width - 1), top.floor().clamp(0, height - 1)
    right = torch.maximum(right.ceil(), left + 1).clamp(max=width)
    bottom = torch.maximum(bottom.ceil(), top + 1).clamp(max=height)
    starts, sides = torch.stack((left, top), -1), torch.stack((right - left, bottom - top), -1)  # (B * N, 2), x and y
    inner = (sides * (size / sides.amax(-1, keepdim=True))).round().clamp(1, size)
    margins = ((size - inner) / 2).floor()
    steps = sides / inner  # source pixels in one of the crop
    starts = starts - margins * steps
    numbers = torch.arange(len(starts), device=pictures.device) // boxes_xyxy.shape[1]
    regions = torch.cat((numbers[:, None].to(starts.dtype), starts, starts + size * steps), -1)
    crops = roi_align(pictures, regions, size, sampling_ratio=2, aligned=True).round()
    places = torch.arange(size, device=pictures.device)
    inside = (places >= margins[..., None]) & (places < (margins + inner)[..., None])  # (B * N, 2, size)
    return torch.where(inside[:, None, 1, :, None] & inside[:, None, 0, None, :], crops, GREY)


def to_probabilities(logits: Tensor, shifts: Tensor) -> Tensor:
    """As `recognizer.to_probabilities`, in float32, of logits (N, outputs) and shifts (classes,)."""
    classes = len(shifts)
    logits = logits.float()
    finite = logits.isfinite().all(-1, keepdim=True)
    shifted = torch.where(finite, logits[:, :classes] + shifts, 0)
    return torch.cat((shifted.softmax(-1), torch.where(finite, logits[:, classes:], 0).sigmoid()), -1)
