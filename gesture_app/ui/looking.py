"""Looks into folders in a thread, while the dialog that asks for it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PyQt6.QtCore import QObject, QThreadPool, pyqtSignal

from gesture_app.errors import message_of

Look = Callable[[Any, Callable[[], bool]], object]
"""Looks at what is asked for, and leaves it at that once the second argument gives False; may raise."""


class Looking(QObject):
    """Looks at one thing at a time: the newest that was asked for, whatever becomes of those before.

    Args:
        look: called in the thread.

    Signals:
        found: what `look` gave.
        failed: why it gave nothing.
    """

    found = pyqtSignal(object)
    failed = pyqtSignal(str)
    _told = pyqtSignal(int, object, str)

    def __init__(self, look: Look, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._look = look
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._newest = 0
        self.running = False
        self._told.connect(self._tell)

    def start(self, what: object) -> None:
        """Look at this; nothing is told any more of what was asked for before."""
        self.cancel()
        self.running, number = True, self._newest
        self._pool.start(lambda: self._run(what, number))

    def cancel(self) -> None:
        """Leave it at that, without a signal."""
        self.running = False
        self._newest += 1

    def shutdown(self, timeout_s: float) -> bool:
        """Stop and wait; False if a disk does not answer in time."""
        self.cancel()
        return self._pool.waitForDone(round(timeout_s * 1000))

    def _run(self, what: object, number: int) -> None:
        found, fault = None, ""
        try:
            found = self._look(what, lambda: number == self._newest)
        except Exception as error:
            fault = message_of(error)
        self._told.emit(number, found, fault)

    def _tell(self, number: int, found: object, fault: str) -> None:
        if number != self._newest:
            return
        self.running = False
        if fault:
            self.failed.emit(fault)
        else:
            self.found.emit(found)
