"""How hands are shown: what is drawn, and the colour of every gesture. Without OpenCV, which takes its time to load."""

from __future__ import annotations

import colorsys
import zlib
from dataclasses import dataclass

from gesture_app.vision.labels import NO_GESTURE

Colour = tuple[int, int, int]
"""Blue, green, red, 0..255."""

# Found by a search for the greatest least distance in CIELAB, as seen by normal eyes and, after Machado, Oliveira and
# Fernandes (2009), by eyes without one of the three kinds of cones.
COLOURS_RGB: dict[str, int] = {
    "call": 0xEFA861,
    "dislike": 0xFF2B5E,
    "fist": 0x910000,
    "four": 0xCBFF68,
    "like": 0x1E78E6,
    "mute": 0x70009D,
    "ok": 0xAAFFD8,
    "one": 0x00B5FF,
    "palm": 0x00FFA0,
    "peace": 0xC25BB7,
    "peace_inverted": 0x861144,
    "rock": 0xFC7D09,
    "stop": 0xE30000,
    "stop_inverted": 0xFFC3F7,
    "three": 0xF6F50B,
    "three2": 0x52804C,
    "two_up": 0x5F12F0,
    "two_up_inverted": 0x4E3777,
    NO_GESTURE: 0x9A9A9A,
}


@dataclass(frozen=True)
class OverlayStyle:
    """What is drawn onto a picture besides the boxes.

    Attributes:
        labels: the gesture's name, its probability, and L or R for the side where that is known.
        ids: the number of the hand, behind the name.
        top: bars of the three most probable gestures.
        trails: where the middle of every hand was in the last second.
    """

    labels: bool = True
    ids: bool = False
    top: bool = False
    trails: bool = False


def gesture_name(label: str) -> str:
    """The label as people read it."""
    return label.replace("_", " ")


def hand_name(side: str, number: int) -> str:
    """A hand as people read it: its side, where that is known, and the number that stays with it."""
    return f"{side} {number}".strip()


def gesture_colour(name: str) -> Colour:
    """The colour of a gesture, BGR; a name outside the table gets one that is the same in every run."""
    if name in COLOURS_RGB:
        rgb = COLOURS_RGB[name]
        return rgb & 255, rgb >> 8 & 255, rgb >> 16
    code = zlib.crc32(name.encode())
    red, green, blue = colorsys.hsv_to_rgb(
        code % 360 / 360, 0.55 + code // 360 % 4 * 0.15, 0.95 - code // 1440 % 3 * 0.2
    )
    return round(blue * 255), round(green * 255), round(red * 255)


def text_colour(background: Colour) -> Colour:
    """Black or white, whichever has the higher WCAG contrast on the background."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in background]
    luminance = 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)
