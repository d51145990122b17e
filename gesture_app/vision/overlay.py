"""Hands drawn onto a picture: boxes, names, bars of the likeliest gestures, and trails."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from gesture_app.vision.hands import Hand, Image
from gesture_app.vision.labels import NO_GESTURE
from gesture_app.vision.style import Colour, OverlayStyle, gesture_colour, gesture_name, text_colour
from gesture_app.vision.trails import Trail

Rect = tuple[int, int, int, int]

FONT = cv2.FONT_HERSHEY_SIMPLEX
PANEL = (38, 34, 30)
PANEL_TEXT = (244, 242, 238)
PANEL_GROOVE = (78, 72, 66)
LEAST_SCALE = 0.25
"""Of the font; smaller is no longer readable and left out."""


def draw_hands(
    image: Image,
    hands: Sequence[Hand],
    style: OverlayStyle = OverlayStyle(),  # noqa: B008  # frozen
    trails: Sequence[Trail] = (),
) -> Image:
    """Draw boxes with names such as `two up 97 % R`, for a right hand.

    Args:
        image: shape (height, width, 3), BGR, from 1x1 up; it stays as it is.
        hands: with boxes in pixels of `image`.
        style: what is drawn besides the boxes.
        trails: drawn below the boxes, in pixels of `image`.

    Returns:
        A new picture of the same shape.
    """
    canvas = np.array(image, order="C")
    taken: list[Rect] = []
    for trail in trails:
        _draw_trail(canvas, trail)
    for hand in sorted(hands, key=lambda h: h.label != NO_GESTURE):  # gestures over the grey boxes
        _draw_box(canvas, hand)
    for hand in sorted(hands, key=lambda h: h.label == NO_GESTURE):  # gestures get the better places
        left, top, right, bottom = _pixel_box(hand, canvas)
        spots = [
            (left, top, "above"),
            (left, top, "below"),
            (left, bottom, "above"),
            (left, bottom, "below"),
            (right, top, "below"),
        ]
        if text := tag_text(hand, style):
            _draw_label(canvas, text, gesture_colour(hand.label), spots, taken)
        if style.top:
            _draw_bars(canvas, hand, [spots[4], (left, top, "beside"), spots[3], spots[2]], taken)
    return canvas


def tag_text(hand: Hand, style: OverlayStyle) -> str:
    """What is written beside a hand: `two up 97 % R #3` or less, as the style says."""
    name = gesture_name(hand.label)
    if hand.label != NO_GESTURE:  # which is also what an unsure hand gets, so that its probability says little
        name += f" {hand.score * 100:.0f} %"
    name += f" {hand.side[:1].upper()}" if hand.side else ""
    return " ".join([name] * style.labels + [f"#{hand.id}"] * style.ids)


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


def _draw_trail(canvas: Image, trail: Trail) -> None:
    """A line that grows thinner with age."""
    colour = gesture_colour(trail.label)
    points = [(round(x), round(y)) for x, y in trail.points_xy]
    for number, (start, end) in enumerate(pairwise(points), 1):
        thickness = max(1, round(2 * _line_px(canvas) * number / len(points)))
        cv2.line(canvas, start, end, colour, thickness, cv2.LINE_AA)


def _draw_label(canvas: Image, text: str, colour: Colour, spots: list[tuple[int, int, str]], taken: list[Rect]) -> None:
    """Put the text at the first spot that is inside the picture and free, else at the first, moved inside."""
    height, width = canvas.shape[:2]
    text_px = _text_px(canvas)
    scale, thickness = text_px / 22, max(1, round(text_px / 12))
    pad = max(2, round(text_px / 4))
    text_w, text_h, drop = _text_size(text, scale, thickness)
    full_w, full_h = text_w + 2 * pad, text_h + drop + pad
    if full_w > width or full_h > height:
        narrower = scale * min((width - 2 * pad) / text_w, (height - pad) / (text_h + drop))
        if narrower < LEAST_SCALE:
            return
        scale, thickness = narrower * 0.97, 1
        text_w, text_h, drop = _text_size(text, scale, thickness)
        full_w, full_h = min(text_w + 2 * pad, width), min(text_h + drop + pad, height)
    x, y = _place(canvas, (full_w, full_h), spots, taken)
    cv2.rectangle(canvas, (x, y), (x + full_w - 1, y + full_h - 1), colour, cv2.FILLED)
    origin = (x + pad, y + pad // 2 + text_h)
    cv2.putText(canvas, text, origin, FONT, scale, text_colour(colour), thickness, cv2.LINE_AA)


def _draw_bars(canvas: Image, hand: Hand, spots: list[tuple[int, int, str]], taken: list[Rect]) -> None:
    """A dark panel with name, percentage and bar of each of the likeliest gestures; none where it has no room."""
    height, width = canvas.shape[:2]
    text_px = 0.72 * _text_px(canvas)
    scale, pad, bar_h = text_px / 22, max(2, round(text_px / 3)), max(2, round(text_px / 5))
    if scale < LEAST_SCALE:
        return
    rows = [(label, f"{probability * 100:.0f} %", probability) for label, probability in hand.top]
    text_w = max((_text_size(f"{label}  {percent}", scale, 1)[0] for label, percent, _ in rows), default=0)
    _, text_h, drop = _text_size("", scale, 1)
    row_h = text_h + drop + bar_h + pad
    size_wh = (max(text_w, round(6 * text_px)) + 2 * pad, row_h * len(rows) + pad)
    if not rows or size_wh[0] > width or size_wh[1] > height:
        return
    x, y = _place(canvas, size_wh, spots, taken)
    cv2.rectangle(canvas, (x, y), (x + size_wh[0] - 1, y + size_wh[1] - 1), PANEL, cv2.FILLED)
    left, right = x + pad, x + size_wh[0] - 1 - pad
    for number, (label, percent, probability) in enumerate(rows):
        base = y + pad + number * row_h + text_h
        percent_x = right - _text_size(percent, scale, 1)[0]
        cv2.putText(canvas, gesture_name(label), (left, base), FONT, scale, PANEL_TEXT, 1, cv2.LINE_AA)
        cv2.putText(canvas, percent, (percent_x, base), FONT, scale, PANEL_TEXT, 1, cv2.LINE_AA)
        top, end = base + drop, left + round((right - left) * min(max(probability, 0.0), 1.0))
        cv2.rectangle(canvas, (left, top), (right, top + bar_h - 1), PANEL_GROOVE, cv2.FILLED)
        cv2.rectangle(canvas, (left, top), (end, top + bar_h - 1), gesture_colour(label), cv2.FILLED)


def _text_px(canvas: Image) -> float:
    return max(10.0, int(min(canvas.shape[:2])) * 0.034)


def _text_size(text: str, scale: float, thickness: int) -> tuple[int, int, int]:
    """Width, height above and below the base line; the heights are those of letters that go high and low."""
    (_, height), drop = cv2.getTextSize("Ag_", FONT, scale, thickness)
    return cv2.getTextSize(text, FONT, scale, thickness)[0][0], height, drop


def _place(
    canvas: Image, size_wh: tuple[int, int], spots: list[tuple[int, int, str]], taken: list[Rect]
) -> tuple[int, int]:
    """Where something of this size goes: the first spot that is inside the picture and free, else the first, moved
    inside. It is then taken.
    """
    w, h = size_wh
    corners = {"above": (0, -h), "below": (0, 0), "beside": (-w, 0)}
    rects = [(x + corners[where][0], y + corners[where][1], w, h) for x, y, where in spots]
    inside = [_moved_inside(rect, (canvas.shape[1], canvas.shape[0])) for rect in rects]
    free = [
        new
        for old, new in zip(rects, inside, strict=True)
        if old[1] == new[1] and not any(_overlap(new, t) for t in taken)
    ]
    chosen = free[0] if free else inside[0]
    taken.append(chosen)
    return chosen[:2]


def _moved_inside(rect: Rect, size_wh: tuple[int, int]) -> Rect:
    x, y, w, h = rect
    return max(0, min(x, size_wh[0] - w)), max(0, min(y, size_wh[1] - h)), w, h


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[0] + b[2] and b[0] < a[0] + a[2] and a[1] < b[1] + b[3] and b[1] < a[1] + a[3]
