"""One source from its first frame to its last."""

from __future__ import annotations

import queue
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from gesture_app.ui.live import LiveSettings, Phase, Result
from gesture_app.ui.pictures import mirror_image, to_qimage
from gesture_app.ui.pipeline import Pipeline

if TYPE_CHECKING:
    from gesture_app.video.sources import Mailbox
    from gesture_app.vision.hands import Frame

POLL_S = 0.1
STALE_AFTER_S = 1.0

PHASE_OF_STATE = {
    "opening": Phase.OPENING,
    "live": Phase.LIVE,
    "reconnecting": Phase.RECONNECTING,
    "ended": Phase.ENDED,
    "error": Phase.NO_SOURCE,
}

States = queue.SimpleQueue[tuple[str, str]]


class Delivery(Protocol):
    """Where a stream hands over what it has."""

    def deliver_result(self, result: Result) -> None:
        """A picture to show."""

    def deliver_phase(self, run: int, phase: Phase, message: str) -> None:
        """A change of phase."""


class LiveStream:
    """Runs in the live thread and owns what belongs to one run.

    What the reader reports is queued and passed on between two frames, so that no picture of before a loss of the
    source can be shown after it.

    Args:
        run: the number of this start.
        mailbox: what the reader, which the caller starts and stops, puts its frames into.
        states: what the reader reports, in order.
        pipeline: makes a picture of a frame.
        settings: gives the newest settings.
        delivery: takes pictures and phases.
    """

    def __init__(
        self,
        run: int,
        mailbox: Mailbox,
        states: States,
        pipeline: Pipeline,
        settings: Callable[[], LiveSettings],
        delivery: Delivery,
    ) -> None:
        self._run = run
        self._mailbox = mailbox
        self._states = states
        self._pipeline = pipeline
        self._settings = settings
        self._delivery = delivery
        self._phase = Phase.OPENING
        self._last: tuple[Frame, float] | None = None
        self._boxes_shown = False

    def play(self, wanted: Callable[[], bool]) -> None:
        """Show frames until the source has ended for good or is no longer wanted."""
        while wanted() and self._phase.running:
            item = self._mailbox.get(POLL_S)
            if item is not None:
                self._last = item
                self._show(*item)
            elif self._last is not None and time.monotonic() - self._last[1] > STALE_AFTER_S:
                self._remove_boxes()
            self._relay_states()

    def _show(self, frame: Frame, captured_s: float) -> None:
        try:
            annotated = self._pipeline(frame, self._settings())
        except Exception as error:
            self._report_fault(error)
            return
        if self._phase is Phase.FRAME_FAULT:
            self._enter(Phase.LIVE)
        self._boxes_shown = bool(annotated.hands)
        self._delivery.deliver_result(
            Result(
                run=self._run,
                picture=to_qimage(annotated.image),
                hands=annotated.hands,
                captured_s=captured_s,
                inference_s=annotated.inference_s,
                dropped=self._mailbox.dropped,
            )
        )

    def _report_fault(self, error: Exception) -> None:
        """Tell a failing frame once, until one succeeds again; the frame itself is shown without boxes."""
        if self._phase is not Phase.FRAME_FAULT:
            traceback.print_exception(error)
            self._enter(Phase.FRAME_FAULT, f"{type(error).__name__}: {error}")
        self._boxes_shown = True
        self._remove_boxes()

    def _remove_boxes(self) -> None:
        """Replace the shown picture by the same one without boxes, which no longer tell where the hands are."""
        if self._last is None or not self._boxes_shown:
            return
        self._boxes_shown = False
        frame, captured_s = self._last
        picture = to_qimage(mirror_image(frame.image) if self._settings().mirror else frame.image)
        self._delivery.deliver_result(
            Result(
                run=self._run,
                picture=picture,
                hands=(),
                captured_s=captured_s,
                inference_s=None,
                dropped=self._mailbox.dropped,
            )
        )

    def _relay_states(self) -> None:
        while True:
            try:
                state, message = self._states.get_nowait()
            except queue.Empty:
                return
            phase = PHASE_OF_STATE[state]
            if phase is not Phase.LIVE:
                self._remove_boxes()
            self._enter(phase, message)

    def _enter(self, phase: Phase, message: str = "") -> None:
        self._phase = phase
        self._delivery.deliver_phase(self._run, phase, message)
