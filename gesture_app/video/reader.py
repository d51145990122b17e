"""The thread that reads a live source: keeps to the time of clips, finds lost cameras and streams again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import cast

from gesture_app.errors import EnvironmentFault, GestureError
from gesture_app.video.addresses import USUAL, SourceOptions, masked
from gesture_app.video.clips import Clip
from gesture_app.video.mailbox import Mailbox
from gesture_app.video.player import ClipPlayer, ClipSource, Transport
from gesture_app.video.sources import LiveSource, open_live
from gesture_app.vision.hands import Frame

LOSS_S = 1.0
FIRST_FRAME_S = 5.0
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 5.0)

log = logging.getLogger(__name__)

OnState = Callable[[str, str], None]
Opener = Callable[[str, SourceOptions], LiveSource]


class FrameReader(threading.Thread):
    """Reads a live source into a mailbox, in its own thread.

    `on_state(state, message)` is called in this thread, with the states
    - "opening": the source is being opened;
    - "live": frames arrive; the message is the source's name; once more when more is known of a clip;
    - "paused": a clip stands still at the frame that was delivered last;
    - "note": nothing changes, but the message tells of a fault of a clip, as a picture that is left out;
    - "ended": a clip is over; it waits for `Transport.seek`, `Transport.step` or `stop`;
    - "unavailable": a camera, a stream or a screen cannot be opened, the message says why; tried again after
      0.5, 1, 2, 4, 5, 5, ... s, or at once after `Transport.retry`;
    - "reconnecting": it was lost, no frame for a second; tried again in the same way;
    - "error": the source cannot be used, with a message for people; the last state;
    - "closed": `stop` was called; the last state.

    Any thread may call `stop`, and ask for more by the `transport`.

    Attributes:
        mailbox: where its frames are.
        transport: what it obeys; all but `retry` acts on clips only.
    """

    def __init__(
        self,
        source: str,
        mailbox: Mailbox,
        on_state: OnState,
        options: SourceOptions = USUAL,
        opener: Opener = open_live,
    ) -> None:
        super().__init__(name="frame reader", daemon=True)
        self._source = source
        self._opened: LiveSource | None = None
        self.mailbox = mailbox
        self._on_state = on_state
        self._options = options
        self._opener = opener
        self.transport = Transport(options.loop, options.speed)
        self._frames = 0
        self._first_at_s: float | None = None

    @property
    def clip(self) -> Clip | None:
        """What is known of the source if it is a clip; not before "live" or "paused" is told, nor after "error"."""
        opened = self._opened  # once: its thread may take it away at any moment
        return opened.clip if opened is not None else None

    def stop(self, timeout_s: float = 3.0) -> bool:
        """Ask the thread to end and wait for it; whether it ended in that time."""
        self.transport.stop()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout_s)
        return not self.is_alive()

    def run(self) -> None:
        """Open, read, reconnect; every error becomes the state "error"."""
        try:
            self._on_state("opening", "")
            attempt = 0
            while True:
                before = self._frames
                try:
                    lost = self._read_until_lost()
                except EnvironmentFault as fault:
                    lost = str(fault)
                if self.transport.stopping:
                    break
                if self._frames > before:
                    attempt = 0
                self._on_state("reconnecting" if self._frames else "unavailable", lost)
                self.transport.wait_for_retry(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
                attempt += 1
            self._on_state("closed", "")
        except GestureError as error:
            self._on_state("error", str(error))
        except Exception as error:
            log.exception("the frame reader failed")
            name = masked(self._source) if "://" in self._source else self._source
            self._on_state("error", f"source: {name}: {type(error).__name__}: {error}")

    def _read_until_lost(self) -> str:
        """Read until `stop`, or until the source is lost: why."""
        source = self._opener(self._source, self._options)
        try:
            self._opened = source
            if source.clip is not None:
                ClipPlayer(cast("ClipSource", source), self.transport, self._deliver, self._on_state).play()
                return ""
            return self._read_live(source)
        finally:
            self._opened = None
            source.release()

    def _read_live(self, source: LiveSource) -> str:
        deadline_s = time.monotonic() + FIRST_FRAME_S
        live = False
        while not self.transport.stopping:
            frame = source.read()
            now_s = time.monotonic()
            if frame is not None:
                deadline_s = now_s + LOSS_S
                if not live:
                    live = True
                    self._on_state("live", source.name)
                if self._first_at_s is None:
                    self._first_at_s = now_s
                # One numbering and one clock over all reconnections.
                self._deliver(Frame(frame.image, self._frames, now_s - self._first_at_s), now_s)
            elif now_s >= deadline_s:
                return f"source: {source.name}: gives no pictures. Check the connection"
            else:
                time.sleep(0.01)
        return ""

    def _deliver(self, frame: Frame, captured_at_s: float) -> None:
        self._frames += 1
        self.mailbox.put(frame, captured_at_s)
