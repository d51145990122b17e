"""The live thread: loads the models once, then plays one source after the other."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QThread, pyqtSignal

from gesture_app.errors import GestureError
from gesture_app.ui.live import HandRecognizer, LiveSettings, LoadRecognizer, Phase, Result, Status
from gesture_app.ui.outbox import Outbox
from gesture_app.ui.pipeline import Pipeline
from gesture_app.ui.stream import LiveStream, States

if TYPE_CHECKING:
    from gesture_app.video.sources import FrameReader, Mailbox

READER_STOP_S = 3.0

OpenReader = Callable[[str, "Mailbox", Callable[[str, str], None], bool], "FrameReader"]


@dataclass(frozen=True)
class _Order:
    """The newest wish of the window: play this source, or with None nothing."""

    run: int = 0
    source: str | None = None
    loop: bool = False


class LiveWorker(QThread):
    """Loads, captures and recognizes away from the GUI thread, which only leaves orders and takes results.

    Args:
        load: gives the recognizer; called in this thread, and again at the next start if it failed.
        open_reader: makes an unstarted reader: source, mailbox, where to report states, whether to loop.
        settings: acts until `configure` is called.

    Signals:
        result_ready: `take_result` has something; not repeated before it was taken.
        status_changed: a `Status`.
        models_loaded: the device's name.
    """

    result_ready = pyqtSignal()
    status_changed = pyqtSignal(object)
    models_loaded = pyqtSignal(str)

    def __init__(
        self,
        load: LoadRecognizer,
        open_reader: OpenReader,
        settings: LiveSettings,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("live")
        self._load = load
        self._open_reader = open_reader
        self._settings = settings
        self._recognizer: HandRecognizer | None = None
        self._outbox: Outbox[Result] = Outbox()
        self._changed = threading.Condition()
        self._order = _Order()
        self._closing = False

    def play(self, source: str, loop: bool = False) -> int:
        """Play this source instead of any other; returns the number of the run."""
        return self._leave_order(source, loop)

    def halt(self) -> int:
        """Play nothing; returns a number that no result carries."""
        return self._leave_order(None, False)

    def configure(self, settings: LiveSettings) -> None:
        """Use these settings from the next frame on."""
        self._settings = settings

    def take_result(self) -> Result | None:
        """The newest result, once."""
        return self._outbox.take()

    def request_close(self) -> None:
        """Ask the thread to end, without waiting."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """End the thread; False if it has not ended in time."""
        self.request_close()
        return self.wait(int(timeout_s * 1000))

    def run(self) -> None:
        """The thread's body: waits for orders until it is closed."""
        run = 0
        while (order := self._next_order(run)) is not None:
            run = order.run
            if order.source is not None:
                self._obey(order, order.source)

    def deliver_result(self, result: Result) -> None:
        """Hand over a picture (called in this thread)."""
        if self._outbox.put(result):
            self.result_ready.emit()

    def deliver_phase(self, run: int, phase: Phase, message: str = "") -> None:
        """Hand over a phase (called in this thread)."""
        self.status_changed.emit(Status(run, phase, message))

    def _leave_order(self, source: str | None, loop: bool) -> int:
        with self._changed:
            self._order = _Order(self._order.run + 1, source, loop)
            self._changed.notify_all()
            return self._order.run

    def _next_order(self, after_run: int) -> _Order | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._order.run > after_run)
            return None if self._closing else self._order

    def _is_wanted(self, run: int) -> bool:
        return not self._closing and self._order.run == run

    def _obey(self, order: _Order, source: str) -> None:
        try:
            recognizer = self._recognizer_for(order.run)
            if self._is_wanted(order.run):
                self._stream(order, source, recognizer)
        except GestureError as error:
            self.deliver_phase(order.run, Phase.FAILED, str(error))
        except Exception as error:
            traceback.print_exc()
            self.deliver_phase(order.run, Phase.FAILED, f"{type(error).__name__}: {error}")

    def _recognizer_for(self, run: int) -> HandRecognizer:
        if self._recognizer is None:
            self.deliver_phase(run, Phase.LOADING)
            self._recognizer = self._load()
        self.models_loaded.emit(self._recognizer.device_name)
        return self._recognizer

    def _stream(self, order: _Order, source: str, recognizer: HandRecognizer) -> None:
        from gesture_app.video.sources import Mailbox

        pipeline = Pipeline(recognizer)
        self.deliver_phase(order.run, Phase.OPENING)
        mailbox, states = Mailbox(), States()
        reader = self._open_reader(source, mailbox, lambda state, message: states.put((state, message)), order.loop)
        reader.start()
        try:
            stream = LiveStream(order.run, mailbox, states, pipeline, lambda: self._settings, self)
            stream.play(partial(self._is_wanted, order.run))
        finally:
            if not reader.stop(READER_STOP_S):
                print(f"gesture: the source is still closing after {READER_STOP_S:.0f} s", file=sys.stderr)
