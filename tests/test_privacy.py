from __future__ import annotations

import numpy as np
import pytest

from gesture_app.vision.hands import Hand
from gesture_app.vision.privacy import blur_background


def hand(box: tuple[float, float, float, float]) -> Hand:
    return Hand(box, 0.9, "like", 0.9, (("like", 0.9),), np.ones(1, np.float32))


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize("size_hw", [(1, 1), (1, 900), (900, 1), (23, 25), (240, 320), (2160, 3840)])
def test_any_size(size_hw: tuple[int, int]) -> None:
    image = noise(*size_hw)
    before = image.copy()
    blurred = blur_background(image, [hand((0.4, 0.4, 5000, 5000))])
    assert blurred.shape == image.shape and blurred.dtype == np.uint8 and np.array_equal(image, before)


def test_only_the_hands_are_sharp() -> None:
    image = noise(360, 640)
    blurred = blur_background(image, [hand((100.2, 50.4, 180.0, 120.0))])
    assert np.array_equal(blurred[50:120, 100:180], image[50:120, 100:180])
    outside = np.ones((360, 640), bool)
    outside[50:120, 100:180] = False
    assert image[outside].std() > 70 and blurred[outside].std() < 25


def test_without_hands_nothing_is_sharp() -> None:
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, ::8] = 255  # bars of eight pixels: what the features of a face are as wide as
    assert blur_background(image, []).std() < 30
