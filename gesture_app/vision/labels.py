"""The names of HaGRID's gestures, and how probabilities become a name.

A trained model carries its own names and their order in its info file.
"""

from __future__ import annotations

from operator import itemgetter
from typing import NamedTuple

from gesture_app.vision.hands import FloatArray

NO_GESTURE = "no_gesture"

HAGRID_GESTURES = (
    "call",
    "dislike",
    "fist",
    "four",
    "like",
    "mute",
    "ok",
    "one",
    "palm",
    "peace",
    "peace_inverted",
    "rock",
    "stop",
    "stop_inverted",
    "three",
    "three2",
    "two_up",
    "two_up_inverted",
)
"""The 18 gestures of HaGRID v1 (Kapitanov et al., WACV 2024)."""

HAGRID_LABELS = (*HAGRID_GESTURES, NO_GESTURE)
"""The classes of a HaGRID classifier."""

BACKGROUND = "background"
"""A further class that a classifier may have: no hand at all. What it takes for that is not shown."""

TOP = 3

SIDES = ("left", "right")
"""The anatomical sides: a right hand is the person's right one, in a picture that is no mirror image."""
SURE_SIDE = 0.2
"""A side is told from this distance of its probability to one half on."""


class Name(NamedTuple):
    """The gesture that probabilities stand for."""

    label: str
    score: float
    top: tuple[tuple[str, float], ...]


def name_side(right: float) -> str:
    """The side that a probability of a right hand stands for; empty where it is unsure."""
    return "" if abs(right - 0.5) < SURE_SIDE else SIDES[right > 0.5]


def name_gesture(probabilities: FloatArray, labels: tuple[str, ...], label_threshold: float) -> Name:
    """Name the most probable gesture, or `no_gesture` when it is below the threshold.

    Args:
        probabilities: shape (classes,), in the order of `labels`.

    Returns:
        Its score is the probability of the label that is returned; 0 where the classifier knows no `no_gesture`.
    """
    top = tuple(sorted(zip(labels, probabilities.tolist(), strict=True), key=itemgetter(1), reverse=True)[:TOP])
    label, score = top[0]
    if score < label_threshold and label != NO_GESTURE:
        known = NO_GESTURE in labels
        label, score = NO_GESTURE, float(probabilities[labels.index(NO_GESTURE)]) if known else 0.0
    return Name(label, score, top)
