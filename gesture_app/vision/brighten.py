"""A dark picture made lighter, to look at: recognition sees it as it was taken."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from gesture_app.vision.hands import Image

DARK, AIM = 60.0, 90.0
"""Mean values below which a picture is dark, and what a dark one comes to, 0..255."""
TOLD = 40.0
"""The mean value below which it is worth telling."""
LEAST_EXPONENT = 0.5
"""A picture as dark as night stays dark: more would show noise alone."""
STEEPEST = 5.0
"""The darkest values are multiplied by no more, for the same reason."""
SMOOTHING_S = 0.5
STEP = 16
"""Every so many pixels one is looked at."""


class Brightener:
    """Makes the dark pictures of one source lighter by a gamma curve that changes slowly, so that nothing flickers.

    Attributes:
        dark: whether the last picture was so dark that it is worth telling.
    """

    def __init__(self) -> None:
        self.dark = False
        self._log_mean: float | None = None
        self._time_s = 0.0

    def __call__(self, image: Image, time_s: float) -> Image:
        """The picture, (height, width, 3) BGR, or a lighter one; at times in seconds that do not step back."""
        log_mean = math.log(max(1.0, float(image[::STEP, ::STEP].mean())) / 255)
        if self._log_mean is not None and time_s >= self._time_s:
            keep = math.exp(-(time_s - self._time_s) / SMOOTHING_S)
            log_mean = keep * self._log_mean + (1 - keep) * log_mean
        self._log_mean, self._time_s = log_mean, time_s
        self.dark = log_mean < math.log(TOLD / 255)
        if log_mean >= math.log(DARK / 255):
            return image
        return np.asarray(cv2.LUT(image, brighter(log_mean)), np.uint8)


def brighter(log_mean: float) -> NDArray[np.uint8]:
    """The new value of every value 0..255 of a picture whose mean has this logarithm, as a share of white."""
    # From `DARK` on downwards the curve grows out of none at all, so that a room that darkens does not jump.
    aim = AIM / 255 * min(1.0, math.exp(2 * (math.log(DARK / 255) - log_mean)) * DARK / AIM)
    exponent = max(LEAST_EXPONENT, min(1.0, math.log(aim) / log_mean))
    values = np.arange(256, dtype=np.float32)
    return np.asarray(np.minimum(255 * (values / 255) ** exponent, STEEPEST * values).round(), np.uint8)
