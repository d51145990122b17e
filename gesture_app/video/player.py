"""Playing a clip: each frame at its time, or slower or faster, with pause, seeking and single steps."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from gesture_app.video.clips import Clip
from gesture_app.vision.hands import Frame

LATE_S = 0.5
MOST_STEPS = 3


class ClipSource(Protocol):
    """What is needed of a source that can be sought.

    Attributes:
        clip: what is known of it, which may be more at its end.
        notes: what there is to tell about what was read; whoever tells it takes it out.
    """

    name: str
    clip: Clip
    notes: list[str]

    def read(self) -> Frame | None:
        """The next frame, or None at the end."""

    def read_at(self, time_s: float, wanted: Callable[[], bool] = lambda: True) -> Frame | None:
        """The frame that is shown at this time; `read` goes on after it.

        None when there is none, and where it takes long once `wanted` gives False.
        """


class Transport:
    """What a reading thread is asked for: any thread asks, the reading thread waits and obeys.

    Attributes:
        loop: whether a clip starts again at its end.
        speed: how many seconds of a clip are shown in one.
    """

    def __init__(self, loop: bool = False, speed: float = 1.0) -> None:
        self.loop = loop
        self.speed = speed
        self._changed = threading.Condition()
        self._stopping = False
        self._paused = False
        self._held = False
        self._retry = False
        self._orders: deque[float | int] = deque()
        self._news = False  # something was asked for since `take`

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping

    @property
    def superseded(self) -> bool:
        """Whether what `take` gave is not wanted any more: another time was asked for since, or the end."""
        with self._changed:
            return self._stopping or (bool(self._orders) and isinstance(self._orders[0], float))

    @property
    def held(self) -> bool:
        """Whether a clip waits until its first frame has been looked at."""
        return self._held

    def stop(self) -> None:
        """Ask for the end."""
        with self._asking():
            self._stopping = True

    def set_paused(self, paused: bool) -> None:
        """Ask to stand still or to go on."""
        with self._asking():
            self._paused = paused

    def set_held(self, held: bool) -> None:
        """Ask to wait at the first frame, or no longer."""
        with self._asking():
            self._held = held

    def set_loop(self, loop: bool) -> None:
        """Ask to start a clip again at its end, or not to."""
        with self._asking():
            self.loop = loop

    def set_speed(self, speed: float) -> None:
        """Ask for another speed."""
        with self._asking():
            self.speed = speed

    def seek(self, time_s: float) -> None:
        """Ask for a time, in place of all that is asked for already."""
        with self._asking():
            self._orders.clear()
            self._orders.append(float(time_s))

    def step(self, frames: int) -> None:
        """Ask to go this number of frames; a key that repeats faster than frames are read loses some."""
        with self._asking():
            if len(self._orders) < MOST_STEPS:
                self._orders.append(int(frames))

    def retry(self) -> None:
        """End a wait of `wait_for_retry`."""
        with self._asking():
            self._retry = True

    def take(self) -> tuple[float | int | None, bool]:
        """The next order, a float for a time or an int for a number of frames, and whether to stand still."""
        with self._changed:
            order = self._orders.popleft() if self._orders else None
            self._news = bool(self._orders)
            return order, self._paused

    def wait(self, seconds: float | None = None) -> bool:
        """Wait; whether something was asked for since `take` before the time was over."""
        with self._changed:
            return self._changed.wait_for(lambda: self._news or self._stopping, seconds)

    def wait_for_retry(self, seconds: float) -> None:
        """Wait, no longer than until `retry` or `stop`."""
        with self._changed:
            self._changed.wait_for(lambda: self._retry or self._stopping, seconds)
            self._retry = False

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._changed:
            yield
            self._news = True
            self._changed.notify_all()


class ClipPlayer:
    """Plays an open clip in the reading thread.

    Args:
        source: an open clip.
        transport: what is asked for.
        deliver: takes each frame at its time, and that time on `time.monotonic`.
        on_state: takes "live", "paused" and "ended" with the source's name, once more when more is known of the clip,
            and "note" with what there is to tell.
    """

    def __init__(
        self,
        source: ClipSource,
        transport: Transport,
        deliver: Callable[[Frame, float], None],
        on_state: Callable[[str, str], None],
    ) -> None:
        self._source = source
        self._transport = transport
        self._deliver = deliver
        self._on_state = on_state
        self._told: tuple[str, Clip] = ("", source.clip)
        self._at_s = 0.0  # the time of the frame that was delivered last
        self._next: Frame | None = None  # read, and waiting for its time
        self._over = False
        self._speed = transport.speed
        self._zero_s = 0.0  # when time 0 of the clip was, or would have been at this speed, on time.monotonic's clock

    def play(self) -> None:
        """Deliver frames until the end is asked for."""
        clip = self._source.clip
        readable = self._show(self._source.read())
        if not readable:
            self._transport.set_held(False)  # there is nothing to wait for
        while not self._transport.stopping:
            self._tell_notes()
            order, paused = self._transport.take()
            if order is not None:
                if not clip.still:
                    self._obey(order)
            elif self._over and self._transport.loop and readable and not paused:
                readable = self._show(self._source.read_at(0.0))
                self._over = not readable
            elif self._transport.held and not paused:
                self._transport.wait()
            elif self._over or paused or clip.still:
                self._tell("ended" if self._over else "paused")
                self._transport.wait()
            else:
                if self._told[0] != "live" or self._speed != self._transport.speed:
                    self._speed = self._transport.speed
                    self._zero_s = time.monotonic() - self._at_s / self._speed
                self._tell("live")
                self._go_on(clip.frame_s)

    def _obey(self, order: float | int) -> None:
        if isinstance(order, float):
            self._jump(order)
        elif order > 0:
            for _ in range(order):
                self._over = not self._show(self._take_next())
        else:
            for _ in range(-order):
                self._jump(self._at_s - 1e-6)

    def _jump(self, time_s: float) -> None:
        self._next = None
        frame = self._source.read_at(max(0.0, time_s), lambda: not self._transport.superseded)
        self._over = not self._show(frame)

    def _go_on(self, frame_s: float) -> None:
        """Deliver the next frame at its time, unless something else is asked for first; the last has its time, too."""
        self._next = self._next or self._source.read()
        due_s = self._at_s + frame_s if self._next is None else self._next.time_s
        ahead_s = self._zero_s + due_s / self._speed - time.monotonic()
        if ahead_s > 0 and self._transport.wait(ahead_s):
            return
        if self._next is None:
            self._over = True
            return
        zero_s = self._zero_s
        self._show(self._take_next())
        if ahead_s > -LATE_S:  # else decoding is slower than the film: play on from here, do not race
            self._zero_s = zero_s

    def _take_next(self) -> Frame | None:
        frame, self._next = self._next or self._source.read(), None
        return frame

    def _show(self, frame: Frame | None) -> bool:
        """Deliver a frame, whose time is now; whether there is one."""
        if frame is None:
            return False
        now_s = time.monotonic()
        self._at_s, self._zero_s = frame.time_s, now_s - frame.time_s / self._speed
        self._deliver(frame, now_s)
        return True

    def _tell_notes(self) -> None:
        while self._source.notes:
            self._on_state("note", self._source.notes.pop(0))

    def _tell(self, state: str) -> None:
        if self._told != (state, self._source.clip):
            self._told = state, self._source.clip
            self._on_state(state, self._source.name)
