"""Pictures to model input; the app and the training programs both come through here."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from gesture_app.vision.hands import Box, Image

if TYPE_CHECKING:
    from torch import Tensor

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
    """The shape that the detector is trained at for an image: that of its info, on end for an upright picture."""
    short, long = sorted(input_hw)
    return (long, short) if image_hw[0] > image_hw[1] else (short, long)


def fitted_hw(image_hw: tuple[int, int], input_hw: tuple[int, int]) -> tuple[int, int]:
    """The least input shape, in multiples of 32, that shows an image to the detector as large as in training.

    Args:
        image_hw: shape of the image.
        input_hw: the shape that the detector was trained at.

    Returns:
        `oriented_hw` without the rows and columns that a letterbox would only fill with grey: for 288x384, a picture
        of 720x1280 gets 224x384. A side of the image touches the edge either way, so the scale is the same.
    """
    (height, width), _ = scaled_hw(image_hw, oriented_hw(image_hw, input_hw))
    return -(-height // 32) * 32, -(-width // 32) * 32


def scaled_hw(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> tuple[tuple[int, int], float]:
    """The largest shape of an image within `size_hw` that keeps its aspect ratio, and the scale: new = old * scale."""
    scale = min(size_hw[0] / image_hw[0], size_hw[1] / image_hw[1])
    return (max(1, round(image_hw[0] * scale)), max(1, round(image_hw[1] * scale))), scale


def resize(image: Image, size_hw: tuple[int, int], interpolation: int) -> Image:
    """Resize by OpenCV's interpolation; to less than half the size in two steps, as means of four samples a pixel.

    One sample would pass a sensor's noise on, and the means of whole areas take ten times as long.
    """
    height, width = size_hw
    if 2 * height < image.shape[0] and 2 * width < image.shape[1]:
        image = np.asarray(cv2.resize(image, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), np.uint8)
        interpolation = cv2.INTER_AREA
    return np.asarray(cv2.resize(image, (width, height), interpolation=interpolation), np.uint8)


def letterbox(image: Image, size_hw: tuple[int, int]) -> tuple[Image, float]:
    """Fit an image into the top-left of a grey canvas, keeping its aspect ratio.

    Returns:
        The canvas, shape (*size_hw, 3), and the scale: canvas pixel = source pixel * scale.

    Raises:
        ValueError: the image is empty or not HWC uint8 with 3 channels.
    """
    check_image(image)
    (new_h, new_w), scale = scaled_hw((image.shape[0], image.shape[1]), size_hw)
    canvas = np.full((*size_hw, 3), GREY, np.uint8)
    canvas[:new_h, :new_w] = resize(image, (new_h, new_w), cv2.INTER_LINEAR)
    return canvas, scale


def crop_hand(image: Image, box_xyxy: Box, size: int) -> Image:
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
    (new_h, new_w), scale = scaled_hw((bottom - top, right - left), (size, size))
    canvas = np.full((size, size, 3), GREY, np.uint8)
    y, x = (size - new_h) // 2, (size - new_w) // 2
    canvas[y : y + new_h, x : x + new_w] = resize(
        crop, (new_h, new_w), cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    )
    return canvas


def mirror(image: Image) -> Image:
    """Left and right swapped, in a new array."""
    return np.asarray(cv2.flip(image, 1), np.uint8)


def to_tensor(image: Image) -> Tensor:
    """An image for PyTorch, which shares its memory: HWC uint8 -> (3, H, W) uint8; channel order and range stay."""
    import torch

    return torch.from_numpy(image).permute(2, 0, 1)
