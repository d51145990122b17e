from __future__ import annotations

import math

import numpy as np
import pytest

from gesture_app.vision.brighten import AIM, DARK, TOLD, Brightener, brighter


def grey(value: int, size_hw: tuple[int, int] = (90, 160)) -> np.ndarray:
    return np.full((*size_hw, 3), value, np.uint8)


@pytest.mark.parametrize(
    ("mean", "least", "most"),
    [
        (255, 255, 255),
        (100, 100, 100),
        (60, 60, 61),
        (50, 75, AIM + 1),
        (35, AIM - 3, AIM + 1),
        (15, 55, 70),
        (3, 10, 20),
    ],
)
def test_dark_pictures_become_lighter(mean: int, least: float, most: float) -> None:
    brightener = Brightener()
    assert least <= brightener(grey(mean), 0.0)[0, 0, 0] <= most
    assert brightener.dark is (mean < TOLD)


@pytest.mark.parametrize("mean", [0.5, 2, 10, 30, 45, 59.9, DARK])
def test_the_curve_keeps_the_order_black_and_white(mean: float) -> None:
    curve = brighter(math.log(mean / 255)).astype(int)
    assert (np.diff(curve) >= 0).all() and curve[0] == 0 and curve[255] == 255 and (curve >= np.arange(256)).all()


def test_no_step_where_darkness_begins() -> None:
    before, after = (brighter(math.log(mean / 255))[120].astype(int) for mean in (DARK, DARK - 1))
    assert abs(after - before) <= 6


def test_pictures_that_are_light_enough_are_not_copied() -> None:
    image = grey(120)
    assert Brightener()(image, 0.0) is image


def test_it_changes_slowly_and_at_once_after_a_step_back() -> None:
    brightener, scene = Brightener(), grey(40)
    scene[:, :80] = 20
    first = int(brightener(scene, 0.0)[0, 0, 0])
    lamp = grey(200)
    lamp[:, :80] = 20
    shown = [int(brightener(lamp, (number + 1) / 30)[0, 0, 0]) for number in range(60)]
    assert first > 35 and abs(shown[0] - first) <= 3 and shown[-1] == 20 and shown == sorted(shown, reverse=True)
    assert brightener(scene, 0.0)[0, 0, 0] == first


@pytest.mark.parametrize("size_hw", [(1, 1), (3, 500), (500, 2)])
def test_any_size(size_hw: tuple[int, int]) -> None:
    image = grey(10, size_hw)
    brightened = Brightener()(image, 0.0)
    assert brightened.shape == image.shape and brightened.dtype == np.uint8 and image.max() == 10
