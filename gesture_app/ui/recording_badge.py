"""A red dot and the time, while something is recorded."""

from __future__ import annotations

from PyQt6.QtCore import QRectF, QSize, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from gesture_app.ui.clock import clock
from gesture_app.ui.icons import RECORDING
from gesture_app.ui.recorder import Recorder


class RecordingBadge(QWidget):
    """Follows a recorder; hidden while it does not record, or while `set_wanted` says so."""

    def __init__(self, recorder: Recorder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recorder = recorder
        self._wanted = True
        self._time = "00:00"
        self._lit = True
        self.setAccessibleName(self.tr("Recording"))
        self.setVisible(False)
        recorder.recording_changed.connect(self._follow)
        recorder.progressed.connect(self._show_progress)

    def set_wanted(self, wanted: bool) -> None:
        """Whether it is to be seen at all."""
        self._wanted = wanted
        self.setVisible(wanted and self._recorder.recording)

    def sizeHint(self) -> QSize:
        """Room for hours."""
        metrics = self.fontMetrics()
        return QSize(metrics.horizontalAdvance("0:00:00") + 2 * metrics.height(), metrics.height() + 4)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """A dot that blinks slowly, and the time."""
        side = self.fontMetrics().height() * 0.7
        dot = QRectF(2, (self.height() - side) / 2, side, side)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        dim = QColor(RECORDING.red(), RECORDING.green(), RECORDING.blue(), 90)
        painter.setBrush(RECORDING if self._lit else dim)
        painter.drawEllipse(dot)
        painter.setPen(self.palette().windowText().color())
        place = QRectF(dot.right() + side * 0.6, 0, self.width(), self.height())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._time)
        painter.end()

    def _follow(self, recording: bool) -> None:
        self._lit = True
        self._time = "00:00"
        self.setToolTip("")
        self.setVisible(recording and self._wanted)

    def _show_progress(self, seconds: float, frames: int, dropped: int) -> None:
        self._time = clock(seconds)
        self._lit = int(seconds) % 2 == 0
        self.setToolTip(self.tr("{frames} frames recorded, {dropped} left out").format(frames=frames, dropped=dropped))
        self.setAccessibleDescription(self._time)
        self.update()
