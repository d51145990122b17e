"""The mouse pointer, which is in the way of a picture that fills the screen."""

from __future__ import annotations

from PyQt6.QtCore import QEvent, QObject, QTimer, pyqtSignal
from PyQt6.QtWidgets import QApplication, QWidget

from gesture_app.ui.video_view import VideoView

HIDE_AFTER_MS = 2000
MOVES = (QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress)


class QuietPointer(QObject):
    """Hides the pointer over a picture while it stands still, as long as that is wanted.

    Args:
        controls: lie over the picture; the pointer on them is not hidden.

    Signals:
        awake_changed: the pointer goes or comes back.
    """

    awake_changed = pyqtSignal(bool)

    def __init__(self, view: VideoView, *controls: QWidget) -> None:
        super().__init__(view)
        self._awake = True
        self._view = view
        self._controls = controls
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(HIDE_AFTER_MS)
        self._timer.timeout.connect(self._hide)
        self._wanted = False
        view.installEventFilter(self)

    def set_wanted(self, wanted: bool) -> None:
        """Begin or end to hide it."""
        self._wanted = wanted
        self._view.setMouseTracking(wanted)
        self._wake()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Show the pointer again when it moves."""
        if self._wanted and event is not None and event.type() in MOVES:
            self._wake()
        return False

    def _hide(self) -> None:
        over_controls = any(part.underMouse() for part in self._controls)
        if over_controls or QApplication.mouseButtons() or QApplication.activePopupWidget():
            self._timer.start()  # they are in use
            return
        self._set_awake(False)

    def _set_awake(self, awake: bool) -> None:
        if awake != self._awake:
            self._awake = awake
            self._view.hide_cursor(not awake)
            self.awake_changed.emit(awake)

    def _wake(self) -> None:
        self._set_awake(True)
        if self._wanted:
            self._timer.start()
        else:
            self._timer.stop()
