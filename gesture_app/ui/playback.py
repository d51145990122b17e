"""What is played, and how it goes: the window's side of the live thread."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PyQt6.QtCore import QObject, pyqtSignal, pyqtSlot

from gesture_app.ui.live import LiveSettings, ModelChoice, Phase, Result, Status
from gesture_app.ui.workers import LiveWorker
from gesture_app.video.addresses import SourceOptions, source_kind

if TYPE_CHECKING:
    from gesture_app.video.clips import Clip

UNKNOWN_END_S = 1e8  # files count times in integers of up to nanoseconds
PAUSABLE = (Phase.OPENING, Phase.LOADING, Phase.LIVE, Phase.PAUSED, Phase.ENDED, Phase.FRAME_FAULT)


class Playback(QObject):
    """One source at a time, on one `LiveWorker`, which it starts and ends.

    Signals:
        status_changed: the `Status` of the source that is played now.
        result_ready: a `Result` of it.
        noted: a fault of it, which does not end it.
        source_changed: another source is played, or the same one from its start.
        playing_changed: `playing`, also where it is as before.
        models_loaded: as the worker's.

    Attributes:
        source: what is or was played last; empty before the first.
        phase: where it stands.
        clip: what is known of it if it can be sought, else None.
        position_s: the time of the frame that is shown.
    """

    status_changed = pyqtSignal(object)
    result_ready = pyqtSignal(object)
    noted = pyqtSignal(str)
    source_changed = pyqtSignal(str)
    playing_changed = pyqtSignal(bool)
    models_loaded = pyqtSignal(str, object)

    def __init__(self, worker: LiveWorker, options: SourceOptions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = worker
        self._options = options
        self._run = 0
        self.source = ""
        self.phase = Phase.IDLE
        self._at_end = False  # also while other networks load, until it is asked to go elsewhere
        self.clip: Clip | None = None
        self.position_s = 0.0
        self._begin_s = 0.0
        worker.result_ready.connect(self._take_result)
        worker.status_changed.connect(self._take_status)
        worker.noted.connect(self._take_note)
        worker.models_loaded.connect(self.models_loaded)
        worker.start()

    def set_camera_size(self, size_wh: tuple[int, int] | None) -> bool:
        """Ask the next camera for pictures of this size; whether it is another than before."""
        changed = size_wh != self._options.camera_size_wh
        self._options = replace(self._options, camera_size_wh=size_wh)
        return changed

    def set_loop(self, loop: bool) -> None:
        """Whether clips start again at their end."""
        self._options = replace(self._options, loop=loop)
        self._worker.ask(lambda transport: transport.set_loop(loop))

    def set_speed(self, speed: float) -> None:
        """Show so many seconds of clips in one."""
        self._options = replace(self._options, speed=speed)
        self._worker.ask(lambda transport: transport.set_speed(speed))

    @property
    def playing(self) -> bool:
        """Whether the source goes on, or will once it is open and networks are loaded: a clip that Space pauses."""
        return self.phase in PAUSABLE and not self._at_end and not self._worker.paused

    @property
    def clip_end_s(self) -> float:
        """The time of the last frame of a clip; where that is not known, one after it."""
        if self.clip is None:
            return 0.0
        return max(0.0, (self.clip.duration_s or UNKNOWN_END_S) - self.clip.frame_s)

    def configure(self, settings: LiveSettings) -> None:
        """Show pictures like this from now on."""
        self._worker.settings = settings

    def choose_model(self, choice: ModelChoice) -> None:
        """Use these networks from now on; a source that failed is tried again with them."""
        if choice != self._worker.choice:
            self._worker.choice = choice
            if self.phase is Phase.FAILED:
                self.play(self.source)

    def play(self, source: str, begin_s: float = 0.0) -> None:
        """Play this source instead of any other, a clip from this time on."""
        self.source = source
        self.clip, self.position_s, self._begin_s = None, 0.0, begin_s
        self._run = self._worker.play(source, self._options)
        self.source_changed.emit(source)
        self._take_status(Status(self._run, Phase.OPENING))

    def halt(self) -> None:
        """Play nothing."""
        self.clip, self.position_s = None, 0.0
        self._run = self._worker.halt()
        self._take_status(Status(self._run, Phase.IDLE))

    def toggle(self) -> None:
        """What Space does: pause a clip or go on with it, stop a camera or start it again."""
        if self._at_end:
            self._at_end = False
            self._worker.ask(lambda transport: transport.seek(0.0))
            self._set_paused(False)
        elif source_kind(self.source) == "file" and self.phase in PAUSABLE:
            self._set_paused(self.playing)
        elif self.phase.running:
            self.halt()
        elif self.source:
            self.play(self.source)

    def seek(self, time_s: float) -> None:
        """Go to a time of a clip; it goes on playing if it did."""
        if self.clip is not None:
            end_s = self.clip_end_s
            self._at_end = False
            self._worker.ask(lambda transport: transport.seek(min(max(0.0, time_s), end_s)))
            self.playing_changed.emit(self.playing)

    def step(self, frames: int) -> None:
        """Pause a clip, and go some frames forth or back."""
        if self.clip is not None:
            self._at_end = False
            self._set_paused(True)
            self._worker.ask(lambda transport: transport.step(frames))

    def retry(self) -> None:
        """Try at once to open a source that is not available."""
        self._worker.ask(lambda transport: transport.retry())

    def request_close(self) -> None:
        """Ask the live thread to end, without waiting."""
        self._worker.request_close()

    def shutdown(self, timeout_s: float) -> bool:
        """End the live thread; False if it has not ended in time."""
        return self._worker.shutdown(timeout_s)

    def _set_paused(self, paused: bool) -> None:
        self._worker.set_paused(paused)
        self.playing_changed.emit(self.playing)

    @pyqtSlot()
    def _take_result(self) -> None:
        result: Result | None = self._worker.take_result()
        if result is not None and result.run == self._run:
            self.position_s = result.time_s
            self.result_ready.emit(result)

    @pyqtSlot(object)
    def _take_status(self, status: Status) -> None:
        if status.run == self._run:
            self.phase, self.clip = status.phase, status.clip
            if status.phase is not Phase.LOADING:
                self._at_end = status.phase is Phase.ENDED
            if self.clip is not None and self._begin_s:
                begin_s, self._begin_s = self._begin_s, 0.0
                self.seek(begin_s)
            self.status_changed.emit(status)
            self.playing_changed.emit(self.playing)

    @pyqtSlot(int, str)
    def _take_note(self, run: int, text: str) -> None:
        if run == self._run:
            self.noted.emit(text)
