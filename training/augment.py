"""Augmentation. Pictures come and go as HWC uint8 BGR; torchvision's transforms see RGB tensors in between."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from gesture_app.vision.hands import FloatArray, Image
from gesture_app.vision.preprocess import GREY, crop_hand

AugmentationName = Literal["standard", "trivial", "none"]

JITTER_INWARD, JITTER_OUTWARD = 0.12, 0.2
"""How far a side of a training crop lies inside or outside of the true one, as a share of the box."""
WIDE_MARGIN = 0.4
"""The same outward for a fifth of the crops: some detectors, and people, draw generous boxes."""
LEAST_SHOWN, LEAST_SIDE = 1 / 3, 4.0
"""A hand in a part of a frame counts from this share of it, and this many pixels each way."""
CONTEXT = 0.45
"""How much of something else surrounds a hand crop on each side, as a share of it: more than boxes are moved."""


def to_rgb_tensor(image: Image) -> Tensor:
    """HWC BGR -> (3, H, W) RGB."""
    return torch.from_numpy(np.ascontiguousarray(image[..., ::-1])).permute(2, 0, 1)


def to_bgr_array(image: Tensor) -> Image:
    """(3, H, W) RGB -> HWC BGR."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy()[..., ::-1])


def classifier_augmentation(name: AugmentationName = "standard") -> v2.Transform:
    """Of a square crop. A turn by much, or a vertical flip, would not keep every HaGRID label.

    A horizontal flip keeps it but makes a right hand of a left one: it is made where the side is known, in `HandCrops`.
    """
    if name == "none":
        return v2.Identity()
    if name == "trivial":
        return GentleTrivialAugment(fill=GREY)
    return v2.Compose(
        [
            v2.RandomAffine(15, translate=(0.08, 0.08), scale=(0.85, 1.15), shear=6, fill=GREY),
            v2.RandomApply([v2.ColorJitter(0.5, 0.4, 0.4, 0.05)], p=0.8),
            v2.RandomGrayscale(0.05),
            v2.RandomApply([v2.GaussianBlur(5, (0.3, 1.5))], p=0.1),
            v2.RandomErasing(p=0.2, scale=(0.02, 0.12), value=GREY),
        ]
    )


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


def flip(image: Image, boxes_xyxy: FloatArray) -> tuple[Image, FloatArray]:
    """Mirror a picture and its boxes (N, 4), which keeps what the hands show."""
    mirrored = boxes_xyxy.copy()
    mirrored[:, [0, 2]] = image.shape[1] - boxes_xyxy[:, [2, 0]]
    return np.ascontiguousarray(image[:, ::-1]), mirrored


def frame_view(
    image: Image, boxes_xyxy: FloatArray, classes: FloatArray, size_hw: tuple[int, int], rng: np.random.Generator
) -> tuple[Image, FloatArray, FloatArray]:
    """A frame as it is, or zoomed out, or cropped with its hands nearly whole (as in SSD, arXiv:1512.02325).

    Args:
        image: HWC uint8 BGR.
        boxes_xyxy: (N, 4) pixels.
        classes: (N,).
        size_hw: of the result.

    Returns:
        The view, letterboxed as in the app, with the boxes and classes of the hands in it.
    """
    height, width = image.shape[:2]
    kind, whole = rng.random(), np.array((0.0, 0.0, width, height))
    view = whole
    if kind < 0.25:
        view = zoomed_out(width, height, rng)
    elif kind < 0.6:
        view = hand_keeping_crop(boxes_xyxy, width, height, rng)
    return cut_view(image, boxes_xyxy, classes, view, size_hw)


def zoomed_out(width: int, height: int, rng: np.random.Generator) -> FloatArray:
    """A region up to 1.8 times as large as a frame, with the frame anywhere in it: xyxy (4,)."""
    more = rng.uniform(0, 0.8)
    left, top = -more * width * rng.random(), -more * height * rng.random()
    return np.array((left, top, left + (1 + more) * width, top + (1 + more) * height))


def hand_keeping_crop(boxes_xyxy: FloatArray, width: int, height: int, rng: np.random.Generator) -> FloatArray:
    """A part of a frame, at least half of it each way, that shows every hand by a drawn share at least: xyxy (4,)."""
    least = float(rng.choice((0.7, 0.9, 1.0)))
    for _ in range(20):
        part_w, part_h = rng.uniform(0.5, 1, 2) * (width, height)
        left, top = rng.random() * (width - part_w), rng.random() * (height - part_h)
        view = np.array((left, top, left + part_w, top + part_h))
        if 0.5 <= part_w / part_h * height / width <= 2 and (visible_share(boxes_xyxy, view) >= least - 1e-6).all():
            return view
    return np.array((0.0, 0.0, width, height))


def visible_share(boxes_xyxy: FloatArray, view_xyxy: FloatArray) -> FloatArray:
    """How much of each box (N, 4) a region (4,) shows: (N,), 0..1."""
    low, high = np.maximum(boxes_xyxy[:, :2], view_xyxy[:2]), np.minimum(boxes_xyxy[:, 2:], view_xyxy[2:])
    area = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    return np.asarray((high - low).clip(0).prod(axis=1) / np.maximum(area, 1e-6))


def cut_view(
    image: Image, boxes_xyxy: FloatArray, classes: FloatArray, view_xyxy: FloatArray, size_hw: tuple[int, int]
) -> tuple[Image, FloatArray, FloatArray]:
    """Cut a region, which may reach beyond the picture, and fit it into the top-left of a grey canvas.

    A hand of which it shows less than a third is painted grey, because it is neither a hand to be found nor background.

    Args:
        image: HWC uint8 BGR.
        boxes_xyxy: (N, 4) pixels.
        classes: (N,).
        view_xyxy: (4,) pixels.
        size_hw: of the canvas.

    Returns:
        The canvas, and the boxes and classes of the hands in it, cut at its edge.
    """
    height, width = image.shape[:2]
    left, top, right, bottom = view_xyxy.tolist()
    scale = min(size_hw[0] / (bottom - top), size_hw[1] / (right - left))
    canvas = np.full((*size_hw, 3), GREY, np.uint8)
    x0, y0, x1, y1 = max(0, int(left)), max(0, int(top)), min(width, round(right)), min(height, round(bottom))
    at_x, at_y = max(0, round((x0 - left) * scale)), max(0, round((y0 - top) * scale))
    new_w = min(size_hw[1] - at_x, max(1, round((x1 - x0) * scale)))
    new_h = min(size_hw[0] - at_y, max(1, round((y1 - y0) * scale)))
    if new_w > 0 and new_h > 0 and x1 > x0 and y1 > y0:
        part = cv2.resize(image[y0:y1, x0:x1], (new_w, new_h), interpolation=cv2.INTER_LINEAR)
        canvas[at_y : at_y + new_h, at_x : at_x + new_w] = part
    moved = (boxes_xyxy - np.array((left, top, left, top), np.float32)) * np.float32(scale)
    shown_wh = np.array((min(size_hw[1], (right - left) * scale), min(size_hw[0], (bottom - top) * scale)))
    return canvas, *kept_hands(canvas, moved, classes, shown_wh)


def kept_hands(
    canvas: Image, boxes_xyxy: FloatArray, classes: FloatArray, shown_wh: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The boxes (N, 4) cut at the edge of what a canvas shows, and their classes; a hand hardly shown is painted over.

    Args:
        canvas: painted on.
        boxes_xyxy: pixels of the canvas, not clipped.
        classes: (N,).
        shown_wh: (2,) how much of the canvas, from its top-left, shows the picture.
    """
    share = visible_share(boxes_xyxy, np.concatenate((np.zeros(2), shown_wh)))
    cut = np.clip(boxes_xyxy, 0, np.tile(shown_wh, 2))
    for x0, y0, x1, y1 in cut[(share > 0) & (share < LEAST_SHOWN)].round().astype(int):
        canvas[y0:y1, x0:x1] = GREY
    size = cut[:, 2:] - cut[:, :2]
    kept = (share >= LEAST_SHOWN) & (size.min(axis=1, initial=np.inf) >= LEAST_SIDE)
    return np.asarray(cut[kept], np.float32), classes[kept]


def hand_window(
    image: Image, boxes_xyxy: FloatArray, classes: FloatArray, side: int, scale: float, rng: np.random.Generator
) -> tuple[Image, FloatArray, FloatArray]:
    """Scale a picture and cut a square out of it, three times of four around a hand, else anywhere.

    Large-scale jittering (arXiv:2012.07177): a detector learns the same hand in many sizes, and a square around it
    costs a third of the whole frame. Hands hardly shown are painted over, see `kept_hands`.

    Args:
        image: HWC uint8 BGR.
        boxes_xyxy: (N, 4) pixels.
        classes: (N,).
        side: of the square in pixels, after scaling.
        scale: pixels of the result for one of the picture.

    Returns:
        The square (side, side, 3), and the boxes and classes of the hands in it.
    """
    size_wh = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    image = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    boxes = boxes_xyxy * scale
    room = np.array(size_wh) - side
    low, high = np.minimum(room, 0), np.maximum(room, 0)
    if len(boxes) and rng.random() < 0.75:
        box = boxes[rng.integers(len(boxes))]
        first, last = np.minimum(box[2:] - side, box[:2]), np.maximum(box[2:] - side, box[:2])
        low, high = np.clip(first, low, high), np.clip(last, low, high)
    left, top = rng.uniform(low, high).round().astype(int)
    window = np.full((side, side, 3), GREY, np.uint8)
    part = image[max(top, 0) : top + side, max(left, 0) : left + side]
    window[max(-top, 0) :, max(-left, 0) :][: part.shape[0], : part.shape[1]] = part
    moved = boxes - np.array((left, top, left, top), np.float32)
    return window, *kept_hands(window, moved, classes, np.array((side, side)))


def poor_camera(image: Image, rng: np.random.Generator) -> Image:
    """A crop as a cheap camera in a dim room takes it: darker, noisy, blurred, coarsely compressed; each perhaps."""
    if rng.random() < 0.3:
        curve = 255 * np.linspace(0, 1, 256) ** rng.uniform(0.7, 2.2) * rng.uniform(0.5, 1.0)
        image = cv2.LUT(image, curve.round().astype(np.uint8))
    if rng.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), image.shape).astype(np.float32)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    return perhaps_compressed(image, rng)


def perhaps_compressed(image: Image, rng: np.random.Generator) -> Image:
    """A quarter of the pictures come through a coarse JPEG."""
    if rng.random() >= 0.25:
        return image
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 80))])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def jitter_box(
    box_xyxy: tuple[float, float, float, float], rng: np.random.Generator, inward: float, outward: float
) -> tuple[float, float, float, float]:
    """Move every side by a share of the box's size, drawn from -inward..outward: a detector's boxes are not exact."""
    left, top, right, bottom = box_xyxy
    width, height = right - left, bottom - top
    moves = rng.uniform(-inward, outward, 4)
    return left - moves[0] * width, top - moves[1] * height, right + moves[2] * width, bottom + moves[3] * height


def random_crop(
    image: Image, box_xyxy: tuple[float, float, float, float], size: int, rng: np.random.Generator
) -> Image:
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


def in_context(
    crop: Image, frame: Image, boxes_xyxy: FloatArray, rng: np.random.Generator
) -> tuple[Image, tuple[float, float, float, float]]:
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
