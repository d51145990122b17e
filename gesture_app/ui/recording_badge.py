"""A red dot and the time, while something is recorded."""

from __future__ import annotations

from PyQt6.QtWidgets import QLabel, QWidget

from gesture_app.ui.clock import clock
from gesture_app.ui.icons import RECORDING
from gesture_app.ui.recorder import Recorder

DIMMED = f"rgba({RECORDING.red()}, {RECORDING.green()}, {RECORDING.blue()}, 35%)"


class RecordingBadge(QLabel):
    """Follows a recorder; hidden while it does not record, or while `set_wanted` says so."""

    def __init__(self, recorder: Recorder, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recorder = recorder
        self._wanted = True
        self.setAccessibleName(self.tr("Recording"))
        self.setMargin(4)
        self.setVisible(False)
        recorder.recording_changed.connect(lambda _on: self.set_wanted(self._wanted))
        recorder.progressed.connect(self._show_progress)

    def set_wanted(self, wanted: bool) -> None:
        """Whether it is to be seen at all."""
        self._wanted = wanted
        self.setVisible(wanted and self._recorder.recording)

    def _show_progress(self, seconds: float, frames: int, dropped: int) -> None:
        colour = DIMMED if int(seconds) % 2 else RECORDING.name()  # it blinks slowly
        self.setText(f'<span style="color: {colour}">●</span>&nbsp;{clock(seconds)}')
        self.setToolTip(self.tr("{frames} frames recorded, {dropped} left out").format(frames=frames, dropped=dropped))
        self.setAccessibleDescription(clock(seconds))
