"""The three likeliest gestures of every hand as bars."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, QTimer
from PyQt6.QtGui import QPainter, QPaintEvent, QPalette
from PyQt6.QtWidgets import QSizePolicy, QWidget

from gesture_app.ui.gesture_drawing import gesture_qcolor
from gesture_app.vision.hands import Hand
from gesture_app.vision.labels import TOP
from gesture_app.vision.style import gesture_name, hand_name

REPAINT_S = 0.1
BAR_PX = 6.0
PADDING_PX = 10.0
LEAST_HANDS = 2
"""That there is always room for, so that the panel does not jump."""


class TopBars(QWidget):
    """One block a hand; as many as fit."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hands: tuple[Hand, ...] = ()
        self._shown_s = 0.0
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._repaint)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.setAccessibleName(self.tr("Three best guesses for every hand"))

    def show_hands(self, hands: Sequence[Hand]) -> None:
        """Show these, in the order of their numbers; painted ten times a second at most."""
        self._hands = tuple(sorted(hands, key=lambda hand: hand.id))
        wait_s = REPAINT_S - (time.monotonic() - self._shown_s)
        if wait_s <= 0:
            self._repaint()
        elif not self._later.isActive():
            self._later.start(round(wait_s * 1000) + 1)

    def clear(self) -> None:
        """Show no hands."""
        self._hands = ()
        self._repaint()

    def sizeHint(self) -> QSize:
        """Room for two hands."""
        return QSize(32 * self.fontMetrics().averageCharWidth(), round(LEAST_HANDS * self._block_px() + 2 * PADDING_PX))

    def minimumSizeHint(self) -> QSize:
        """Room for one."""
        return QSize(24 * self.fontMetrics().averageCharWidth(), round(self._block_px() + 2 * PADDING_PX))

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """A title, and names, bars and percentages."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if not self._hands:
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
            painter.drawText(QRectF(self.rect()), flags, self.tr("No hand is seen."))
        fitting = max(1, int((self.height() - PADDING_PX) / self._block_px()))
        for number, hand in enumerate(self._hands[:fitting]):
            self._paint_hand(painter, hand, PADDING_PX + number * self._block_px())
        painter.end()

    def _repaint(self) -> None:
        self._shown_s = time.monotonic()
        said = (
            self.tr("hand {hand}: {gesture}").format(
                hand=hand_name(hand.side, hand.id), gesture=gesture_name(hand.label)
            )
            for hand in self._hands
        )
        self.setAccessibleDescription(", ".join(said))
        self.update()

    def _row_px(self) -> float:
        return self.fontMetrics().height() + BAR_PX + 6

    def _block_px(self) -> float:
        return self.fontMetrics().height() + 4 + TOP * self._row_px() + PADDING_PX

    def _paint_hand(self, painter: QPainter, hand: Hand, top: float) -> None:
        palette, metrics = self.palette(), painter.fontMetrics()
        left, width = PADDING_PX, self.width() - 2 * PADDING_PX
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        title = self.tr("Hand {hand}").format(hand=hand_name(hand.side, hand.id))
        painter.drawText(QPointF(left, top + metrics.ascent()), title)
        top += metrics.height() + 4
        for label, probability in hand.top:
            percent = f"{probability * 100:.0f} %"
            painter.setPen(palette.color(QPalette.ColorRole.WindowText))
            painter.drawText(QPointF(left, top + metrics.ascent()), gesture_name(label))
            painter.drawText(
                QPointF(left + width - metrics.horizontalAdvance(percent), top + metrics.ascent()), percent
            )
            groove = QRectF(left, top + metrics.height() + 1, width, BAR_PX)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.Mid))
            painter.drawRoundedRect(groove, BAR_PX / 2, BAR_PX / 2)
            groove.setWidth(max(BAR_PX, width * min(max(probability, 0.0), 1.0)))
            painter.setBrush(gesture_qcolor(label))
            painter.drawRoundedRect(groove, BAR_PX / 2, BAR_PX / 2)
            top += self._row_px()
