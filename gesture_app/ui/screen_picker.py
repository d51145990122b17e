"""Choosing a part of the screen with the mouse."""

from __future__ import annotations

import sys

from PyQt6.QtCore import QPoint, QRect, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QCloseEvent, QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QScreen
from PyQt6.QtWidgets import QWidget

from gesture_app.ui.banner import Banner, paint_banner
from gesture_app.video.addresses import ScreenArea

SHADE = QColor(0, 0, 0, 120)
EDGE = QColor(72, 156, 255)
LEAST_PX = 32


class ScreenPicker(QWidget):
    """Covers a screen with its own picture, in which a rectangle is drawn; Esc or a click gives up.

    Signals:
        picked: a `ScreenArea`, or None when nothing was chosen; once, when the widget closes, by itself or not.
    """

    picked = pyqtSignal(object)

    def __init__(self, screen: QScreen) -> None:
        super().__init__(None, Qt.WindowType.FramelessWindowHint | Qt.WindowType.WindowStaysOnTopHint)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setAccessibleName(self.tr("Choose a part of the screen"))
        self._picture: QPixmap = screen.grabWindow()
        self._origin = screen.geometry().topLeft()
        self._scale = 1.0 if sys.platform == "darwin" else screen.devicePixelRatio()  # macOS places windows in points
        self._from: QPoint | None = None
        self._to = QPoint()
        self._area: ScreenArea | None = None
        self._told = False
        self.setGeometry(screen.geometry())

    def chosen_rect(self) -> QRect:
        """The rectangle as it is drawn, in the widget."""
        if self._from is None:
            return QRect()
        return QRect(self._from, self._to).normalized().intersected(self.rect())

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin a rectangle."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._from = self._to = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Change it."""
        if event is not None:
            self._to = event.position().toPoint()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Take it, if it is large enough to see a hand in."""
        if event is None or self._from is None:
            return
        self._to = event.position().toPoint()
        rect = self.chosen_rect()
        if min(rect.width(), rect.height()) < LEAST_PX:
            self._finish(None)
            return
        left, top = (round(value * self._scale) for value in (rect.left(), rect.top()))
        width, height = (round(value * self._scale) for value in (rect.width(), rect.height()))
        # Qt scales the sizes of screens, and leaves their places in the desktop as they are.
        self._finish(ScreenArea(rect=(self._origin.x() + left, self._origin.y() + top, width, height)))

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Esc gives up."""
        if event is not None and event.key() == Qt.Key.Key_Escape:
            self._finish(None)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """The screen, shaded but for the rectangle."""
        painter = QPainter(self)
        painter.drawPixmap(self.rect(), self._picture)
        painter.fillRect(self.rect(), SHADE)
        rect = self.chosen_rect()
        if rect.isEmpty():
            told = Banner(self.tr("Drag a rectangle around what is to be watched"), self.tr("Esc goes back."))
            paint_banner(painter, QRectF(self.rect()), told)
        else:
            ratio = self._picture.width() / max(1, self.width())
            source = QRect(rect.topLeft() * ratio, rect.size() * ratio)
            painter.drawPixmap(rect, self._picture, source)
            painter.setPen(QPen(EDGE, 2))
            painter.drawRect(rect)
        painter.end()

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """Tell what was chosen, also when the window manager closes it."""
        super().closeEvent(event)
        if not self._told:
            self._told = True
            self.picked.emit(self._area)

    def _finish(self, area: ScreenArea | None) -> None:
        self._area = area
        self.close()
