"""Pictures of high dynamic range, as telephones film them, in the values that an ordinary screen shows."""

from __future__ import annotations

import cv2
import numpy as np

from gesture_app.vision.hands import FloatArray, Image

WHITE_NITS = 203
"""How bright a sheet of paper is in such pictures (ITU-R BT.2408)."""
KNEE = 0.9
"""What is brighter than this share of an ordinary screen is compressed, so that lamps and skies keep their shape."""


def from_pq(signal: FloatArray) -> FloatArray:
    """Nits of values from 0 to 1 (SMPTE ST 2084, as in ITU-R BT.2100)."""
    power = signal ** (1 / 78.84375)
    light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 * light ** (1 / 0.1593017578125), np.float32)


def from_hlg(signal: FloatArray) -> FloatArray:
    """Nits of values from 0 to 1 on a screen of 1,000 nits (ARIB STD-B67, as in ITU-R BT.2100)."""
    bright = np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892
    return np.asarray(1_000 * (np.where(signal <= 0.5, 4 * signal**2, bright) / 12) ** 1.2, np.float32)


def to_screen(nits: FloatArray) -> Image:
    """sRGB values, 0 to 255; a sheet of paper gets 246."""
    light = nits / WHITE_NITS
    values = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    soft = 1 - (1 - KNEE) * np.exp((KNEE - values) / (1 - KNEE))
    return np.round(255 * np.where(values <= KNEE, values, soft)).astype(np.uint8)


_SIGNAL = np.linspace(0, 1, 256, dtype=np.float32)
TO_SCREEN = {16: to_screen(from_pq(_SIGNAL)), 18: to_screen(from_hlg(_SIGNAL))}
"""Tables for `cv2.LUT` by FFmpeg's number of a transfer function."""
BT709, SMPTE170M, BT2020 = 1, 6, 9
"""FFmpeg's numbers of primaries: of ordinary screens, of old television, and those that such pictures usually have. The
first two are also those of their transfer functions."""
FROM_BT2020 = np.array(((1.1187, -0.1006, -0.0182), (-0.0083, 1.1329, -0.1246), (-0.0728, -0.5876, 1.6605)))
"""From these primaries to an ordinary screen's, BGR (ITU-R BT.2087). It is meant for light; applied to the screen's
values, which are there already, it leaves skin off by 1.4 in CIELAB, in place of 8."""


def for_screen(image: Image, transfer: int, primaries: int) -> Image:
    """A decoded picture, (height, width, 3) BGR, as a screen shows it; one of ordinary range stays.

    Args:
        transfer, primaries: FFmpeg's numbers.
    """
    if (table := TO_SCREEN.get(transfer)) is None:
        return image
    image = np.asarray(cv2.LUT(image, table), np.uint8)
    return np.asarray(cv2.transform(image, FROM_BT2020), np.uint8) if primaries == BT2020 else image


def on_screen(transfer: int, primaries: int) -> tuple[int, int]:
    """FFmpeg's numbers of the primaries and the transfer function of what `for_screen` gives."""
    if transfer not in TO_SCREEN:
        return primaries, transfer
    return BT709 if primaries == BT2020 else primaries, BT709
