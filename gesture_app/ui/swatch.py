"""The colours of gestures in the window."""

from __future__ import annotations

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QColor, QPainter

from gesture_app.vision.style import gesture_colour, text_colour


def gesture_qcolor(label: str) -> QColor:
    """The colour of a gesture, for Qt."""
    blue, green, red = gesture_colour(label)
    return QColor(red, green, blue)


def text_qcolor(label: str) -> QColor:
    """Black or white: what can be read on the colour of the gesture."""
    return QColor(*text_colour(gesture_colour(label)))


def paint_swatch(painter: QPainter, area: QRectF, label: str) -> None:
    """A rounded tile in the colour of the gesture."""
    painter.setPen(QColor(128, 128, 128, 160))  # a rim keeps pale and dark colours visible on any background
    painter.setBrush(gesture_qcolor(label))
    painter.drawRoundedRect(area, 0.2 * area.width(), 0.2 * area.height())
