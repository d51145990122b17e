"""Hands drawn onto a picture: boxes, names and the frame rate."""

from __future__ import annotations

import colorsys
import zlib
from collections.abc import Sequence

import cv2
import numpy as np

from gesture_app.vision.hands import Hand, Image
from gesture_app.vision.labels import NO_GESTURE

Colour = tuple[int, int, int]
Rect = tuple[int, int, int, int]

FONT = cv2.FONT_HERSHEY_SIMPLEX

# Neighbours in hue differ in lightness, so that they stay apart for colour-blind eyes; a gesture and its inverted
# form have different hues.
COLOURS_RGB: dict[str, int] = {
    "call": 0xE69F00,
    "dislike": 0xD5470A,
    "fist": 0x9A6324,
    "four": 0xF7E733,
    "like": 0x1E78E6,
    "mute": 0x8B1FB0,
    "ok": 0x009E73,
    "one": 0x6CC3FF,
    "palm": 0x00F0D8,
    "peace": 0xD98CC0,
    "peace_inverted": 0xFF1F8F,
    "rock": 0xF01230,
    "stop": 0x800010,
    "stop_inverted": 0xFFB3A0,
    "three": 0xB6F52A,
    "three2": 0x2F9E2F,
    "two_up": 0x20209C,
    "two_up_inverted": 0xB49DFF,
    NO_GESTURE: 0x9A9A9A,
}


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


def draw_hands(image: Image, hands: Sequence[Hand], fps: float | None = None) -> Image:
    """Draw boxes with names such as `peace 97 %`, and the frame rate in the lower left corner.

    Args:
        image: shape (height, width, 3), BGR, from 1x1 up; it stays as it is.
        hands: with boxes in pixels of `image`.
        fps: frames per second; None draws none.

    Returns:
        A new picture of the same shape.
    """
    canvas = np.array(image, order="C")
    taken: list[Rect] = []
    for hand in sorted(hands, key=lambda h: h.label != NO_GESTURE):  # gestures over the grey boxes
        _draw_box(canvas, hand)
    for hand in sorted(hands, key=lambda h: h.label == NO_GESTURE):  # gestures get the better places
        left, top, right, bottom = _pixel_box(hand, canvas)
        text = f"{hand.label} {hand.score * 100:.0f} %"
        spots = [
            (left, top, "above"),
            (left, top, "below"),
            (left, bottom, "above"),
            (left, bottom, "below"),
            (right, top, "below"),
        ]
        _draw_label(canvas, text, gesture_colour(hand.label), spots, taken)
    if fps is not None:
        _draw_label(canvas, f"{fps:.1f} FPS", (40, 40, 40), [(0, canvas.shape[0], "above")], taken)
    return canvas


def _line_px(canvas: Image) -> int:
    return max(1, round(int(min(canvas.shape[:2])) / 180))


def _pixel_box(hand: Hand, canvas: Image) -> Rect:
    height, width = canvas.shape[:2]
    left, top, right, bottom = hand.box_xyxy
    x1, y1 = min(max(round(left), 0), width - 1), min(max(round(top), 0), height - 1)
    return x1, y1, min(max(round(right) - 1, x1), width - 1), min(max(round(bottom) - 1, y1), height - 1)


def _draw_box(canvas: Image, hand: Hand) -> None:
    left, top, right, bottom = _pixel_box(hand, canvas)
    line = _line_px(canvas)
    if hand.label == NO_GESTURE:
        line = max(1, line // 2)
    else:  # a dark rim keeps a bright box visible on a bright picture
        cv2.rectangle(canvas, (left, top), (right, bottom), (0, 0, 0), line + 2 * max(1, line // 3))
    cv2.rectangle(canvas, (left, top), (right, bottom), gesture_colour(hand.label), line)


def _draw_label(canvas: Image, text: str, colour: Colour, spots: list[tuple[int, int, str]], taken: list[Rect]) -> None:
    """Put the text at the first spot that is inside the picture and free, else at the first, moved inside."""
    height, width = canvas.shape[:2]
    text_px = max(10.0, min(height, width) * 0.034)
    scale, thickness = text_px / 22, max(1, round(text_px / 12))
    pad = max(2, round(text_px / 4))
    text_w, text_h, drop = _text_size(text, scale, thickness)
    full_w, full_h = text_w + 2 * pad, text_h + drop + pad
    if full_w > width or full_h > height:
        narrower = scale * min((width - 2 * pad) / text_w, (height - pad) / (text_h + drop))
        if narrower < 0.25:  # no longer readable
            return
        scale, thickness = narrower * 0.97, 1
        text_w, text_h, drop = _text_size(text, scale, thickness)
        full_w, full_h = min(text_w + 2 * pad, width), min(text_h + drop + pad, height)
    rects = [(x, y - full_h if where == "above" else y, full_w, full_h) for x, y, where in spots]
    inside = [_moved_inside(rect, (width, height)) for rect in rects]
    free = [
        new
        for old, new in zip(rects, inside, strict=True)
        if old[1] == new[1] and not any(_overlap(new, t) for t in taken)
    ]
    x, y, w, h = free[0] if free else inside[0]
    taken.append((x, y, w, h))
    cv2.rectangle(canvas, (x, y), (x + w - 1, y + h - 1), colour, cv2.FILLED)
    cv2.putText(
        canvas, text, (x + pad, y + pad // 2 + text_h), FONT, scale, _text_colour(colour), thickness, cv2.LINE_AA
    )


def _text_size(text: str, scale: float, thickness: int) -> tuple[int, int, int]:
    """Width, height above and below the base line; the heights are those of letters that go high and low."""
    (_, height), drop = cv2.getTextSize("Ag_", FONT, scale, thickness)
    return cv2.getTextSize(text, FONT, scale, thickness)[0][0], height, drop


def _moved_inside(rect: Rect, size_wh: tuple[int, int]) -> Rect:
    x, y, w, h = rect
    return max(0, min(x, size_wh[0] - w)), max(0, min(y, size_wh[1] - h)), w, h


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]


def _text_colour(background: Colour) -> Colour:
    """Black or white, whichever has the higher WCAG contrast on the background."""
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in background]
    luminance = 0.0722 * linear[0] + 0.7152 * linear[1] + 0.2126 * linear[2]
    return (0, 0, 0) if (luminance + 0.05) ** 2 > 0.05 * 1.05 else (255, 255, 255)
