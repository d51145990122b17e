from __future__ import annotations

import cv2
import numpy as np
import pytest

from gesture_app.vision.hands import Hand
from gesture_app.vision.overlay import COLOURS_RGB, draw_hands, gesture_colour


def hand(box: tuple[float, float, float, float], label: str = "like", score: float = 0.97) -> Hand:
    return Hand(box, 0.9, label, score, ((label, score),), np.ones(1, np.float32), 1)


def test_without_hands_the_picture_is_copied() -> None:
    image = np.full((40, 60, 3), 7, np.uint8)
    drawn = draw_hands(image, [])
    assert drawn is not image and np.array_equal(drawn, image)


@pytest.mark.parametrize("size_wh", [(1, 1), (2, 2), (3, 400), (400, 3), (64, 48), (384, 288), (3840, 2160)])
@pytest.mark.parametrize("label", ["two_up_inverted", "no_gesture", "a gesture of my own"])
def test_any_size(size_wh: tuple[int, int], label: str) -> None:
    width, height = size_wh
    image = np.zeros((height, width, 3), np.uint8)
    drawn = draw_hands(image, [hand((0, 0, width, height), label)], fps=29.97)
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert not image.any() and drawn.any()


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (300, 0, 320, 9), (0, 230, 9, 240), (310, 230, 320, 240), (9, 9, 9, 9)])
def test_the_label_is_inside_and_whole(box: tuple[float, float, float, float]) -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    drawn = draw_hands(image, [hand(box, "two_up_inverted")])
    filled = np.all(drawn == gesture_colour("two_up_inverted"), axis=2)
    assert filled.sum() > 1000
    rows = np.flatnonzero(filled.sum(axis=1) > 40)
    assert np.all(np.diff(rows) == 1)


def test_labels_of_two_hands_at_one_place_do_not_cover_each_other() -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    drawn = draw_hands(image, [hand((100, 80, 200, 160), "like"), hand((101, 81, 201, 161), "rock")])
    areas = [np.all(drawn == gesture_colour(name), axis=2).sum() for name in ("like", "rock")]
    assert min(areas) > 600


def test_colours_are_far_apart_and_stable() -> None:
    bgr = np.array([[gesture_colour(name) for name in COLOURS_RGB]], np.float32) / 255
    lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)[0]
    distances = np.linalg.norm(lab[:, None] - lab[None], axis=2)
    assert distances[~np.eye(len(lab), dtype=bool)].min() > 20
    assert gesture_colour("like") == (0xE6, 0x78, 0x1E)
    assert gesture_colour("thumb_war") == gesture_colour("thumb_war") != gesture_colour("thumb_peace")


def test_views_and_read_only_pictures() -> None:
    image = np.zeros((80, 80, 3), np.uint8)[::2, ::-1]
    image.flags.writeable = False
    assert draw_hands(image, [hand((1, 1, 30, 30))], 5).shape == (40, 80, 3)
