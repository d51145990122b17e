"""Curves that grow while something is trained."""

from __future__ import annotations

import math

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gesture_app.ui.theme import is_dark

COLOURS = (("#0072b2", "#56b4e9"), ("#d55e00", "#ff9d5c"), ("#117a58", "#3fcf9d"), ("#a0457b", "#e39cc6"))
"""For light and dark windows; of Okabe and Ito, some made lighter or darker for contrast."""
TICKS = 4


class Curves(QWidget):
    """Values over epochs, one curve a name.

    Args:
        title: what the values are.
        top: the upper end of the axis; None follows the values. The lower end is 0.
    """

    def __init__(self, title: str, top: float | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._top = top
        self._epochs = 1
        self.curves: dict[str, list[tuple[int, float]]] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(title)

    def clear(self) -> None:
        """Forget all values."""
        self.curves = {}
        self._epochs = 1
        self.setAccessibleDescription("")
        self.update()

    def add(self, name: str, epoch: int, epochs: int, value: float) -> None:
        """Add the value of an epoch, from 1 to `epochs`; a value that is no number is left out.

        An earlier epoch than the last one begins anew from there.
        """
        if not math.isfinite(value):
            return
        before = [point for point in self.curves.get(name, ()) if point[0] < epoch]
        self.curves[name] = [*before, (epoch, value)]
        self._epochs = max(self._epochs, epochs, epoch)
        self.setAccessibleDescription(f"{name}: {value:.3f}")
        self.update()

    def sizeHint(self) -> QSize:
        """Room for the figures of both axes."""
        metrics = self.fontMetrics()
        return QSize(metrics.averageCharWidth() * 40, metrics.height() * 10)

    def minimumSizeHint(self) -> QSize:
        """Half of it."""
        return self.sizeHint() / 2

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Title with the newest values, axes, curves."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = self.fontMetrics()
        left = metrics.horizontalAdvance("0.000") + 8.0
        plot = QRectF(self.rect()).adjusted(left, metrics.height() * 1.6, -10, -metrics.height() * 1.4)
        top = self._top or nice_top(max((value for _, value in self._values()), default=1.0))
        self._paint_axes(painter, plot, top)
        dark = is_dark(self.palette())
        x = painter.boundingRect(QRectF(), 0, self._title).width() + 14
        for number, (name, points) in enumerate(self.curves.items()):
            colour = QColor(COLOURS[number % len(COLOURS)][dark])
            self._paint_curve(painter, plot, top, points, colour)
            painter.setPen(colour)
            text = f"{name} {points[-1][1]:.3f}"
            painter.drawText(QPointF(x, metrics.ascent() + 1.0), text)
            x += metrics.horizontalAdvance(text) + 14
        painter.end()

    def _values(self) -> list[tuple[int, float]]:
        return [point for points in self.curves.values() for point in points]

    def _paint_axes(self, painter: QPainter, plot: QRectF, top: float) -> None:
        metrics = self.fontMetrics()
        text = self.palette().windowText().color()
        painter.setPen(text)
        painter.drawText(QPointF(0, metrics.ascent() + 1.0), self._title)
        faint = QColor(text)
        faint.setAlpha(45)
        soft = QColor(text)
        soft.setAlpha(190)
        for tick in range(TICKS + 1):
            y = plot.bottom() - plot.height() * tick / TICKS
            painter.setPen(QPen(faint, 1))
            painter.drawLine(QPointF(plot.left(), y), QPointF(plot.right(), y))
            painter.setPen(soft)
            place = QRectF(0, y - metrics.height() / 2, plot.left() - 6, metrics.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignRight, f"{top * tick / TICKS:.3g}")
        painter.setPen(soft)
        below = QRectF(plot.left(), plot.bottom() + 3, plot.width(), metrics.height())
        painter.drawText(below, Qt.AlignmentFlag.AlignLeft, "1")
        painter.drawText(below, Qt.AlignmentFlag.AlignRight, str(self._epochs))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, self.tr("round"))

    def _paint_curve(
        self, painter: QPainter, plot: QRectF, top: float, points: list[tuple[int, float]], colour: QColor
    ) -> None:
        path = QPainterPath()
        for epoch, value in points:
            x = plot.left() + plot.width() * (epoch - 1) / max(1, self._epochs - 1)
            y = plot.bottom() - plot.height() * min(1.0, max(0.0, value / top))
            if path.elementCount() == 0:
                path.moveTo(x, y)
            else:
                path.lineTo(x, y)
        painter.setPen(QPen(colour, 2, cap=Qt.PenCapStyle.RoundCap, join=Qt.PenJoinStyle.RoundJoin))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setBrush(colour)
        painter.drawEllipse(path.currentPosition(), 3.0, 3.0)


def nice_top(value: float) -> float:
    """The next of 1, 2, 4, 5 times a power of ten, at which the axis ends."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 4.0, 5.0, 10.0) if step * power >= value)
