"""The names of HaGRID's gestures. A trained model carries its own names and their order in its info file."""

from __future__ import annotations

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
