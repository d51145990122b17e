"""What a detector is shown of a frame: the whole, less, more, or a square around a hand; boxes stay on their hands."""

from __future__ import annotations

import cv2
import numpy as np

from gesture_app.vision.boxes import mirror_boxes
from gesture_app.vision.hands import FloatArray, Image
from gesture_app.vision.preprocess import GREY, mirror, resize

LEAST_SHOWN, LEAST_SIDE = 1 / 3, 4.0
"""A hand in a part of a frame counts from this share of it, and this many pixels each way."""


def flip(image: Image, boxes_xyxy: FloatArray) -> tuple[Image, FloatArray]:
    """Mirror a picture and its boxes (N, 4)."""
    return mirror(image), mirror_boxes(boxes_xyxy, image.shape[1])


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
    kind = rng.random()
    if kind < 0.25:
        view = zoomed_out(width, height, rng)
    elif kind < 0.6:
        view = hand_keeping_crop(boxes_xyxy, width, height, rng)
    else:
        view = np.array((0.0, 0.0, width, height))
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

    Hands hardly shown are painted over, see `kept_hands`.

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
    left, top, right, bottom = view_xyxy.round().tolist()  # whole pixels are cut: boxes move by the same
    scale = min(size_hw[0] / (bottom - top), size_hw[1] / (right - left))
    canvas = np.full((*size_hw, 3), GREY, np.uint8)
    x0, y0, x1, y1 = max(0, int(left)), max(0, int(top)), min(width, round(right)), min(height, round(bottom))
    at_x, at_y = max(0, round((x0 - left) * scale)), max(0, round((y0 - top) * scale))
    new_w = min(size_hw[1] - at_x, max(1, round((x1 - x0) * scale)))
    new_h = min(size_hw[0] - at_y, max(1, round((y1 - y0) * scale)))
    if new_w > 0 and new_h > 0 and x1 > x0 and y1 > y0:
        part = resize(image[y0:y1, x0:x1], (new_h, new_w), cv2.INTER_LINEAR)
        canvas[at_y : at_y + new_h, at_x : at_x + new_w] = part
    moved = (boxes_xyxy - np.array((left, top, left, top), np.float32)) * np.float32(scale)
    shown_wh = np.array((min(size_hw[1], (right - left) * scale), min(size_hw[0], (bottom - top) * scale)))
    return canvas, *kept_hands(canvas, moved, classes, shown_wh)


def kept_hands(
    canvas: Image, boxes_xyxy: FloatArray, classes: FloatArray, shown_wh: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The boxes (N, 4) cut at the edge of what a canvas shows, and their classes.

    A hand of which less than a third is shown is painted grey: it is neither a hand to be found nor background. What
    it shares with the boxes that stay is theirs.

    Args:
        canvas: painted on.
        boxes_xyxy: pixels of the canvas, not clipped.
        classes: (N,).
        shown_wh: (2,) how much of the canvas, from its top-left, shows the picture.
    """
    share = visible_share(boxes_xyxy, np.concatenate((np.zeros(2), shown_wh)))
    cut = np.clip(boxes_xyxy, 0, np.tile(shown_wh, 2))
    size = cut[:, 2:] - cut[:, :2]
    kept = (share >= LEAST_SHOWN) & (size.min(axis=1, initial=np.inf) >= LEAST_SIDE)
    whole_px = cut.round().astype(int)
    shown = [(x0, y0, canvas[y0:y1, x0:x1].copy()) for x0, y0, x1, y1 in whole_px[kept]]
    for x0, y0, x1, y1 in whole_px[(share > 0) & (share < LEAST_SHOWN)]:
        canvas[y0:y1, x0:x1] = GREY
    for x0, y0, pixels in shown:
        canvas[y0:, x0:][: pixels.shape[0], : pixels.shape[1]] = pixels
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
