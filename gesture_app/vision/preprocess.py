"""Pictures to model input; the app and the training programs both come through here."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from gesture_app.vision.hands import Image

GREY = 114
"""The value of padding, as in YOLOX."""


def check_image(image: Image) -> None:
    """Refuse what is not a picture.

    Raises:
        ValueError: the image is empty or not HWC uint8 with 3 channels.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected a non-empty HWC uint8 image with 3 channels, got {image.dtype} {image.shape}")


def oriented_hw(image_hw: tuple[int, int], input_hw: tuple[int, int]) -> tuple[int, int]:
    """The detector's input shape for an image: the shape it was trained at, on end for an upright picture."""
    short, long = sorted(input_hw)
    return (long, short) if image_hw[0] > image_hw[1] else (short, long)


def letterbox(image: Image, size_hw: tuple[int, int]) -> tuple[Image, float]:
    """Fit an image into the top-left of a grey canvas, keeping its aspect ratio.

    Returns:
        The canvas, shape (*size_hw, 3), and the scale: canvas pixel = source pixel * scale.

    Raises:
        ValueError: the image is empty or not HWC uint8 with 3 channels.
    """
    check_image(image)
    height, width = image.shape[:2]
    scale = min(size_hw[0] / height, size_hw[1] / width)
    new_h, new_w = max(1, round(height * scale)), max(1, round(width * scale))
    canvas = np.full((*size_hw, 3), GREY, np.uint8)
    canvas[:new_h, :new_w] = cv2.resize(image, (new_w, new_h), interpolation=cv2.INTER_LINEAR)
    return canvas, scale


def crop_hand(image: Image, box_xyxy: tuple[float, float, float, float], size: int) -> Image:
    """Cut a box out of an image, fit it into a square and pad the shorter side with grey on both ends.

    Args:
        image: HWC uint8 BGR.
        box_xyxy: pixels of the image; what lies outside the image is dropped.
        size: side of the square in pixels.

    Returns:
        Shape (size, size, 3). A box without any pixel inside the image gives the pixel next to it.

    Raises:
        ValueError: the image is empty or not HWC uint8 with 3 channels.
    """
    check_image(image)
    height, width = image.shape[:2]
    left = min(max(int(np.floor(box_xyxy[0])), 0), width - 1)
    top = min(max(int(np.floor(box_xyxy[1])), 0), height - 1)
    right = min(max(int(np.ceil(box_xyxy[2])), left + 1), width)
    bottom = min(max(int(np.ceil(box_xyxy[3])), top + 1), height)
    crop = image[top:bottom, left:right]
    scale = size / max(crop.shape[:2])
    new_h, new_w = (min(size, max(1, round(side * scale))) for side in crop.shape[:2])
    canvas = np.full((size, size, 3), GREY, np.uint8)
    y, x = (size - new_h) // 2, (size - new_w) // 2
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[y : y + new_h, x : x + new_w] = cv2.resize(crop, (new_w, new_h), interpolation=interpolation)
    return canvas


def to_batch(images: list[Image]) -> Tensor:
    """Stack images of one size: N x HWC uint8 -> (N, 3, H, W) uint8; channel order and range stay."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
