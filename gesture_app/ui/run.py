"""One source from its first frame to its last."""

from __future__ import annotations

import queue
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from gesture_app.ui.live import LiveSettings, Phase, Result, Status
from gesture_app.ui.pictures import to_qimage
from gesture_app.ui.rendering import Rendered, Renderer

if TYPE_CHECKING:
    from gesture_app.ui.pipeline import Pipeline
    from gesture_app.ui.workers import LiveWorker
    from gesture_app.video.mailbox import Captured
    from gesture_app.video.reader import FrameReader
    from gesture_app.vision.hands import Frame, Hand, Image

POLL_S = 0.1
STALE_AFTER_S = 1.0
CUT_S = 2.0

PHASE_OF_STATE = {
    "opening": Phase.OPENING,
    "live": Phase.LIVE,
    "paused": Phase.PAUSED,
    "unavailable": Phase.UNAVAILABLE,
    "reconnecting": Phase.RECONNECTING,
    "ended": Phase.ENDED,
    "error": Phase.NO_SOURCE,
    "closed": Phase.IDLE,
}

States = queue.SimpleQueue[tuple[str, str]]


class LiveRun:
    """One source from its start to its end, in the live thread.

    What the reader reports is queued and passed on between two frames, so that no picture of before a loss of the
    source can be shown after it.

    Args:
        number: of this start.
        reader: reads the source; the caller starts and stops it.
        states: what the reader reports, in order.
        worker: takes pictures, phases and faults, and knows the newest settings.

    Attributes:
        number, reader: as given.
    """

    def __init__(self, number: int, reader: FrameReader, states: States, worker: LiveWorker) -> None:
        self.number = number
        self.reader = reader
        self._states = states
        self._worker = worker
        self._phase = Phase.OPENING
        self._faulty = False
        self._renderer = Renderer()
        self._last: Captured | None = None
        self._aside: Pipeline | None = None  # for other thresholds while a picture stands still
        self._shown_with: LiveSettings | None = None
        self._boxes_shown = False
        self._dark = False
        self._dropped = 0
        self._unready = 0  # of all dropped frames those that came before the networks were ready

    def play(self, make_pipeline: Callable[[], Pipeline], wanted: Callable[[], bool]) -> None:
        """Show frames until the source has failed or nobody wants it any more; may be called again with other models.

        Args:
            make_pipeline: gives a new pipeline, which knows no earlier frame.
            wanted: asked between two frames.
        """
        pipeline, fresh = make_pipeline(), True
        self._shown_with = self._aside = None  # other models may see other hands in a picture that stands still
        self._relay_states()
        while wanted() and self._phase is not Phase.NO_SOURCE:
            item = self.reader.mailbox.get(POLL_S)
            if item is not None:
                is_first = self._last is None
                if is_first:
                    self._relay_states()  # "opening" was told before it
                if fresh:
                    self._excuse()
                if self._is_cut(item.frame):
                    pipeline = make_pipeline()
                self._last = item
                self._show(item, pipeline)
                if fresh:
                    fresh = False
                    with suppress(Exception):  # which the first hand will meet and tell
                        pipeline.warm_up(item.frame.image)
                    self._excuse()
                if is_first:
                    self.reader.transport.set_held(False)
                if self._phase is Phase.ENDED:
                    self._relay_states()  # which tell it if it was sought
                if self._phase is Phase.ENDED:  # else the last frame was on its way when the end was told
                    self._enter(self._phase)
            elif self._phase in (Phase.PAUSED, Phase.ENDED):
                self._redraw(pipeline, make_pipeline)
            elif self._is_stale():
                self._remove_boxes()
            self._relay_states()

    def _excuse(self) -> None:
        """What was dropped since the last picture was told is not for want of speed."""
        self._unready = self.reader.mailbox.dropped - self._dropped

    def tell_loading(self) -> None:
        """Say that models load, until `play` goes on."""
        self._worker.status_changed.emit(Status(self.number, Phase.LOADING, clip=self.reader.clip))

    def tell_loaded(self) -> None:
        """Say where the source stands, after other phases were told."""
        self._enter(self._phase)
        self._relay_states()

    def _is_still(self) -> bool:
        """Whether a picture by itself is shown, whose hands are where they were however long it stands."""
        return self._last is not None and self._last.frame.still

    def _is_stale(self) -> bool:
        """Whether a source that cannot be sought, as a camera, has had nothing new for long; clips may be slow."""
        if self._last is None or self._is_still() or self.reader.clip is not None:
            return False
        return time.monotonic() - self._last.at_s > STALE_AFTER_S

    def _is_cut(self, frame: Frame) -> bool:
        """Whether a frame does not follow the one before: a jump, a loop, the next picture of a folder."""
        if self._last is None:
            return False
        step_s = frame.time_s - self._last.frame.time_s
        return step_s < 0 or step_s > CUT_S

    def _show(self, item: Captured, pipeline: Pipeline) -> None:
        rendered = self._annotate(item.frame, pipeline, is_new=True)
        if rendered is not None and self._worker.tap is not None:
            self._worker.tap.add(rendered.image, rendered.clean, item.at_s)

    def _redraw(self, pipeline: Pipeline, make_pipeline: Callable[[], Pipeline]) -> None:
        """Show a picture that stands still as the settings are now; its hands are found anew for other thresholds."""
        now = self._worker.settings
        if self._last is None or self._shown_with == now:
            return
        frame = self._last.frame
        knowing = (p for p in (pipeline, self._aside) if p is not None and p.has_seen(frame, now.options))
        chosen = next(knowing, None)
        if chosen is None:  # another one, which leaves alone the tracks with which it will go on
            chosen = self._aside = make_pipeline()
        self._annotate(frame, chosen, is_new=False)

    def _annotate(self, frame: Frame, pipeline: Pipeline, is_new: bool) -> Rendered | None:
        """Recognize and show the newest frame; None for one that fails, which is shown without boxes."""
        settings = self._worker.settings
        self._shown_with = settings
        try:
            rendered, inference_s = pipeline(frame, settings)
        except Exception as error:
            self._report_fault(error)
            return None
        self._dark = rendered.dark
        if self._faulty:
            self._faulty = False
            self._enter(self._phase)
        self._deliver(rendered.image, rendered.hands, inference_s if is_new else None)
        return rendered

    def _report_fault(self, error: Exception) -> None:
        """Tell a failing frame once, until one succeeds again; the frame itself is shown without boxes."""
        if not self._faulty:
            self._faulty = True
            traceback.print_exception(error)
            self._worker.status_changed.emit(
                Status(self.number, Phase.FRAME_FAULT, f"{type(error).__name__}: {error}", self.reader.clip)
            )
        self._show_plain()

    def _remove_boxes(self) -> None:
        """Replace the shown picture by the same one without boxes, which no longer tell where the hands are."""
        if self._boxes_shown:
            self._show_plain()

    def _show_plain(self) -> None:
        """Show the newest picture without boxes, as the settings are now."""
        if self._last is None:
            return
        settings = self._worker.settings
        self._shown_with = settings
        frame = self._last.frame
        self._deliver(self._renderer(frame.image, (), frame.time_s, settings).image, (), None)

    def _deliver(self, image: Image, hands: tuple[Hand, ...], inference_s: float | None) -> None:
        assert self._last is not None
        frame, captured_s = self._last
        self._boxes_shown = bool(hands)
        self._dropped = self.reader.mailbox.dropped - self._unready
        self._worker.show(
            Result(
                self.number,
                to_qimage(image),
                hands,
                frame.time_s,
                captured_s,
                inference_s,
                self._dropped,
                frame.still,
                frame.name,
                self._dark,
            )
        )

    def _relay_states(self) -> None:
        while True:
            try:
                state, message = self._states.get_nowait()
            except queue.Empty:
                return
            if state == "note":
                self._worker.noted.emit(self.number, message)
                continue
            phase = PHASE_OF_STATE[state]
            if phase not in (Phase.LIVE, Phase.PAUSED, Phase.ENDED):
                self._remove_boxes()
            self._enter(phase, message)

    def _enter(self, phase: Phase, message: str = "") -> None:
        self._phase = phase
        self._faulty = False
        self._worker.status_changed.emit(Status(self.number, phase, message, self.reader.clip))
