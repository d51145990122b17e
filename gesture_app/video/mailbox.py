"""The hand-over from whoever reads frames to whoever looks at them: one slot, the newest frame."""

from __future__ import annotations

import threading
from typing import NamedTuple

from gesture_app.vision.hands import Frame


class Captured(NamedTuple):
    """A frame, and when it was read, on the clock of `time.monotonic`."""

    frame: Frame
    at_s: float


class Mailbox:
    """Holds the newest frame only. Any thread may call any method.

    Attributes:
        dropped: how many frames were replaced before anyone took them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._changed = threading.Condition()
        self._item: Captured | None = None
        self._closed = False

    def put(self, frame: Frame, captured_at_s: float) -> None:
        """Leave a frame, in place of one that nobody took. `captured_at_s` is of `time.monotonic`."""
        with self._changed:
            if self._closed:
                return
            self.dropped += self._item is not None
            self._item = Captured(frame, captured_at_s)
            self._changed.notify()

    def get(self, timeout_s: float | None = None) -> Captured | None:
        """Wait for a frame and take it.

        Returns:
            None when the time is over (None waits for ever) or the mailbox is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._item is not None or self._closed, timeout_s)
            item, self._item = self._item, None
            return None if self._closed else item

    def close(self) -> None:
        """Wake up whoever waits; from now on `get` gives None."""
        with self._changed:
            self._closed = True
            self._item = None
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed
