"""Augmentation. Pictures come and go as HWC uint8 BGR; torchvision's transforms see RGB tensors in between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from gesture_app.vision.hands import Box, FloatArray, Image
from gesture_app.vision.preprocess import GREY, crop_hand

AugmentationName = Literal["standard", "trivial", "none"]

JITTER_INWARD, JITTER_OUTWARD = 0.12, 0.2
"""How far a side of a training crop lies inside or outside of the true one, as a share of the box."""
WIDE_MARGIN = 0.4
"""The same outward for a fifth of the crops: some detectors, and people, draw generous boxes."""
CONTEXT = 0.45
"""How much of something else surrounds a hand crop on each side, as a share of it: more than boxes are moved."""


def to_rgb_tensor(image: Image) -> Tensor:
    """HWC BGR -> (3, H, W) RGB."""
    return torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1)


def to_bgr_array(image: Tensor) -> Image:
    """(3, H, W) RGB -> HWC BGR."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy()[..., ::-1])


class GentleTrivialAugment(v2.TrivialAugmentWide):  # type: ignore[misc]
    """TrivialAugment (arXiv:2103.10158): one operation a picture, at any strength.

    The ranges are narrower than the paper's: a hand that is turned by 135 degrees shows another gesture, and no camera
    inverts its picture.
    """

    _AUGMENTATION_SPACE: ClassVar[dict[str, Any]] = {
        "Identity": (lambda bins, height, width: None, False),
        "ShearX": (lambda bins, height, width: torch.linspace(0, 0.25, bins), True),
        "ShearY": (lambda bins, height, width: torch.linspace(0, 0.25, bins), True),
        "TranslateX": (lambda bins, height, width: torch.linspace(0, width / 9, bins), True),
        "TranslateY": (lambda bins, height, width: torch.linspace(0, height / 9, bins), True),
        "Rotate": (lambda bins, height, width: torch.linspace(0, 45, bins), True),
        "Brightness": (lambda bins, height, width: torch.linspace(0, 0.75, bins), True),
        "Color": (lambda bins, height, width: torch.linspace(0, 0.99, bins), True),
        "Contrast": (lambda bins, height, width: torch.linspace(0, 0.99, bins), True),
        "Sharpness": (lambda bins, height, width: torch.linspace(0, 0.99, bins), True),
        "Posterize": (lambda bins, height, width: (8 - torch.arange(bins) / ((bins - 1) / 5)).round().int(), False),
        "AutoContrast": (lambda bins, height, width: None, False),
        "Equalize": (lambda bins, height, width: None, False),
    }


def perhaps_compressed(image: Image, rng: np.random.Generator) -> Image:
    """A quarter of the pictures come through a coarse JPEG."""
    if rng.random() >= 0.25:
        return image
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def jitter_box(box_xyxy: Box, rng: np.random.Generator, inward: float, outward: float) -> Box:
    """Move every side by a share of the box's size, drawn from -inward..outward: a detector's boxes are not exact."""
    left, top, right, bottom = box_xyxy
    width, height = right - left, bottom - top
    moves = rng.uniform(-inward, outward, 4)
    return left - moves[0] * width, top - moves[1] * height, right + moves[2] * width, bottom + moves[3] * height


def random_crop(image: Image, box_xyxy: Box, size: int, rng: np.random.Generator) -> Image:
    """Cut a hand out as `crop_hand` does, but with an inexact box, at times a wide margin, and not in the middle.

    Args:
        image: HWC uint8 BGR.
        box_xyxy: pixels of the image.
        size: side of the square in pixels.

    Returns:
        Shape (size, size, 3); where the box is not square, it lies anywhere in the square on grey.
    """
    outward = JITTER_OUTWARD if rng.random() < 0.8 else WIDE_MARGIN
    left, top, right, bottom = jitter_box(box_xyxy, rng, JITTER_INWARD, outward)
    crop = crop_hand(image, (left, top, right, bottom), size)
    height, width = image.shape[:2]
    inside_w, inside_h = min(right, width) - max(left, 0), min(bottom, height) - max(top, 0)
    if min(inside_w, inside_h) <= 0:
        return crop
    free = 1 - min(inside_w, inside_h) / max(inside_w, inside_h)
    shift = round(rng.uniform(-0.5, 0.5) * max(0, int(free * size) - 2))
    if shift == 0:
        return crop
    shifted = np.full_like(crop, GREY)
    if inside_w > inside_h:
        shifted[max(shift, 0) : size + min(shift, 0)] = crop[max(-shift, 0) : size - max(shift, 0)]
    else:
        shifted[:, max(shift, 0) : size + min(shift, 0)] = crop[:, max(-shift, 0) : size - max(shift, 0)]
    return shifted


def in_context(crop: Image, frame: Image, boxes_xyxy: FloatArray, rng: np.random.Generator) -> tuple[Image, Box]:
    """Lay a tight hand crop on a part of a frame that shows no hand: detected boxes show what is around the hand too.

    Args:
        crop: HWC uint8 BGR, at least 2x2.
        frame: HWC uint8 BGR.
        boxes_xyxy: (N, 4) pixels of the frame, its hands.

    Returns:
        The picture, and the box of the hand in it. Where no free part was found, the crop alone.
    """
    height, width = crop.shape[:2]
    margin_y, margin_x = round(CONTEXT * height), round(CONTEXT * width)
    size_wh = (width + 2 * margin_x, height + 2 * margin_y)
    for _ in range(4):
        scale = min(frame.shape[0] / size_wh[1], frame.shape[1] / size_wh[0]) * rng.uniform(0.15, 0.6)
        part_w, part_h = max(1, int(size_wh[0] * scale)), max(1, int(size_wh[1] * scale))
        x, y = int(rng.integers(0, frame.shape[1] - part_w + 1)), int(rng.integers(0, frame.shape[0] - part_h + 1))
        if covers(boxes_xyxy, (x, y, x + part_w, y + part_h)):
            continue
        part = cv2.resize(frame[y : y + part_h, x : x + part_w], size_wh, interpolation=cv2.INTER_LINEAR)
        paste(part, crop, margin_x, margin_y)
        return part, (margin_x, margin_y, margin_x + width, margin_y + height)
    return crop, (0.0, 0.0, float(width), float(height))


def paste(image: Image, crop: Image, x: int, y: int) -> None:
    """Lay a crop over an image, in place, its edge faded so that no outline gives it away."""
    height, width = crop.shape[:2]
    ramp_y = np.minimum(np.arange(height) + 1, np.arange(height, 0, -1)) / max(1.0, height / 12)
    ramp_x = np.minimum(np.arange(width) + 1, np.arange(width, 0, -1)) / max(1.0, width / 12)
    alpha = np.minimum(np.minimum(ramp_y[:, None], ramp_x[None, :]), 1.0)[..., None]
    region = image[y : y + height, x : x + width]
    region[:] = np.round(alpha * crop + (1 - alpha) * region).astype(np.uint8)


def random_patches(image: Image, boxes_xyxy: FloatArray, count: int, rng: np.random.Generator) -> list[Image]:
    """Rectangles of a picture that touch no hand, to be pasted like hands: the seam must not tell a hand."""
    height, width = image.shape[:2]
    patches = []
    for _ in range(count):
        patch_w, patch_h = (int(side) for side in min(height, width) * rng.uniform(0.1, 0.35, 2))
        x, y = int(rng.integers(0, width - patch_w + 1)), int(rng.integers(0, height - patch_h + 1))
        if min(patch_w, patch_h) >= 12 and not covers(boxes_xyxy, (x, y, x + patch_w, y + patch_h)):
            patches.append(image[y : y + patch_h, x : x + patch_w].copy())
    return patches


def covers(boxes_xyxy: Iterable[FloatArray], region_xyxy: tuple[int, int, int, int]) -> bool:
    """Whether a region touches any of the boxes."""
    left, top, right, bottom = region_xyxy
    return any(left < b[2] and b[0] < right and top < b[3] and b[1] < bottom for b in boxes_xyxy)


def paste_hands(
    image: Image, boxes_xyxy: FloatArray, crops: list[Image], rng: np.random.Generator
) -> tuple[Image, FloatArray]:
    """Lay hand crops at random places and sizes where they cover no other hand.

    Args:
        image: HWC uint8 BGR; not changed.
        boxes_xyxy: (N, 4) pixels, the hands already there.
        crops: HWC uint8 BGR, tight around a hand.

    Returns:
        The new picture and the boxes (N + pasted, 4).
    """
    image, boxes = image.copy(), [*boxes_xyxy]
    height, width = image.shape[:2]
    for crop in crops:
        scale = min(height, width) * rng.uniform(0.1, 0.45) / max(crop.shape[:2])
        new_w, new_h = round(crop.shape[1] * scale), round(crop.shape[0] * scale)
        if min(new_w, new_h) < 12:
            continue
        x, y = int(rng.integers(0, width - new_w + 1)), int(rng.integers(0, height - new_h + 1))
        if covers(boxes, (x, y, x + new_w, y + new_h)):
            continue
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        paste(image, cv2.resize(crop, (new_w, new_h), interpolation=interpolation), x, y)
        boxes.append(np.array((x, y, x + new_w, y + new_h), np.float32))
    return image, np.array(boxes, np.float32).reshape(-1, 4)
