from __future__ import annotations

import numpy as np
import pytest

from gesture_app.vision.preprocess import GREY, letterbox
from training.frame_views import cut_view, flip, frame_view, hand_window


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("size_hw", [(96, 128), (128, 96)])
def test_boxes_stay_on_their_hands(seed: int, size_hw) -> None:
    image = np.full((120, 160, 3), 90, np.uint8)
    image[30:80, 50:110] = 250  # the only bright thing
    boxes = np.array([[50, 30, 110, 80]], np.float32)
    view, got, classes = frame_view(image, boxes, np.array([3], np.float32), size_hw, np.random.default_rng(seed))
    assert view.shape == (*size_hw, 3) and view.dtype == np.uint8 and classes.tolist() == [3]
    bright = np.argwhere(view.min(axis=2) > 182)
    (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
    assert got[0] == pytest.approx(np.array([left, top, right, bottom]), abs=2.5)


def test_boxes_move_with_the_pixels_that_are_cut() -> None:
    image = np.full((120, 160, 3), 90, np.uint8)
    image[30:80, 50:110] = 250
    boxes = np.array([[50, 30, 110, 80]], np.float32)
    for view in ((0.9, 0.9, 120.9, 90.9), (10.4, 5.6, 130.4, 95.6), (30.5, 10.5, 150.5, 100.5)):
        shown, got, _ = cut_view(image, boxes, np.zeros(1, np.float32), np.array(view), (360, 480))
        bright = np.argwhere(shown.min(axis=2) > 170)
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
        assert got[0] == pytest.approx(np.array([left, top, right, bottom]), abs=0.51)


@pytest.mark.parametrize("size_hw", [(96, 128), (60, 80), (40, 64)])
def test_the_whole_of_a_frame_is_what_the_app_shows_the_detector(size_hw) -> None:
    image = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    whole, none = np.array((0.0, 0, 200, 150)), np.zeros((0, 4), np.float32)
    assert (cut_view(image, none, none[:, 0], whole, size_hw)[0] == letterbox(image, size_hw)[0]).all()


def test_views_are_whole_or_nearer_or_farther() -> None:
    image, none = np.zeros((120, 160, 3), np.uint8), np.zeros(1, np.float32)
    box, widths = np.array([[70, 50, 90, 70]], np.float32), []
    for seed in range(60):
        boxes = frame_view(image, box, none, (120, 160), np.random.default_rng(seed))[1]
        widths.append(float(boxes[0, 2] - boxes[0, 0]))
    assert min(widths) < 15 and max(widths) > 25 and 15 <= sum(abs(w - 20) < 0.01 for w in widths) <= 35


def test_a_hand_that_is_hardly_shown_is_painted_over() -> None:
    image = np.full((100, 100, 3), 250, np.uint8)
    boxes = np.array([[0, 0, 50, 40], [80, 80, 100, 100]], np.float32)
    view, kept, _ = cut_view(image, boxes, np.zeros(2, np.float32), np.array((40.0, 20, 100, 80)), (60, 60))
    assert kept.shape == (0, 4) and (view[:20, :10] == GREY).all() and (view[30:, 20:] == 250).all()


def test_painting_a_hand_over_leaves_the_hands_that_stay_whole() -> None:
    image = np.full((100, 150, 3), 250, np.uint8)
    boxes = np.array([[100, 0, 150, 100], [10, 10, 125, 90]], np.float32)  # the other one reaches in from the left
    view, kept, classes = cut_view(
        image, boxes, np.arange(2, dtype=np.float32), np.array((90.0, 0, 150, 100)), (100, 60)
    )
    assert kept.tolist() == [[10, 0, 60, 100]] and classes.tolist() == [0]
    assert (view[:, 10:] == 250).all() and (view[10:90, :10] == GREY).all() and (view[90:, :10] == 250).all()


def test_flipping_twice_changes_nothing() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    boxes = np.array([[2, 3, 10, 12]], np.float32)
    mirrored, moved = flip(image, boxes)
    assert (mirrored[:, 29] == image[:, 0]).all() and moved.tolist() == [[20, 3, 28, 12]]
    again, back = flip(mirrored, moved)
    assert (again == image).all() and (back == boxes).all()


@pytest.mark.parametrize("seed", range(10))
def test_no_boxes(seed: int) -> None:
    empty, rng = np.zeros((0, 4), np.float32), np.random.default_rng(seed)
    view, boxes, classes = frame_view(np.zeros((60, 80, 3), np.uint8), empty, np.zeros(0, np.float32), (32, 64), rng)
    assert boxes.shape == (0, 4) and classes.shape == (0,) and view.shape == (32, 64, 3)
    assert flip(view, boxes)[1].shape == (0, 4)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("scale", [0.3, 0.7, 1.6])
def test_windows_show_hands_whole_or_not_at_all(seed: int, scale: float) -> None:
    image = np.full((120, 160, 3), 20, np.uint8)
    image[30:80, 50:110] = 250
    boxes = np.array([[50, 30, 110, 80]], np.float32)
    window, got, classes = hand_window(image, boxes, np.array([3], np.float32), 96, scale, np.random.default_rng(seed))
    assert window.shape == (96, 96, 3) and len(got) == len(classes) <= 1
    bright = np.argwhere(window.min(axis=2) > 180)
    if len(got):
        (top, left), (bottom, right) = bright.min(axis=0), bright.max(axis=0) + 1
        assert got[0] == pytest.approx(np.array([left, top, right, bottom]), abs=2)
        assert (got[0, 2:] - got[0, :2]).prod() >= 60 * 50 * scale**2 / 3 - 1
    else:
        assert len(bright) <= 200


def test_window_of_a_picture_without_hands() -> None:
    empty = np.zeros((0, 4), np.float32)
    window, boxes, classes = hand_window(
        np.zeros((40, 50, 3), np.uint8), empty, np.zeros(0, np.float32), 64, 0.5, np.random.default_rng(0)
    )
    assert window.shape == (64, 64, 3) and boxes.shape == (0, 4) and classes.shape == (0,)
