"""Drawings and colours of the gestures, painted at any size."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gesture_app.ui.hand_shapes import SHAPES, SIDE, outlines
from gesture_app.ui.theme import is_dark
from gesture_app.vision.style import gesture_colour, gesture_name, text_colour

LINE = 2.6
FINE_LINE = 1.6
ICON_PX = 96
ON_LIGHT = QColor("#23282f"), QColor("#ffffff")  # line and skin
ON_DARK = QColor("#f2f4f7"), QColor("#4a525e")
LARGEST = 1.25  # a fist must not become a giant's
RIM = QColor(128, 128, 128, 160)  # keeps pale and dark colours visible on any background


def gesture_qcolor(label: str) -> QColor:
    """The colour of a gesture, for Qt."""
    blue, green, red = gesture_colour(label)
    return QColor(red, green, blue)


def text_qcolor(label: str) -> QColor:
    """Black or white: what can be read on the colour of the gesture."""
    return QColor(*text_colour(gesture_colour(label)))


def paint_gesture(painter: QPainter, area: QRectF, name: str, line: QColor, skin: QColor) -> None:
    """Paint the hand of a gesture as large as fits into the area; nothing for a name that has no drawing."""
    shape = SHAPES.get(name)
    if shape is None:
        return
    parts = outlines(shape)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    bounds = parts.bounds().adjusted(-LINE, -LINE, LINE, LINE)
    scale = min(area.width() / bounds.width(), area.height() / bounds.height(), LARGEST * area.height() / SIDE)
    painter.translate(area.center())
    painter.scale(scale, scale)
    painter.translate(-bounds.center())
    pen = QPen(line, LINE, cap=Qt.PenCapStyle.RoundCap, join=Qt.PenJoinStyle.RoundJoin)
    fine = QPen(line, FINE_LINE, cap=Qt.PenCapStyle.RoundCap, join=Qt.PenJoinStyle.RoundJoin)
    if not parts.lips.isEmpty():
        painter.setPen(fine)
        painter.setBrush(QColor(214, 93, 105, 130))
        painter.drawPath(parts.lips)
    painter.setPen(pen)
    painter.setBrush(skin)
    whole = parts.palm
    for finger in parts.fingers:
        whole = whole.united(finger)
    painter.drawPath(whole)
    painter.setClipPath(whole.subtracted(parts.palm))  # lines between fingers, but none at their roots
    for finger in parts.fingers:
        painter.drawPath(finger)
    painter.setClipping(False)
    painter.setPen(pen)
    for part in parts.front:
        painter.drawPath(part)
    painter.setPen(fine)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(parts.lines)
    painter.restore()


def gesture_icon(name: str, tile: bool = True) -> QIcon:
    """The drawing, on a tile of the gesture's colour or on nothing; no hand for a name that has no drawing."""
    pixmap = QPixmap(ICON_PX, ICON_PX)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = QRectF(pixmap.rect()).adjusted(1, 1, -1, -1)
    if tile:
        painter.setPen(RIM)
        painter.setBrush(gesture_qcolor(name))
        painter.drawRoundedRect(area, 0.2 * area.width(), 0.2 * area.height())
    margin = 0.1 * ICON_PX
    paint_gesture(painter, area.adjusted(margin, margin, -margin, -margin), name, *ON_LIGHT)
    painter.end()
    return QIcon(pixmap)


class GestureDrawing(QWidget):
    """A gesture on a tile of its colour, its name below; without a drawing the first letter of the name."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.setAccessibleName(gesture_name(name))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def sizeHint(self) -> QSize:
        """Room for the longest names."""
        metrics = self.fontMetrics()
        side = max(6 * metrics.height(), metrics.horizontalAdvance("two up inverted") + 8)
        return QSize(side, side + metrics.height())

    def minimumSizeHint(self) -> QSize:
        """The same."""
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Tile, hand, name."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text_height = self.fontMetrics().height() + 4
        tile = QRectF(self.rect()).adjusted(2, 2, -2, -2 - text_height)
        colour = gesture_qcolor(self.name)
        colour.setAlpha(60)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colour)
        painter.drawRoundedRect(tile, 10, 10)
        margin = tile.height() * 0.08
        colours = ON_DARK if is_dark(self.palette()) else ON_LIGHT
        paint_gesture(painter, tile.adjusted(margin, margin, -margin, -margin), self.name, *colours)
        painter.setPen(self.palette().windowText().color())
        if self.name not in SHAPES:
            painter.save()
            letter = painter.font()
            letter.setPixelSize(max(1, round(tile.height() / 2)))
            painter.setFont(letter)
            painter.drawText(tile, Qt.AlignmentFlag.AlignCenter, self.name[:1].upper())
            painter.restore()
        place = QRectF(0, self.height() - text_height, self.width(), text_height)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, gesture_name(self.name))
        painter.end()
