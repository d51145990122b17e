"""What lies over a picture that fills the screen."""

from __future__ import annotations

from PyQt6.QtCore import QObject, Qt
from PyQt6.QtWidgets import QLabel

from gesture_app.ui.menus import Menus
from gesture_app.ui.quiet_pointer import QuietPointer
from gesture_app.ui.recorder import Recorder
from gesture_app.ui.recording_badge import RecordingBadge
from gesture_app.ui.window_layout import WindowLayout


class FullScreen(QObject):
    """Follows the action for full screen: then the frame rate and the mark of a recording, which are in the status bar
    else, lie over the picture, and the playback bar comes and goes with the pointer.
    """

    def __init__(self, layout: WindowLayout, menus: Menus, recorder: Recorder, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._layout = layout
        self._menus = menus
        self._rate, self._badge = QLabel(), RecordingBadge(recorder)
        self._rate.setMargin(4)
        layout.view.lay_over(self._rate, Qt.AlignmentFlag.AlignLeft)
        layout.view.lay_over(self._badge, Qt.AlignmentFlag.AlignRight)
        self._rate.hide()
        self._badge.set_wanted(False)
        self._pointer = QuietPointer(layout.view, layout.playback_bar, layout.notice)
        self._pointer.awake_changed.connect(layout.playback_bar.set_wanted)
        layout.figures.rate_told.connect(self._rate.setText)
        layout.view.double_clicked.connect(menus.full_screen.toggle)
        menus.full_screen.toggled.connect(self._set)
        menus.leave_full_screen.triggered.connect(lambda: menus.full_screen.setChecked(False))

    def _set(self, on: bool) -> None:
        self._layout.set_full_screen(on)
        self._rate.setVisible(on)
        self._badge.set_wanted(on)
        self._pointer.set_wanted(on)
        self._layout.playback_bar.set_wanted(True)  # Qt hides what it moves elsewhere
        self._menus.leave_full_screen.setEnabled(on)
