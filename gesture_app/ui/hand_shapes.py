"""Hands as outlines: which fingers are up, where the thumb is, which side is seen.

A hand lies in a square of 100 units, upright, its palm to the viewer and its thumb on the left, as a right hand is seen
in a mirror.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QPainterPath, QPainterPathStroker, QTransform

SIDE = 100.0
Lean = float | None
"""Degrees to the right of straight up; None is a folded finger."""


class Thumb(Enum):
    """Where the thumb is: the points from its root to its tip."""

    OUT = ((35, 74), (21, 63), (10, 51))
    WIDE = ((35, 72), (19, 66), (3, 61))
    BESIDE = ((36, 76), (27, 66), (25, 53))
    ACROSS = ((36, 75), (46, 71), (58, 64))
    OVER_LITTLE = ((36, 76), (49, 71), (64, 61))
    RING = ((35, 74), (18, 63), (19, 52))
    BEHIND = None  # an empty tuple is no member's value before Python 3.11.3


@dataclass(frozen=True)
class HandShape:
    """A gesture as a drawing.

    Attributes:
        fingers: index, middle, ring and little finger.
        thumb: where it is.
        back: whether the back of the hand is seen, the thumb then on the right.
        sideways: a fist seen from the side, with the thumb up; `fingers` and `thumb` do not count then.
        upside_down: whether the whole hand is; the thumb stays on its side.
        lips: whether a mouth is behind the finger.
    """

    fingers: tuple[Lean, Lean, Lean, Lean] = (None, None, None, None)
    thumb: Thumb = Thumb.ACROSS
    back: bool = False
    sideways: bool = False
    upside_down: bool = False
    lips: bool = False


SHAPES = {
    "call": HandShape((None, None, None, 40.0), Thumb.WIDE),
    "dislike": HandShape(sideways=True, upside_down=True),
    "fist": HandShape(),
    "four": HandShape((-13.0, -4.0, 6.0, 17.0), Thumb.ACROSS),
    "like": HandShape(sideways=True),
    "mute": HandShape((0.0, None, None, None), lips=True),
    "ok": HandShape((None, -2.0, 9.0, 22.0), Thumb.RING),
    "one": HandShape((0.0, None, None, None)),
    "palm": HandShape((-15.0, -4.0, 8.0, 22.0), Thumb.OUT),
    "peace": HandShape((-17.0, 13.0, None, None)),
    "peace_inverted": HandShape((-17.0, 13.0, None, None), Thumb.BEHIND, back=True),
    "rock": HandShape((-8.0, None, None, 12.0)),
    "stop": HandShape((0.0, 0.0, 0.0, 0.0), Thumb.BESIDE),
    "stop_inverted": HandShape((0.0, 0.0, 0.0, 0.0), Thumb.BESIDE, back=True),
    "three": HandShape((-13.0, -1.0, 12.0, None), Thumb.OVER_LITTLE),
    "three2": HandShape((-14.0, 6.0, None, None), Thumb.OUT),
    "two_up": HandShape((0.0, 0.0, None, None)),
    "two_up_inverted": HandShape((0.0, 0.0, None, None), Thumb.BEHIND, back=True),
}
"""Every gesture of HaGRID."""

ROOTS = ((38.5, 50.0), (49.5, 47.0), (60.5, 48.5), (70.5, 53.0))
LENGTHS = (34.0, 38.0, 34.0, 26.0)
WIDTHS = (10.6, 11.0, 10.6, 9.4)
THUMB_WIDTH = 11.5
FOLDED_LENGTH = 13.0


@dataclass(frozen=True)
class Outlines:
    """What to paint, from behind to the front.

    Attributes:
        lips: a mouth, or nothing.
        fingers: fingers that are up, and a thumb that is not in front; they grow out of the palm.
        palm: the hand without fingers.
        front: folded fingers and the thumb before the palm.
        lines: nails, knuckles and folds.
    """

    lips: QPainterPath
    fingers: list[QPainterPath]
    palm: QPainterPath
    front: list[QPainterPath]
    lines: QPainterPath

    def bounds(self) -> QRectF:
        """What the whole hand takes of the square."""
        rect = self.palm.boundingRect().united(self.lips.boundingRect())
        for part in (*self.fingers, *self.front):
            rect = rect.united(part.boundingRect())
        return rect


def outlines(shape: HandShape) -> Outlines:
    """The parts of a hand in the square of 100 units."""
    parts = _sideways() if shape.sideways else _upright(shape)
    turned = QTransform()
    if shape.back:
        turned.translate(SIDE, 0).scale(-1, 1)
    if shape.upside_down:
        turned.translate(0, SIDE).scale(1, -1)
    return Outlines(
        turned.map(parts.lips),
        [turned.map(path) for path in parts.fingers],
        turned.map(parts.palm),
        [turned.map(path) for path in parts.front],
        turned.map(parts.lines),
    )


def _upright(shape: HandShape) -> Outlines:
    lines = QPainterPath()
    up: list[QPainterPath] = []
    front: list[QPainterPath] = []
    for root, length, width, lean in zip(ROOTS, LENGTHS, WIDTHS, shape.fingers, strict=True):
        if lean is not None:
            tip = _towards(root, lean, length)
            up.append(_capsule([root, tip], width))
            lines.addPath(_nail(tip, lean, width) if shape.back else QPainterPath())
        elif shape.back:
            up.append(_capsule([root, (root[0], root[1] - 2.0)], width))
        elif not (shape.thumb is Thumb.RING and root == ROOTS[0]):
            front.append(_capsule([(root[0], root[1] + 1.0), (root[0], root[1] + FOLDED_LENGTH)], width))
    if shape.back:
        lines.addPath(_knuckles())
    if shape.thumb is Thumb.RING:
        up.extend(_ring())
    elif shape.thumb.value:
        thumb = _capsule(list(shape.thumb.value), THUMB_WIDTH)
        if shape.thumb in (Thumb.ACROSS, Thumb.OVER_LITTLE):
            front.append(thumb)
        else:
            up.append(thumb)
            if shape.back:
                tip, before = shape.thumb.value[-1], shape.thumb.value[-2]
                lean = math.degrees(math.atan2(tip[0] - before[0], before[1] - tip[1]))
                lines.addPath(_nail(tip, lean, THUMB_WIDTH))
    if not shape.back and not front:
        lines.addPath(_palm_folds())
    return Outlines(_lips() if shape.lips else QPainterPath(), up, _palm(), front, lines)


def _palm() -> QPainterPath:
    path = QPainterPath(QPointF(33.2, 54))
    path.cubicTo(QPointF(33.2, 42), QPointF(75.2, 42), QPointF(75.2, 57))
    path.cubicTo(QPointF(75.5, 72), QPointF(70, 78), QPointF(68.5, 86))
    path.lineTo(QPointF(68.5, 96))
    path.lineTo(QPointF(43.5, 96))
    path.lineTo(QPointF(43.5, 88))
    path.cubicTo(QPointF(40, 84), QPointF(33.2, 78), QPointF(33.2, 66))
    path.closeSubpath()
    return path


def _sideways() -> Outlines:
    """A fist from the side of the thumb, which is up."""
    palm = QPainterPath()
    palm.addRoundedRect(QRectF(30, 42, 44, 46), 13, 13)
    wrist = QPainterPath()
    wrist.addRoundedRect(QRectF(60, 52, 38, 30), 6, 6)
    thumb = _capsule([(46, 56), (41, 38), (43, 16)], 13.5)
    folded = [_capsule([(31, 53.5 + 9.7 * n), (52 - 1.2 * n, 53.5 + 9.7 * n)], 9.7) for n in range(4)]
    return Outlines(QPainterPath(), [thumb], palm.united(wrist), folded, _nail((43, 16), 3.0, 13.5, length=10.0))


def _ring() -> tuple[QPainterPath, QPainterPath]:
    """An index finger and a thumb whose tips touch."""
    index = QPainterPath(QPointF(40, 54))
    index.cubicTo(QPointF(40, 37), QPointF(27, 26), QPointF(17.5, 43))
    thumb = QPainterPath(QPointF(38, 77))
    thumb.cubicTo(QPointF(26, 76), QPointF(13, 66), QPointF(17, 50))
    return _widened(index, WIDTHS[0]), _widened(thumb, THUMB_WIDTH)


def _lips() -> QPainterPath:
    path = QPainterPath(QPointF(10, 27))
    path.cubicTo(QPointF(22, 13), QPointF(32, 15), QPointF(38.5, 19))
    path.cubicTo(QPointF(45, 15), QPointF(55, 13), QPointF(67, 27))
    path.cubicTo(QPointF(55, 42), QPointF(22, 42), QPointF(10, 27))
    path.cubicTo(QPointF(25, 25), QPointF(52, 25), QPointF(67, 27))
    return path


def _nail(tip: tuple[float, float], lean: float, width: float, length: float = 8.0) -> QPainterPath:
    path = QPainterPath()
    side = width * 0.54
    path.addRoundedRect(QRectF(-side / 2, -width * 0.27, side, length), side * 0.42, side * 0.42)
    return QTransform().translate(*tip).rotate(lean).map(path)


def _knuckles() -> QPainterPath:
    path = QPainterPath()
    for x, y in ROOTS:
        path.moveTo(x - 2.6, y + 5.5)
        path.quadTo(QPointF(x, y + 3.2), QPointF(x + 2.6, y + 5.5))
    return path


def _palm_folds() -> QPainterPath:
    path = QPainterPath(QPointF(39, 61))
    path.cubicTo(QPointF(50, 60), QPointF(52, 74), QPointF(50, 84))
    path.moveTo(45, 57.5)
    path.cubicTo(QPointF(54, 65), QPointF(62, 64), QPointF(70, 62))
    return path


def _towards(root: tuple[float, float], lean: float, length: float) -> tuple[float, float]:
    angle = math.radians(lean)
    return root[0] + length * math.sin(angle), root[1] - length * math.cos(angle)


def _capsule(points: list[tuple[float, float]], width: float) -> QPainterPath:
    """A thick line with round ends through two or three points."""
    line = QPainterPath(QPointF(*points[0]))
    if len(points) == 3:
        line.quadTo(QPointF(*points[1]), QPointF(*points[2]))
    else:
        line.lineTo(QPointF(*points[1]))
    return _widened(line, width)


def _widened(line: QPainterPath, width: float) -> QPainterPath:
    stroker = QPainterPathStroker()
    stroker.setWidth(width)
    stroker.setCapStyle(Qt.PenCapStyle.RoundCap)
    stroker.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
    stroker.setCurveThreshold(0.05)
    return stroker.createStroke(line).simplified()
