from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gesture_app.vision.hands import Hand
from gesture_app.vision.overlay import draw_hands, tag_text
from gesture_app.vision.style import OverlayStyle, gesture_colour
from gesture_app.vision.trails import Trail

EVERYTHING = OverlayStyle(labels=True, ids=True, top=True, trails=True)
BOXES = OverlayStyle(labels=False)


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
    drawn = draw_hands(image, [hand((0, 0, width, height), label)])
    assert drawn.shape == image.shape and drawn.dtype == np.uint8
    assert not image.any() and drawn.any()


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (300, 0, 320, 9), (0, 230, 9, 240), (310, 230, 320, 240), (9, 9, 9, 9)])
def test_the_label_is_inside_and_whole(box: tuple[float, float, float, float]) -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    drawn = draw_hands(image, [hand(box, "two_up_inverted")])
    filled = np.all(drawn == gesture_colour("two_up_inverted"), axis=2)
    assert filled.sum() > 1000
    rows = np.flatnonzero(filled.sum(axis=1) > 10)
    assert np.all(np.diff(rows) == 1)


def test_labels_of_two_hands_at_one_place_do_not_cover_each_other() -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    drawn = draw_hands(image, [hand((100, 80, 200, 160), "like"), hand((101, 81, 201, 161), "rock")])
    areas = [np.all(drawn == gesture_colour(name), axis=2).sum() for name in ("like", "rock")]
    assert min(areas) > 600


def test_views_and_read_only_pictures() -> None:
    image = np.zeros((80, 80, 3), np.uint8)[::2, ::-1]
    image.flags.writeable = False
    assert draw_hands(image, [hand((1, 1, 30, 30))]).shape == (40, 80, 3)


@pytest.mark.parametrize("size_wh", [(1, 1), (5, 300), (300, 5), (320, 240)])
def test_everything_at_any_size(size_wh: tuple[int, int]) -> None:
    width, height = size_wh
    image = np.zeros((height, width, 3), np.uint8)
    trail = Trail("like", ((-50.0, 3.0), (0.4, 0.6), (9e4, 9e4)))
    drawn = draw_hands(image, [hand((0, 0, width, height), "rock")], EVERYTHING, [trail, Trail("ok", ())])
    assert drawn.shape == image.shape and not image.any()


def count(image: np.ndarray, label: str) -> int:
    return int(np.all(image == gesture_colour(label), axis=2).sum())


def test_bars_are_as_long_as_the_probabilities() -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    shown = Hand(
        (20, 40, 90, 120), 0.9, "like", 0.8, (("rock", 0.8), ("ok", 0.2), ("palm", 0.0)), np.ones(1, np.float32)
    )
    drawn = draw_hands(image, [shown], style=OverlayStyle(labels=False, top=True))
    assert count(drawn, "rock") == pytest.approx(4 * count(drawn, "ok"), rel=0.15)
    assert count(drawn, "palm") <= 4


def test_what_is_switched_off_is_not_drawn() -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    shown = hand((100, 80, 200, 160))
    boxes, labels, ids = (
        count(draw_hands(image, [shown], style=style), "like")
        for style in (BOXES, OverlayStyle(), OverlayStyle(ids=True))
    )
    assert boxes < labels < ids


def test_the_side_is_behind_the_name() -> None:
    shown = hand((100, 80, 200, 160))
    style = OverlayStyle(ids=True)
    assert [tag_text(replace(shown, side=side), style) for side in ("", "left", "right")] == [
        "like 97 % #1",
        "like 97 % L #1",
        "like 97 % R #1",
    ]
    assert tag_text(replace(shown, label="no_gesture", side="right"), OverlayStyle()) == "no gesture R"
    assert tag_text(replace(shown, side="right"), BOXES) == ""


def test_a_trail_lies_below_the_box() -> None:
    image = np.full((240, 320, 3), 255, np.uint8)
    trail = Trail("rock", ((10.0, 120.0), (150.0, 120.0)))
    drawn = draw_hands(image, [hand((100, 80, 200, 160))], style=BOXES, trails=[trail])
    assert np.abs(drawn[120, 50].astype(int) - gesture_colour("rock")).max() < 40
    assert tuple(drawn[120, 100]) == gesture_colour("like")
    assert tuple(drawn[120, 5]) == (255, 255, 255)
