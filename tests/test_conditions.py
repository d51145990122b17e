from __future__ import annotations

from typing import get_args

import cv2
import numpy as np
import pytest

from training.conditions import DEGRADATIONS, Condition, dark, dim, far, moving, under


def picture(height: int = 120, width: int = 160) -> np.ndarray:
    image = np.full((height, width, 3), 120, np.uint8)
    cv2.circle(image, (width // 2, height // 2), height // 5, (90, 140, 230), -1)
    return image


def test_every_condition_can_be_asked_for() -> None:
    assert set(DEGRADATIONS) == set(get_args(Condition))


@pytest.mark.parametrize("condition", DEGRADATIONS)
@pytest.mark.parametrize("size_hw", [(120, 160), (161, 97), (5, 3)])
def test_the_size_stays_and_a_seed_gives_the_same(condition: Condition, size_hw: tuple[int, int]) -> None:
    image = picture(*size_hw)
    before = image.copy()
    changed = under(condition, image, 3)
    assert changed.shape == image.shape and changed.dtype == np.uint8
    assert np.array_equal(image, before) and np.array_equal(changed, under(condition, image, 3))


def test_light() -> None:
    rng, image = np.random.default_rng(0), picture()
    assert dark(image, rng).mean() < 0.35 * image.mean()
    assert 0.6 * image.mean() < dim(image, rng).mean() < 0.95 * image.mean()
    assert dim(image, rng)[:20, :20].std() > 3


def test_motion_smears_an_edge_but_no_even_place() -> None:
    image = picture()
    smeared = moving(image, np.random.default_rng(0)).astype(int)
    assert (smeared[:20, :20] == 120).all()
    assert np.abs(smeared - image).max() > 20


def test_far_is_half_as_large() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    image[52:68, 72:88] = 255
    bright = (far(image, np.random.default_rng(0)) > 200).all(axis=2)
    assert bright.any(axis=0).sum() == bright.any(axis=1).sum() == 8
