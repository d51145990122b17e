"""Frames as worse conditions than those of the data would have them: to measure recognition, not to train it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from gesture_app.vision.hands import FloatArray, Image

Condition = Literal["dim", "dark", "moving", "far"]
Degradation = Callable[[Image, np.random.Generator], Image]

GAMMA = 2.2
SMEAR = 1 / 50
"""Share of the picture's width by which everything moves while the shutter is open."""


def sensed(light: FloatArray, photons: float, rng: np.random.Generator) -> FloatArray:
    """Linear light, 1 being white, with the noise of photons and of the readout; `photons` is the variance of white."""
    spread = np.sqrt(light * photons + 0.09 * photons**2)
    return np.asarray(light + spread * rng.standard_normal(light.shape, np.float32), np.float32)


def to_light(image: Image) -> FloatArray:
    """HWC uint8 -> linear light, 0..1."""
    return np.asarray((image / np.float32(255)) ** np.float32(GAMMA), np.float32)


def to_image(light: FloatArray) -> Image:
    """Linear light -> HWC uint8."""
    return np.asarray((light.clip(0, 1) ** np.float32(1 / GAMMA) * 255).round(), np.uint8)


def dark(image: Image, rng: np.random.Generator) -> Image:
    """A twentieth of the light, and a camera that does nothing about it."""
    return to_image(sensed(to_light(image) * np.float32(0.05), 0.004, rng))


def dim(image: Image, rng: np.random.Generator) -> Image:
    """A tenth of the light; the camera amplifies it, smooths the noise and compresses the rest."""
    light = sensed(to_light(image) * np.float32(0.1), 0.004, rng)
    smooth = cv2.GaussianBlur(to_image(light * np.float32(6)), (0, 0), 0.7)
    coded = cv2.imencode(".jpg", smooth, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


def moving(image: Image, rng: np.random.Generator) -> Image:
    """Everything moves in one direction."""
    length = max(3, round(image.shape[1] * SMEAR)) | 1
    kernel = np.zeros((length, length), np.float32)
    middle, angle = length // 2, rng.uniform(0, np.pi)
    reach_x, reach_y = round(middle * np.cos(angle)), round(middle * np.sin(angle))
    cv2.line(kernel, (middle - reach_x, middle - reach_y), (middle + reach_x, middle + reach_y), 1)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def far(image: Image, rng: np.random.Generator) -> Image:
    """Everything half as large, somewhere in a room of its colours."""
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    room = cv2.GaussianBlur(image, (0, 0), image.shape[1] / 20)
    height, width = small.shape[:2]
    y, x = rng.integers(0, (image.shape[0] - height + 1, image.shape[1] - width + 1))
    room[y : y + height, x : x + width] = small
    return np.asarray(room, np.uint8)


DEGRADATIONS: dict[Condition, Degradation] = {"dim": dim, "dark": dark, "moving": moving, "far": far}


def under(condition: Condition, image: Image, seed: int) -> Image:
    """The picture, HWC uint8 BGR, in its own size, under a condition; the same for the same seed."""
    return DEGRADATIONS[condition](image, np.random.default_rng(seed))
