from __future__ import annotations

import numpy as np
import pytest

from gesture_app.vision.hands import RecognizerOptions
from gesture_app.vision.labels import HAGRID_GESTURES, HAGRID_LABELS, name_gesture, name_side

LABELS = ("like", "peace", "no_gesture")


def test_hagrid_has_18_gestures_and_no_gesture() -> None:
    assert len(HAGRID_GESTURES) == len(set(HAGRID_GESTURES)) == 18
    assert HAGRID_LABELS[-1] == "no_gesture"


@pytest.mark.parametrize(
    ("probabilities", "threshold", "label", "score"),
    [
        ((0.7, 0.2, 0.1), 0.5, "like", 0.7),
        ((0.4, 0.35, 0.25), 0.5, "no_gesture", 0.25),
        ((0.4, 0.35, 0.25), 0.0, "like", 0.4),
        ((0.1, 0.2, 0.7), 0.9, "no_gesture", 0.7),
        ((0.5, 0.5, 0.0), 0.5, "like", 0.5),
    ],
)
def test_name_gesture(probabilities, threshold, label, score) -> None:
    name = name_gesture(np.array(probabilities, np.float32), LABELS, threshold)
    assert (name.label, name.score) == (label, pytest.approx(score))
    assert [score for _, score in name.top] == sorted(
        (pytest.approx(p) for p in probabilities), key=lambda a: -a.expected
    )


@pytest.mark.parametrize(
    ("right", "side"),
    [(0.5, ""), (0.69, ""), (0.31, ""), (0.71, "right"), (0.29, "left"), (1.0, "right"), (0.0, "left")],
)
def test_name_side(right: float, side: str) -> None:
    assert name_side(right) == side


def test_a_classifier_without_no_gesture() -> None:
    name = name_gesture(np.array([0.6, 0.4], np.float32), ("a", "b"), 0.9)
    assert (name.label, name.score, len(name.top)) == ("no_gesture", 0.0, 2)


@pytest.mark.parametrize(
    "options",
    [{"detector_threshold": -0.1}, {"label_threshold": 1.1}, {"max_hands": 0}, {"detector_threshold": float("nan")}],
)
def test_options_are_checked(options) -> None:
    with pytest.raises(ValueError, match="is not within"):
        RecognizerOptions(**options)
