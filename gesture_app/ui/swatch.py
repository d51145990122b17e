"""The colours of gestures in the window."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap

from gesture_app.vision.style import gesture_colour, text_colour

SWATCH_PX = 64


def gesture_qcolor(label: str) -> QColor:
    """The colour of a gesture, for Qt."""
    blue, green, red = gesture_colour(label)
    return QColor(red, green, blue)


def text_qcolor(label: str) -> QColor:
    """Black or white: what can be read on the colour of the gesture."""
    return QColor(*text_colour(gesture_colour(label)))


def swatch(label: str) -> QIcon:
    """A rounded square in the colour of the gesture."""
    pixmap = QPixmap(SWATCH_PX, SWATCH_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QColor(128, 128, 128, 160))  # a rim keeps pale and dark colours visible on any background
    painter.setBrush(gesture_qcolor(label))
    painter.drawRoundedRect(QRectF(6, 6, SWATCH_PX - 12, SWATCH_PX - 12), 14, 14)
    painter.end()
    return QIcon(pixmap)
