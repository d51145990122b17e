from __future__ import annotations

import numpy as np
import pytest

from gesture_app.vision.closer import (
    TURN_S,
    WindowChoice,
    corner_windows,
    look_at_all,
    look_closer,
    window_around,
)
from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.postprocess import Detections


def detections(*found: tuple[float, float, float, float, float]) -> Detections:
    rows = np.array(found, np.float32).reshape(-1, 5)
    return Detections(rows[:, :4], rows[:, 4], np.zeros(len(rows), np.int64))


@pytest.mark.parametrize(
    ("image_hw", "windows"),
    [
        ((100, 200), [(0, 0, 120, 60), (80, 0, 200, 60), (0, 40, 120, 100), (80, 40, 200, 100)]),
        ((1, 1), [(0, 0, 1, 1)] * 4),
        ((2, 300), [(0, 0, 180, 1), (120, 0, 300, 1), (0, 1, 180, 2), (120, 1, 300, 2)]),
    ],
)
def test_windows_in_the_corners(image_hw: tuple[int, int], windows: list) -> None:
    assert corner_windows(image_hw) == windows


@pytest.mark.parametrize(
    ("box", "window"),
    [
        ((90, 40, 110, 60), (40, 20, 160, 80)),
        ((0, 0, 10, 10), (0, 0, 120, 60)),
        ((190, 90, 200, 100), (80, 40, 200, 100)),
        ((0, 0, 200, 100), (40, 20, 160, 80)),
    ],
)
def test_a_window_around_a_box_stays_in_the_picture(box: tuple, window: tuple) -> None:
    assert window_around((100, 200), box) == window


@pytest.mark.parametrize(
    ("window", "box", "kept"),
    [
        ((0, 0, 120, 60), (0, 0, 20, 20), True),  # the picture's own edge
        ((0, 0, 120, 60), (50, 20, 70, 40), True),
        ((0, 0, 120, 60), (100, 20, 119.5, 40), False),  # it may go on to the right
        ((0, 0, 120, 60), (50, 40, 70, 59.5), False),
        ((80, 40, 200, 100), (1.0, 20, 30, 40), False),
        ((80, 40, 200, 100), (1.4, 20, 30, 40), True),
        ((80, 40, 200, 100), (30, 0.5, 50, 40), False),
        ((80, 40, 200, 100), (100, 40, 120, 60), True),
    ],
)
def test_what_a_window_may_cut_is_left_out(window: tuple, box: tuple, kept: bool) -> None:
    both = detections((*box, 0.9), (60, 25, 65, 30, 0.9))  # the other is in the middle
    found = look_closer(lambda image, options: both, np.zeros((100, 200, 3), np.uint8), window, RecognizerOptions())
    assert len(found.scores) == len(found.classes) == kept + 1
    assert found.boxes_xyxy == pytest.approx(both.boxes_xyxy[1 - kept :] + np.tile(window[:2], 2))


@pytest.mark.parametrize(("threshold", "asked"), [(0.0, 0.0), (0.12, 0.5769), (0.5, 0.9091), (1.0, 1.0)])
def test_a_closer_look_has_to_be_surer(threshold: float, asked: float) -> None:
    seen = []

    def find(image, options):
        seen.append((image.shape, options.detector_threshold))
        return detections((50, 20, 70, 40, asked))

    options = RecognizerOptions(detector_threshold=threshold)
    found = look_closer(find, np.zeros((100, 200, 3), np.uint8), (0, 0, 120, 60), options)
    assert seen == [((60, 120, 3), pytest.approx(asked, abs=1e-4))]
    assert found.scores == pytest.approx([threshold], abs=1e-4)


def test_a_hand_in_several_windows_is_found_once() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[45:55, 95:105] = 255  # in the middle, where all windows overlap

    def find(part, options):
        rows, columns = np.flatnonzero(part.any(axis=(1, 2))), np.flatnonzero(part.any(axis=(0, 2)))
        return detections((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1, 0.9))

    found = look_at_all(find, image, corner_windows((100, 200)), RecognizerOptions())
    assert found.boxes_xyxy.tolist() == [[95, 45, 105, 55]] and found.scores == pytest.approx([0.4737], abs=1e-4)
    nothing = look_at_all(find, image, [], RecognizerOptions())
    assert nothing.boxes_xyxy.shape == (0, 4) and not len(nothing.scores)


def test_corners_take_turns_where_no_hand_is_shown() -> None:
    choose = WindowChoice()
    chosen = [choose((100, 200), number * TURN_S / 2, [], shows_hand=False) for number in range(16)]
    assert [len(windows) for windows in chosen] == [1, 0] * 8
    assert sorted(windows[0] for windows in chosen if windows) == sorted(corner_windows((100, 200)) * 2)
    assert choose((100, 200), 0.0, [], shows_hand=False)  # a step back in time
    assert not choose((100, 200), 1.0, [], shows_hand=True)


@pytest.mark.parametrize(
    ("missing", "windows"),
    [
        ([], []),
        ([(90, 40, 110, 60)], [(40, 20, 160, 80)]),
        ([(90, 40, 110, 60), (60, 30, 80, 50)], [(40, 20, 160, 80)]),  # the same window shows both
        ([(0, 0, 10, 10), (190, 90, 200, 100), (0, 90, 10, 100)], [(0, 0, 120, 60), (80, 40, 200, 100)]),
    ],
)
def test_missing_hands_are_looked_for_where_they_were(missing: list, windows: list) -> None:
    choose = WindowChoice()
    assert choose((100, 200), 0.0, missing, shows_hand=True) == windows
    assert choose((100, 200), 0.0, missing, shows_hand=False) == [*windows, (0, 0, 120, 60)]
    assert choose((100, 200), TURN_S / 2, missing, shows_hand=False) == windows
