"""The status bar: how fast, how late, how much was dropped, on what."""

from __future__ import annotations

import time

from PyQt6.QtCore import QSize, Qt, QTimer, pyqtSignal
from PyQt6.QtGui import QResizeEvent
from PyQt6.QtWidgets import QLabel, QStatusBar, QWidget

from gesture_app.ui.live import Result
from gesture_app.ui.meters import Meter

REFRESH_MS = 250
NONE = "–"
SPACING_PX = 12


class Figures(QStatusBar):
    """Measures what is shown, over the last seconds; in a narrow window the less important figures make room.

    Signals:
        rate_told: the frame rate in words, four times a second.
    """

    rate_told = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._inference, self._latency = Meter(), Meter()
        self._dropped = 0
        self._size = ""
        self._begun_s = 0.0
        self.setSizeGripEnabled(False)
        self.setContentsMargins(8, 0, 8, 4)
        self.rate_label = self._label("999.9 FPS", self.tr("Pictures shown per second"))
        self.inference_label = self._label(
            "inference 9999 ms", self.tr("Time to find and name the hands of one picture (median of 5 s)")
        )
        self.latency_label = self._label(
            "latency 9999 / 9999 ms", self.tr("From reading a frame to painting it: median and 95th percentile of 5 s")
        )
        self.dropped_label = self._label("dropped 99999", self.tr("Frames replaced by newer ones before their turn"))
        self.size_label = self._label("9999 × 9999", self.tr("Size of the source"))
        self.dark_label = QLabel(self.tr("dark"))
        self.dark_label.setToolTip(
            self.tr(
                "The picture is dark and is shown lighter. With more light hands are recognized more surely, "
                "and many cameras give more pictures a second"
            )
        )
        self.dark_label.hide()
        self.addPermanentWidget(self.dark_label)
        self.device_label = QLabel()
        self.device_label.setToolTip(self.tr("What computes"))
        self.addPermanentWidget(self.device_label)
        # The first to go stands first.
        self._optional = (self.size_label, self.inference_label, self.dropped_label, self.latency_label)
        self._timer = QTimer(self)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(REFRESH_MS)
        self.refresh()

    def begin(self) -> None:
        """Forget what was before: another source, or other networks."""
        self._begun_s = time.monotonic()
        self._inference, self._latency = Meter(), Meter()
        self._dropped = 0
        self._size = ""
        self.dark_label.hide()
        self.refresh()

    def set_device(self, name: str) -> None:
        """Say what computes."""
        self.device_label.setText(name)
        self._make_room()

    def add_result(self, result: Result) -> None:
        """Count a result that is handed to the view."""
        self._dropped = result.dropped
        self.dark_label.setVisible(result.dark)
        self._size = f"{result.picture.width()} × {result.picture.height()}"
        if result.inference_s is not None:
            self._inference.add(time.monotonic(), result.inference_s)

    def add_painted(self, captured_s: float) -> None:
        """Count a picture that has reached the screen, unless it is from before, and has waited for the networks."""
        now = time.monotonic()
        if captured_s >= self._begun_s:
            self._latency.add(now, now - captured_s)

    def refresh(self) -> None:
        """Write the figures as they are now."""
        now = time.monotonic()
        rate = self._inference.rate(now)
        inference = self._inference.at(now, 0.5)
        latency = self._latency.at(now, 0.5, 0.95)
        self.rate_label.setText(self.tr("{rate} FPS").format(rate=NONE if rate is None else f"{rate:.1f}"))
        self.rate_told.emit(self.rate_label.text())
        self.inference_label.setText(self.tr("inference {ms} ms").format(ms=_ms(inference)))
        self.latency_label.setText(self.tr("latency {ms} ms").format(ms=_ms(latency)))
        self.dropped_label.setText(self.tr("dropped {count}").format(count=self._dropped))
        self.size_label.setText(self._size or NONE)
        self._make_room()  # what others have put there comes and goes

    def minimumSizeHint(self) -> QSize:
        """The frame rate and what computes, so that the status bar does not keep the window wide."""
        width = self.rate_label.minimumWidth() + self.device_label.sizeHint().width() + 2 * SPACING_PX
        return QSize(width, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Show as many figures as have room."""
        super().resizeEvent(event)
        self._make_room()

    def _make_room(self) -> None:
        if self.currentMessage():  # which has the place of the figures
            return
        room = self.width() - self.minimumSizeHint().width() - self._others_width()
        for label in reversed(self._optional):
            room -= label.minimumWidth() + SPACING_PX
            label.setVisible(room >= 0)

    def _others_width(self) -> int:
        """Of what others have put into the status bar."""
        ours = {self.rate_label, self.device_label, *self._optional}
        kinds = Qt.FindChildOption.FindDirectChildrenOnly
        others = (child for child in self.findChildren(QWidget, options=kinds) if child not in ours)
        return sum(child.sizeHint().width() + SPACING_PX for child in others if not child.isHidden())

    def _label(self, widest: str, explanation: str) -> QLabel:
        label = QLabel(widest)
        label.setToolTip(explanation)
        label.ensurePolished()
        label.setMinimumWidth(label.sizeHint().width())
        self.addWidget(label)
        return label


def _ms(seconds: tuple[float, ...] | None) -> str:
    return NONE if seconds is None else " / ".join(f"{value * 1000:.0f}" for value in seconds)
