"""Small icons in the colour of the text beside them; those of the style stay black on a dark desktop."""

from __future__ import annotations

from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPixmap, QPolygonF

SIDE_PX = 64


def play_icon(colour: QColor) -> QIcon:
    """A triangle that points to the right."""
    low, high, middle = SIDE_PX * 0.2, SIDE_PX * 0.8, SIDE_PX * 0.5
    return _icon(QPolygonF([QPointF(low, low), QPointF(high, middle), QPointF(low, high)]), colour)


def stop_icon(colour: QColor) -> QIcon:
    """A square."""
    return _icon(QPolygonF(QRectF(SIDE_PX * 0.22, SIDE_PX * 0.22, SIDE_PX * 0.56, SIDE_PX * 0.56)), colour)


def _icon(shape: QPolygonF, colour: QColor) -> QIcon:
    pixmap = QPixmap(SIDE_PX, SIDE_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(shape)
    painter.end()
    return QIcon(pixmap)
