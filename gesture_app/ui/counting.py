"""Counts the pictures of a folder for the dialog that trains, in a thread."""

from __future__ import annotations

from pathlib import Path

from PyQt6.QtCore import QObject, QThreadPool, pyqtSignal

from gesture_app.errors import message_of
from gesture_app.own_models import count_pictures


class Counting(QObject):
    """Looks into one folder at a time: the newest, whatever becomes of those before.

    Signals:
        counted: how many pictures of each gesture the folder holds.
        failed: why that cannot be told.
    """

    counted = pyqtSignal(object)
    failed = pyqtSignal(str)
    _told = pyqtSignal(int, object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)
        self._newest = 0
        self._told.connect(self._tell)

    def start(self, folder: Path) -> None:
        """Count here; nothing is told any more of another folder."""
        self.cancel()
        number = self._newest
        self._pool.start(lambda: self._count(folder, number))

    def cancel(self) -> None:
        """Leave it at that, without a signal."""
        self._newest += 1

    def shutdown(self, timeout_s: float) -> bool:
        """Stop and wait; False if a disk does not answer in time."""
        self.cancel()
        return self._pool.waitForDone(round(timeout_s * 1000))

    def _count(self, folder: Path, number: int) -> None:
        counts, fault = {}, ""
        try:
            counts = count_pictures(folder, lambda: number == self._newest)
        except Exception as error:
            fault = message_of(error)
        self._told.emit(number, counts, fault)

    def _tell(self, number: int, counts: dict[str, int], fault: str) -> None:
        if number != self._newest:
            return
        if fault:
            self.failed.emit(fault)
        else:
            self.counted.emit(counts)
