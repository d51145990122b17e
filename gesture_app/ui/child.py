"""A program of ours in a process of its own, that tells what it does as JSON lines."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from PyQt6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, pyqtSignal

KILL_AFTER_MS = 30_000
LAST_LINES = 200


class Child(QObject):
    """Starts one program at a time.

    Signals:
        told: a JSON object that it wrote as a line on its standard output.
        said: any other line, of its standard output or error.
        ended: its exit code, negative if it could not start or was killed.

    Attributes:
        errors: the last lines of its standard error, and then why it could not start or was killed.
    """

    told = pyqtSignal(object)
    said = pyqtSignal(str)
    ended = pyqtSignal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.errors: list[str] = []
        self._rest = {"out": b"", "err": b""}
        self._process: QProcess | None = None
        self._killer = QTimer(self)
        self._killer.setSingleShot(True)
        self._killer.setInterval(KILL_AFTER_MS)
        self._killer.timeout.connect(self.kill)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process is not None

    def start(self, arguments: Sequence[str], program: str = sys.executable) -> None:
        """Start the program; by default `python` with these arguments. What cannot start may have `ended` by then."""
        if self.running:
            return
        self.errors = []
        self._rest = {"out": b"", "err": b""}
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONUNBUFFERED", "1")
        environment.insert("PYTHONIOENCODING", "utf-8")
        self._process = QProcess(self)
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(lambda: self._read("out"))
        self._process.readyReadStandardError.connect(lambda: self._read("err"))
        self._process.finished.connect(self._end)
        self._process.errorOccurred.connect(self._fail)
        self._process.start(program, list(arguments))

    def interrupt(self) -> None:
        """Ask it to end as Ctrl-C does, so that it can save what it has; after 30 s it is killed."""
        if self._process is None:
            return
        number = self._process.processId()
        if sys.platform == "win32" or number == 0:
            self._process.kill()  # a console program without a console of its own gets no Ctrl-C there
        else:
            os.kill(number, signal.SIGINT)
            self._killer.start()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()

    def shutdown(self, timeout_s: float) -> bool:
        """Interrupt it, wait, and kill it if it has not ended in time; whether it has ended."""
        if self._process is None:
            return True
        process = self._process
        self.interrupt()
        if process.waitForFinished(round(timeout_s * 1000)):
            return True
        process.kill()
        return process.waitForFinished(1000)

    def _read(self, channel: str) -> None:
        process = self._process
        if process is None:
            return
        data = process.readAllStandardOutput() if channel == "out" else process.readAllStandardError()
        *lines, self._rest[channel] = (self._rest[channel] + data.data()).split(b"\n")
        for line in lines:
            self._take(channel, line)

    def _take(self, channel: str, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip().rpartition("\r")[2]  # of a progress bar the last state
        if not text:
            return
        if channel == "out" and text.startswith("{"):
            try:
                told: Any = json.loads(text)
            except ValueError:
                pass
            else:
                self.told.emit(told)
                return
        if channel == "err":
            self.errors = [*self.errors[1 - LAST_LINES :], text]
        self.said.emit(text)

    def _end(self, code: int, status: QProcess.ExitStatus) -> None:
        for channel in self._rest:
            self._read(channel)
            self._take(channel, self._rest[channel])
        if killed := status is not QProcess.ExitStatus.NormalExit:
            self.errors.append(self.tr("The system ended it, perhaps for want of memory. Close other programs first"))
        self._finish(-1 if killed else code)

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error is QProcess.ProcessError.FailedToStart and self._process is not None:
            self.errors = [self._process.errorString()]
            self._finish(-1)

    def _finish(self, code: int) -> None:
        self._killer.stop()
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.ended.emit(code)
