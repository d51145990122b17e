"""What is live, kept: H.264 recordings with true times, and snapshots."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from os.path import lexists
from pathlib import Path
from typing import TYPE_CHECKING

from PyQt6.QtCore import QDeadlineTimer, QObject, QThread, QThreadPool, QTimer, pyqtSignal
from PyQt6.QtGui import QImage

from gesture_app.errors import message_of
from gesture_app.ui.pictures import from_qimage
from gesture_app.video.partial_file import PartialFile, hidden_name
from gesture_app.vision.atomic import first_free
from gesture_app.vision.hands import Frame

if TYPE_CHECKING:
    from gesture_app.vision.hands import Image

WAITING_FRAMES = 8
PRESET = "ultrafast"  # a third of the time of the annotator's, which the recognizer needs more
PROGRESS_EVERY_MS = 250
NICENESS = 5
"""Weighs a third of another thread: enough to encode 720p where all cores are busy."""


def free_path(folder: Path, moment: datetime, suffix: str, taken: Collection[Path] = ()) -> Path:
    """A name in the folder that tells the moment, and that no file has, no unfinished one, and none of `taken`."""

    def is_taken(path: Path) -> bool:
        return path in taken or lexists(path) or lexists(hidden_name(path))

    stem = f"gestures {moment:%Y-%m-%d %H.%M.%S}"  # colons are not for Windows
    return first_free(folder, stem, suffix, is_taken)


def keep_left(folder: Path) -> list[Path]:
    """Keep by other names the recordings that lie hidden in a folder since their process was killed."""
    with suppress(OSError):  # a folder that cannot be read is told when something is to be recorded there
        hidden = sorted(folder.glob(".gestures *.partial.mp4"))
        finals = (path.with_name(path.name[1:].replace(".partial", "")) for path in hidden)
        return [kept for final in finals if (kept := PartialFile(final).keep_left())]
    return []


class Encoding(QThread):
    """Writes one recording in a thread of its own; `add` may be called from any thread and never waits.

    Args:
        path: the file.
        clean: whether its pictures are as they were filmed.

    Attributes:
        path: as given, with a number more if another program has made such a file by the time that it is whole.
        clean: as given.
        frames: how many are written.
        dropped: how many came while too many were waiting.
        fault: why there is no whole file, once the thread has ended; empty if there is one.
    """

    def __init__(self, path: Path, clean: bool, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("recording")
        self.path = path
        self.clean = clean
        self.frames = 0
        self.dropped = 0
        self.fault = ""
        self._changed = threading.Condition()
        self._waiting: deque[tuple[Image, float]] = deque()
        self._ended_s: float | None = None  # when it was to be finished

    def add(self, image: Image, captured_s: float) -> None:
        """Record a picture, shape (height, width, 3), BGR, that nobody writes into any more."""
        with self._changed:
            if self._ended_s is not None:
                return
            if len(self._waiting) >= WAITING_FRAMES:
                self.dropped += 1
                return
            self._waiting.append((image, captured_s))
            self._changed.notify()

    def finish(self) -> None:
        """Write what waits and complete the file; its last picture is shown until now."""
        with self._changed:
            self._ended_s = self._ended_s or time.monotonic()
            self._changed.notify()

    def run(self) -> None:
        """The thread's body."""
        step_back()
        try:
            self._write()
            if not self.frames:
                self.fault = self.tr("Nothing was recorded: no picture came.")
        except Exception as error:
            self.fault = message_of(error)
        self.finish()

    def _write(self) -> None:
        from gesture_app.video.sinks import LiveTiming, VideoSink

        timing = LiveTiming()
        with VideoSink(self.path, timing, PRESET, annotated=not self.clean, numbered=True) as sink:
            first_s: float | None = None
            while (item := self._next()) is not None:
                image, captured_s = item
                first_s = captured_s if first_s is None else first_s
                sink.write(Frame(image, self.frames, captured_s - first_s))
                self.frames += 1
            if first_s is not None and self._ended_s is not None:
                timing.end_s = self._ended_s - first_s
        self.path = sink.path

    def _next(self) -> tuple[Image, float] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ended_s is not None)
            return self._waiting.popleft() if self._waiting else None


def step_back() -> None:
    """Let the recognizer, which needs all cores, go before this thread and those that it starts."""
    if sys.platform == "linux":  # where Qt's priorities do nothing
        own = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + NICENESS)


class Recorder(QObject):
    """Records what is live, as it is drawn or as it was filmed.

    A frame has the time at which it was captured, from the first one on; a gap in the source is a still picture. Frames
    of another size are fitted into the first one's. While nothing is recorded, `add` costs nothing.

    Signals:
        recording_changed: whether frames are taken now.
        progressed: seconds, frames written, frames left out because the encoder was behind; four times a second.
        saved: a `Path`; the file is whole.
        failed: one line; what there is of the file is kept, and told.
    """

    recording_changed = pyqtSignal(bool)
    progressed = pyqtSignal(float, int, int)
    saved = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._encodings: list[Encoding] = []  # more than one only while an older one is being completed
        self._current: Encoding | None = None
        self._started_s = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(PROGRESS_EVERY_MS)
        self._timer.timeout.connect(self._tell_progress)

    @property
    def recording(self) -> bool:
        """Whether frames are taken now."""
        return self._current is not None

    def start(self, folder: Path, clean: bool = False) -> None:
        """Begin a file in this folder, of pictures as they are shown or, with `clean`, as they were filmed."""
        if self.recording:
            return
        taken = [encoding.path for encoding in self._encodings]  # whose files may not be there yet
        encoding = Encoding(free_path(folder, datetime.now(), ".mp4", taken), clean, self)
        encoding.finished.connect(self._complete)
        self._encodings.append(encoding)
        self._started_s = time.monotonic()
        encoding.start(QThread.Priority.LowPriority)
        self._current = encoding
        self._timer.start()
        self.recording_changed.emit(True)
        self._tell_progress()

    def add(self, drawn: Image, clean: Image, captured_s: float) -> None:
        """Take a picture; any thread, see `Tap`."""
        encoding = self._current  # once: another thread may take it away at any moment
        if encoding is not None:
            encoding.add(clean if encoding.clean else drawn, captured_s)

    def stop(self) -> None:
        """Take no more frames; `saved` comes when the file is whole."""
        encoding = self._current
        if encoding is None:
            return
        self._current = None
        self._timer.stop()
        encoding.finish()
        self.recording_changed.emit(False)

    def shutdown(self, timeout_s: float) -> bool:
        """Complete all files; False if that has not happened in time. No window is left to tell what fails then."""
        self.stop()
        deadline = QDeadlineTimer(round(timeout_s * 1000))
        ended = all(encoding.wait(deadline) for encoding in self._encodings)
        for fault in (encoding.fault for encoding in self._encodings if encoding.fault):
            print(f"gesture-app: {fault}", file=sys.stderr)
        return ended

    def _tell_progress(self) -> None:
        encoding = self._current
        if encoding is not None:
            if not encoding.frames:  # the file begins with its first picture
                self._started_s = time.monotonic()
            self.progressed.emit(time.monotonic() - self._started_s, encoding.frames, encoding.dropped)

    def _complete(self) -> None:
        encoding = self.sender()
        assert isinstance(encoding, Encoding)
        if encoding is self._current:  # it failed by itself
            self.stop()
        self._encodings.remove(encoding)
        if encoding.fault:
            self.failed.emit(encoding.fault)
        else:
            self.saved.emit(encoding.path)
        encoding.deleteLater()


class Snapshots(QObject):
    """Writes pictures as PNG, away from the GUI thread.

    Signals:
        saved: a `Path`.
        failed: one line.
    """

    saved = pyqtSignal(object)
    failed = pyqtSignal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(1)  # two of the same second must see each other's names

    def save(self, picture: QImage, folder: Path) -> None:
        """Write the picture in its own size into this folder."""
        moment = datetime.now()
        self._pool.start(lambda: self._write(picture, folder, moment))

    def shutdown(self, timeout_s: float) -> bool:
        """Wait for what is being written; False if that takes longer."""
        return self._pool.waitForDone(round(timeout_s * 1000))

    def _write(self, picture: QImage, folder: Path, moment: datetime) -> None:
        from gesture_app.video.sinks import write_image

        try:
            path = free_path(folder, moment, ".png")
            write_image(path, from_qimage(picture))
        except Exception as error:
            self.failed.emit(message_of(error))
        else:
            self.saved.emit(path)
