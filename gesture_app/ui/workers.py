"""The live thread: loads the models, then plays one source after the other."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, QThread, pyqtSignal

from gesture_app.errors import message_of
from gesture_app.ui.ending import LOAD_STOP_S
from gesture_app.ui.live import LiveSettings, LoadRecognizer, ModelChoice, Phase, Result, Status, Tap
from gesture_app.ui.pipeline import Pipeline
from gesture_app.ui.run import POLL_S, LiveRun, States
from gesture_app.video.addresses import USUAL, SourceOptions, source_kind
from gesture_app.video.mailbox import Mailbox

if TYPE_CHECKING:
    from gesture_app.video.player import Transport
    from gesture_app.video.reader import FrameReader
    from gesture_app.vision.recognizer import Recognizer

READER_STOP_S = 3.0
IDLE_S = 0.3  # a window that asks for nothing so long has been painted, and networks may load

OpenReader = Callable[[str, "Mailbox", Callable[[str, str], None], SourceOptions], "FrameReader"]


@dataclass(frozen=True)
class _Order:
    """The newest wish of the window: play this source, or with None nothing."""

    run: int = 0
    source: str | None = None
    options: SourceOptions = USUAL


class _Loading(threading.Thread):
    """Loads networks, in a thread of its own: so a source can be opened meanwhile, and nobody who closes waits for it.

    Attributes:
        choice: which networks.
        recognizer: what was loaded, or None.
        error: why nothing was, or None.
    """

    def __init__(self, choice: ModelChoice, load: LoadRecognizer, changed: threading.Condition) -> None:
        super().__init__(name="loading", daemon=True)
        self.choice = choice
        self.recognizer: Recognizer | None = None
        self.error: Exception | None = None
        self._load = load
        self._changed = changed

    @property
    def goes_on(self) -> bool:
        """Whether it has not come to its end yet, which is notified."""
        return self.recognizer is None and self.error is None

    def run(self) -> None:
        """The thread's body."""
        try:
            self.recognizer = self._load(self.choice)
        except Exception as error:
            self.error = error
        with self._changed:
            self._changed.notify_all()


class LiveWorker(QThread):
    """Loads, captures and recognizes away from the GUI thread, which only leaves orders and takes results.

    Args:
        load: gives the recognizer; called in a thread of its own, and again at the next start if it failed.
        open_reader: makes an unstarted reader: source, mailbox, where to report states, options.
        tap: takes every picture too, in this thread.

    Signals:
        result_ready: `take_result` has something; not repeated before it was taken.
        status_changed: a `Status`.
        noted: the number of a run, and a fault of its source, which goes on.
        models_loaded: the device's name and the tuple of labels.

    Attributes:
        paused: what `set_paused` was last called with for the newest source.
        settings: act from the next frame on.
        choice: which networks to use from the next frame on; the source goes on meanwhile.
        tap: as given.
    """

    result_ready = pyqtSignal()
    status_changed = pyqtSignal(object)
    noted = pyqtSignal(int, str)
    models_loaded = pyqtSignal(str, object)

    def __init__(
        self,
        load: LoadRecognizer,
        open_reader: OpenReader,
        settings: LiveSettings,
        tap: Tap | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("live")
        self._load = load
        self._open_reader = open_reader
        self.paused = False
        self.settings = settings
        self.tap = tap
        self.choice = ModelChoice()
        self._loading: _Loading | None = None  # the newest, before which any other has come to its end
        self._result: Result | None = None  # the newest, until it is taken
        self._changed = threading.Condition()
        self._order = _Order()
        self._closing = False
        self._reader: FrameReader | None = None
        self._leaving: list[FrameReader] = []  # asked to stop, and perhaps still waiting for an answer of the network

    def play(self, source: str, options: SourceOptions = USUAL) -> int:
        """Play this source instead of any other; returns the number of the run."""
        return self._leave_order(source, options)

    def halt(self) -> int:
        """Play nothing, and load networks meanwhile; returns a number that no result carries."""
        return self._leave_order(None, USUAL)

    def set_paused(self, paused: bool) -> None:
        """Let the clip that is played, or will be once networks are loaded, stand still or go on."""
        self.paused = paused
        self.ask(lambda transport: transport.set_paused(paused))

    def ask(self, ask: Callable[[Transport], object]) -> None:
        """Ask the reader of what is played, if there is one, such as `lambda transport: transport.seek(2.0)`."""
        reader = self._reader  # once: the thread may take it away at any moment
        if reader is not None:
            ask(reader.transport)

    def take_result(self) -> Result | None:
        """The newest result, once."""
        with self._changed:
            result, self._result = self._result, None
        return result

    def request_close(self) -> None:
        """Ask the thread to end, without waiting."""
        with self._changed:
            self._closing = True
            if self._reader is not None:
                self._reader.mailbox.close()
            self._changed.notify_all()

    def shutdown(self, timeout_s: float) -> bool:
        """End the thread and its readers; False if one of them has not ended in time, or networks still load."""
        self.request_close()
        ended = self.wait(int(timeout_s * 1000)) and not any(reader.is_alive() for reader in self._leaving)
        if not ended or self._loading is None:
            return ended
        self._loading.join(min(timeout_s, LOAD_STOP_S))
        return not self._loading.is_alive()

    def run(self) -> None:
        """The thread's body: waits for orders until it is closed."""
        run = 0
        while (order := self._next_order(run)) is not None:
            run = order.run
            if order.source is None:
                self._load_ahead(order.run)
            else:
                self._obey(order, order.source)
        self._wait_for_readers()

    def show(self, result: Result) -> None:
        """Hand over a picture (called in this thread); a signal for every one would pile up behind a busy window."""
        with self._changed:
            told, self._result = self._result is not None, result
        if not told:
            self.result_ready.emit()

    def _leave_order(self, source: str | None, options: SourceOptions) -> int:
        with self._changed:
            self._order = _Order(self._order.run + 1, source, options)
            self.paused = False
            if self._reader is not None:
                self._reader.mailbox.close()  # wakes up the run before
            self._changed.notify_all()
            return self._order.run

    def _next_order(self, after_run: int) -> _Order | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._order.run > after_run)
            return None if self._closing else self._order

    def _is_wanted(self, run: int) -> bool:
        return not self._closing and self._order.run == run

    def _is_wanted_with(self, run: int, choice: ModelChoice) -> bool:
        return self._is_wanted(run) and self.choice == choice

    def _load_ahead(self, run: int) -> None:
        """Begin to load what the next source will need, and compile it for pictures of the usual shape; once.

        Failures are left to the next start, which tries again and tells them.
        """
        with self._changed:
            if self._changed.wait_for(lambda: not self._is_wanted(run), IDLE_S) or self._loading is not None:
                return

        def load(choice: ModelChoice) -> Recognizer:
            recognizer = self._load(choice)
            with suppress(Exception):
                if self._is_wanted(run):
                    Pipeline(recognizer).compile(self.settings)
            return recognizer

        self._begin_loading(self.choice, load)

    def _begin_loading(self, choice: ModelChoice, load: LoadRecognizer) -> _Loading:
        loading = self._loading = _Loading(choice, load, self._changed)  # what was loaded before goes
        loading.start()
        return loading

    def _await_loading(self, run: LiveRun) -> bool:
        """Wait until nothing loads; False once something else is wanted, or the source has turned out to be none."""

        def loads() -> bool:
            return self._loading is not None and self._loading.goes_on

        with self._changed:
            while loads() and self._is_wanted(run.number) and run.reader.is_alive():
                self._changed.wait(POLL_S)
        return not loads() and self._is_wanted(run.number)

    def _obey(self, order: _Order, source: str) -> None:
        try:
            self._play(order, source)
        except Exception as error:
            self.status_changed.emit(Status(order.run, Phase.FAILED, message_of(error)))

    def _play(self, order: _Order, source: str) -> None:
        """Open the source, load models while it opens, and show it until something else is wanted."""
        states = States()
        reader = self._open_reader(
            source, Mailbox(), lambda state, message: states.put((state, message)), order.options
        )
        with self._changed:
            self._reader = reader
        # A clip must not run away while models load, and compile when they get their first picture.
        reader.transport.set_held(True)
        if self.paused:  # by now; later its reader is told
            reader.transport.set_paused(True)
        reader.start()
        try:
            self._show(LiveRun(order.run, reader, states, self))
        finally:
            with self._changed:
                self._reader = None
            self._dismiss(reader, source)

    def _show(self, run: LiveRun) -> None:
        while self._is_wanted(run.number):
            choice = self.choice
            recognizer = self._networks(choice, run)
            if recognizer is None:
                return
            self.models_loaded.emit(recognizer.device_name, recognizer.labels)
            run.play(partial(Pipeline, recognizer), partial(self._is_wanted_with, run.number, choice))
            if self.choice == choice:
                return

    def _networks(self, choice: ModelChoice, run: LiveRun) -> Recognizer | None:
        """The chosen networks, which are loaded now where they are not yet; None where they are not needed any more."""
        if self._loaded(choice) is None:
            run.tell_loading()
            if self._await_loading(run) and self._loaded(choice) is None:
                loading = self._begin_loading(choice, self._load)
                if self._await_loading(run) and loading.error is not None:
                    raise loading.error
            if not self._is_wanted(run.number):
                return None
            run.tell_loaded()
        return self._loaded(choice)

    def _loaded(self, choice: ModelChoice) -> Recognizer | None:
        loading = self._loading
        return loading.recognizer if loading is not None and loading.choice == choice else None

    def _dismiss(self, reader: FrameReader, source: str) -> None:
        """Stop a reader; wait only for a camera, which can be opened again only when it is closed."""
        self._leaving = [leaving for leaving in self._leaving if leaving.is_alive()]
        if not reader.stop(READER_STOP_S if source_kind(source) == "camera" else 0.0):
            self._leaving.append(reader)

    def _wait_for_readers(self) -> None:
        deadline_s = time.monotonic() + READER_STOP_S
        for reader in self._leaving:
            if not reader.stop(max(0.0, deadline_s - time.monotonic())):
                print(f"gesture-app: a source is still closing after {READER_STOP_S:.0f} s", file=sys.stderr)
